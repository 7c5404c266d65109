"""Disocclusions: filled from the background, along its lines, the same in both forms."""

from __future__ import annotations

import math

import pytest
import torch

from stereo3d.render import fill, warp


def stripes(angle: float, height: int = 96, width: int = 160) -> torch.Tensor:
    """Parallel soft lines, 12 px apart; ``angle`` degrees against the row."""
    y, x = torch.meshgrid(torch.arange(height) * 1.0, torch.arange(width) * 1.0, indexing="ij")
    across = y * math.cos(math.radians(angle)) - x * math.sin(math.radians(angle))
    return (128 + 100 * torch.sin(across * (2 * math.pi / 12)))[None, None]


def wall_with_a_hole(width: int = 160, gap: int = 14) -> torch.Tensor:
    """The surface of a view: a near post, beside it the gap it leaves, then a far wall."""
    seen = torch.zeros(1, 1, 96, width)
    seen[..., 60:80] = 20
    seen[..., 80 : 80 + gap] = fill.EMPTY
    return seen


def filled(picture: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """``picture`` as the view itself: the post is 255, and what lies in the gap is to be guessed."""
    view = torch.where(seen == 20, 255.0, torch.where(seen == fill.EMPTY, 0.0, picture))
    return fill.fill(view, picture, seen.reshape(-1, seen.shape[3]))


@pytest.mark.parametrize("angle", [0, 15, 30, -30])
def test_lines_of_the_background_go_on_into_the_hole(angle: float, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, seen = stripes(angle), wall_with_a_hole()
    inner = (seen == fill.EMPTY)[:, :, 16:-16]
    with_grain = (filled(picture, seen) - picture)[:, :, 16:-16][inner].square().mean()
    monkeypatch.setattr(fill, "STRETCH", 0.0)
    without = (filled(picture, seen) - picture)[:, :, 16:-16][inner].square().mean()
    assert with_grain < 0.6 * without


def test_the_subject_is_never_filled_from() -> None:
    flat = torch.full((1, 1, 96, 160), 40.0)
    hole = wall_with_a_hole() == fill.EMPTY
    assert torch.allclose(filled(flat, wall_with_a_hole())[hole], torch.tensor(40.0))


def test_a_gap_between_two_backgrounds_is_bridged_from_both() -> None:
    """What a thin thing leaves in front of a shade that changes."""
    picture = torch.linspace(0, 159, 160).expand(1, 1, 96, 160).contiguous()
    seen = torch.zeros(1, 1, 96, 160)
    seen[..., 80:90] = fill.EMPTY
    got = filled(picture, seen)[0, 0, 48, 80:90]
    assert (got - picture[0, 0, 48, 80:90]).abs().max() < 4
    assert got[-1] - got[0] > 8  # from one side alone it would be the mean of that side


@pytest.mark.parametrize("scale", [1 / 255, 1, 4])
def test_the_bit_depth_does_not_matter(scale: float) -> None:
    picture, seen = stripes(20), wall_with_a_hole()
    view = torch.where(seen == fill.EMPTY, 0.0, picture)
    want = fill.fill(view, picture, seen[0, 0]) * scale
    assert torch.allclose(fill.fill(view * scale, picture * scale, seen[0, 0]), want, rtol=1e-4)


@pytest.mark.parametrize("gap", [1, 2, 9, 40])
def test_the_kernel_equals_the_reference(gap: int) -> None:
    """Float pictures within 1e-3 of 255, wherever the gap lies and however wide it is."""
    random = torch.Generator().manual_seed(gap)
    picture = torch.rand((2, 3, 96, 160), generator=random) * 255
    seen = wall_with_a_hole(gap=gap).repeat(2, 1, 1, 1) + torch.rand((2, 1, 96, 160), generator=random)
    for column in (0, 152):  # gaps at the frame's borders have one side only
        seen[1, :, 20:40, column : column + 8] = fill.EMPTY
    seen[1, :, 50] = fill.EMPTY  # and a row that lost everything
    got, want = warp.sample(picture, seen, -1), warp.sample_reference(picture, seen, -1)
    assert (got - want).abs().max() < 0.255
    assert (got - want).abs().mean() < 1e-3
