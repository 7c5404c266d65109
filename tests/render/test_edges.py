"""Depth edges: soft ones become steps at the picture's edge, exact ones stay."""

from __future__ import annotations

import cv2
import torch

from stereo3d.render import edges


def scene(width: int = 80, height: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """(shift, luma): a rectangle, 10 px of shift nearer and brighter than its slightly sloping ground."""
    shift = torch.linspace(0, 1, width).expand(height, width).clone()
    luma = torch.full((height, width), 60, dtype=torch.uint8)
    shift[12:30, 25:50] = 10
    luma[12:30, 25:50] = 180
    return shift[None, None], luma[None, None]


def blurred(shift: torch.Tensor, sigma: float) -> torch.Tensor:
    return torch.from_numpy(cv2.GaussianBlur(shift[0, 0].numpy(), (0, 0), sigma))[None, None]


def test_exact_depth_stays() -> None:
    shift, luma = scene()
    changed = (edges.refine(shift, luma) - shift).abs()
    assert (changed > 0.02).sum() <= 4  # the median takes the corners of the rectangle, and 1/80 px beside its edges


def test_a_slope_is_no_edge() -> None:
    shift = (torch.arange(80.0) * 0.8).expand(1, 1, 40, 80).contiguous()
    assert torch.equal(edges.refine(shift, torch.zeros(1, 1, 40, 80, dtype=torch.uint8))[..., 1:-1], shift[..., 1:-1])


def test_soft_edges_become_steps_at_the_picture_edge() -> None:
    exact, luma = scene()
    for sigma in (1.0, 1.6, 2.2):
        soft = blurred(exact, sigma)
        refined = edges.refine(soft, luma, longest=12)
        before, after = (soft - exact).abs(), (refined - exact).abs()
        assert (after > 2).float().mean() < 0.007  # the corners, which are rounded
        for sides in (slice(17, 25), slice(None)):
            assert after[:, :, sides].mean() < before[:, :, sides].mean() * (0.65 if sides.start is None else 0.5)
        assert after[:, :, 17:25].max() < 2


def test_the_picture_moves_an_edge_that_the_depth_misplaced() -> None:
    exact, luma = scene()

    def columns(guide: torch.Tensor, moved: int) -> torch.Tensor:
        row = edges.refine(blurred(exact, 2.0).roll(moved, dims=3), guide)[0, 0, 20]
        return (row > 5).nonzero()[(0, -1), 0]

    truth = torch.tensor([25, 49])
    for moved in (-1, 1):
        alone, guided = columns(torch.full_like(luma, 60), moved), columns(luma, moved)
        assert (guided - truth).abs().sum() < (alone - truth).abs().sum()
        assert (guided - truth).abs().max() <= 1


def test_the_guide_may_be_of_any_depth() -> None:
    shift, luma = scene()
    soft = blurred(shift, 1.5)
    assert torch.equal(edges.refine(soft, luma), edges.refine(soft, (luma.to(torch.int32) * 4).to(torch.uint16)))


def test_outlines_are_smoothed_only_where_they_were_soft() -> None:
    exact, _ = scene()
    random = torch.Generator().manual_seed(5)
    busy = (torch.rand(exact.shape, generator=random) * 255).to(
        torch.uint8
    )  # a guide that misleads each row on its own
    refined = edges.refine(blurred(exact, 1.6), busy)[0, 0, 17:25]
    left = (refined > 5).float().argmax(1)
    assert (left[1:] - left[:-1]).abs().max() <= 1
    thin = torch.zeros(1, 1, 40, 80)
    thin[..., 30:32] = 10  # a wire: a median of all pixels would take it away
    assert torch.equal(edges.refine(thin, busy), thin)


def test_depth_of_another_size_is_brought_to_the_picture() -> None:
    low = torch.rand(2, 1, 7, 11, generator=torch.Generator().manual_seed(2)) * 3
    luma = torch.zeros(2, 1, 40, 80, dtype=torch.uint8)
    assert torch.allclose(edges.refine(low, luma), edges.refine_reference(low, luma, 9), atol=1e-5)


def test_kernels_equal_the_references() -> None:
    random = torch.Generator().manual_seed(3)
    shift = torch.randn((1, 1, 60, 200), generator=random).cumsum(3) * 0.1
    shift[..., 60:140] += 15
    shift = (blurred(shift, 1.5) * 8).round() / 8
    luma = (torch.rand(shift.shape, generator=random) * 60 + 100 * (shift > 8)).to(torch.uint8)
    expected = edges.refine_reference(shift, luma, 12)
    assert (expected != shift).sum() > 100
    assert torch.equal(edges.refine(shift, luma, longest=12), expected)
    wide, look = shift.repeat(1, 1, 1, 8), luma.repeat(1, 1, 1, 8)  # 1600 px: two pixels of blur
    for sign in (1, -1):
        assert torch.equal(edges.cover(wide, look, sign), edges.cover_reference(wide, look, sign))
        assert torch.equal(edges.cover(shift, luma, sign), edges.cover_reference(shift, luma, sign))


def test_cover_widens_the_near_side_where_the_gap_opens() -> None:
    shift = torch.zeros(1, 1, 1, 20)
    shift[..., 8:12] = 5
    flat = torch.zeros(1, 1, 1, 20, dtype=torch.uint8)
    assert edges.cover(shift, flat, -1)[0, 0, 0].nonzero()[:, 0].tolist() == [8, 9, 10, 11, 12]
    assert edges.cover(shift, flat, 1)[0, 0, 0].nonzero()[:, 0].tolist() == [7, 8, 9, 10, 11]
    blurred_out = flat.clone()
    blurred_out[..., 8:12], blurred_out[..., (6, 7, 12, 13)] = 200, torch.tensor([90, 150, 150, 90], dtype=torch.uint8)
    assert edges.cover(shift, blurred_out, -1)[0, 0, 0].nonzero()[:, 0].tolist() == [8, 9, 10, 11, 12, 13]
    assert edges.cover(shift, blurred_out, 1)[0, 0, 0].nonzero()[:, 0].tolist() == [6, 7, 8, 9, 10, 11]
