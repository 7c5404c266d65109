"""An eye's z-buffers in one go are those of its three steps, on their references."""

from __future__ import annotations

import pytest
import torch

from stereo3d.render import edges, eye, warp


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("cells", [(1, 1), (2, 1), (2, 2), (4, 1)])
def test_one_kernel_equals_three_steps(cells: tuple[int, int], sign: int) -> None:
    random = torch.Generator().manual_seed(3)
    across, down = cells
    shift = (torch.rand((2, 1, 81, 131), generator=random) * 4).round() * 2
    shift += torch.rand(shift.shape, generator=random) * 0.5
    luma = torch.randint(0, 256, shift.shape, generator=random, dtype=torch.uint8)
    wide = edges.cover_reference(shift, luma, sign)
    small = torch.nn.functional.max_pool2d(wide, (down, across), ceil_mode=True) / across
    seen = eye.surfaces(shift, luma, sign, cells)
    for got, want in zip(seen, (wide, small), strict=True):
        width = want.shape[3]
        assert torch.equal(got, warp.surface_reference(want.reshape(-1, width), sign).reshape(want.shape))
