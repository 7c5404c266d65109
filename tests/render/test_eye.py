"""What an eye sees in one go is what its steps give one after the other."""

from __future__ import annotations

import pytest
import torch

from stereo3d.render import edges, eye, warp
from tests.render.test_warp import noise


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("cells", [(1, 1), (2, 1), (2, 2), (4, 1)])
def test_one_kernel_equals_all_steps(cells: tuple[int, int], sign: int) -> None:
    random = torch.Generator().manual_seed(3)
    across, down = cells
    shift = (torch.rand((2, 1, 81, 131), generator=random) * 4).round() * 2
    shift += torch.rand(shift.shape, generator=random) * 0.5
    luma = noise(*shift.shape)
    wide = edges.cover_reference(shift, luma, sign)
    small = torch.nn.functional.max_pool2d(wide, (down, across), ceil_mode=True) / across
    chroma = noise(2, 2, *small.shape[2:], seed=1)
    views = eye.look(luma, chroma, shift, sign, cells)
    for got, image, near in zip(views, (luma, chroma), (wide, small), strict=True):
        assert got is not None
        want = warp.surface_reference(near.reshape(-1, near.shape[3]), sign).reshape(near.shape)
        assert torch.equal(got.seen, want)
        assert torch.equal(got.picture, warp.sample(image, want, sign))
    assert eye.look(luma, None, shift, sign, (1, 1))[1] is None
