"""Soft borders: a mixed pixel keeps its share of the subject, over what is behind it now."""

from __future__ import annotations

import pytest
import torch

from stereo3d.render import borders, rules, warp
from tests.render.test_warp import noise, rough_shift


def scene(mixed: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A bar of 200 in front of a ground of 50 that turns 120 at column 30; its outermost pixels hold ``mixed`` of it."""
    image = torch.full((1, 1, 32, 80), 50.0)
    image[..., :30] = 120
    image[..., 40:50] = 200
    image[..., 40], image[..., 49] = 50 + 150 * mixed, 50 + 150 * mixed
    shift = torch.zeros(1, 1, 32, 80)
    shift[..., 40:50] = 15
    return image, shift


@pytest.mark.parametrize("mixed", [0.25, 0.5, 0.75])
def test_the_old_background_does_not_travel_along(mixed: float) -> None:
    image, shift = scene(mixed)
    view = warp.sample(image, warp.surface(shift, -1), -1)[0, 0, 16]
    assert view[25] == pytest.approx(120 + 80 * mixed)  # the bar's left end, now before the brighter ground
    assert view[34] == pytest.approx(50 + 150 * mixed, abs=0.5)  # its right end, before the ground it came from
    assert torch.equal(view[26:34], torch.full((8,), 200.0))


def blended(view: torch.Tensor, image: torch.Tensor, seen: torch.Tensor, sign: int) -> torch.Tensor:
    """By the kernel, a copy; the marks as sampling makes them."""
    out, marks = view.clone(), warp.marks_for(seen)
    one, two = seen[:, 0, :, :-1], seen[:, 0, :, 1:]
    marks[:] = 0
    marks[..., : one.shape[2]] = (((two - one).abs() <= rules.JOIN).logical_not() & (one != two)).numpy() * 2
    borders.blend(out, image, seen, marks, sign)
    return out


def test_clean_edges_and_plain_pictures_stay() -> None:
    for image, shift in (scene(1.0), (torch.full((1, 1, 32, 80), 77.0), scene(1.0)[1])):
        seen = warp.surface(shift, -1)
        view = warp.sample(image, seen, -1)
        assert torch.equal(blended(view, image, seen, -1), view)
        known = image.unique()
        assert (view.unique()[:, None] - known).abs().amin(1).max() < 4  # the fill looks a little past the bar


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("width", [131, 1100])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_the_kernel_equals_the_reference(dtype: torch.dtype, width: int, sign: int) -> None:
    image, view = noise(2, 3, 20, width, dtype=dtype), noise(2, 3, 20, width, dtype=dtype, seed=1)
    seen = warp.surface(rough_shift(2, 20, width), sign)
    want = borders.blend_reference(view.float(), image.float(), seen, sign, jump=rules.JOIN)
    got = blended(view, image, seen, sign)
    assert (got != view).any()
    assert (got.double() - want.double()).abs().max() <= (0.5001 if dtype == torch.uint8 else 1e-5)
