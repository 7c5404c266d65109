"""The source beside its depth."""

from __future__ import annotations

import pytest
import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.layouts import LAYOUTS
from stereo3d.plan.bars import NO_BARS, Bars
from stereo3d.render import Packing, pack
from stereo3d.render.plus_depth import depth_picture

FORMATS = [
    (PixelFormat("yuv420p", 8, 1, 1, Colour()), 16, 235),
    (PixelFormat("yuv422p10le", 10, 1, 0, Colour(full_range=True)), 0, 1023),
    (PixelFormat("gray12le", 12, 0, 0, Colour()), 256, 3760),
    (PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0, full_range=True)), 0, 255),
]


def source(pixels: PixelFormat) -> FrameBatch:
    random = torch.Generator().manual_seed(3)
    sizes = [pixels.plane_size(n, 32, 16) for n in range(1 if pixels.name.startswith("gray") else 3)]
    planes = [torch.randint(0, 1 << pixels.bits, (2, h, w), generator=random, dtype=torch.int32) for w, h in sizes]
    return FrameBatch(tuple(plane.to(pixels.dtype) for plane in planes), (3, 4), 7, pixels)


@pytest.mark.parametrize(("pixels", "far", "near"), FORMATS, ids=lambda v: getattr(v, "name", v))
def test_near_is_white_far_is_black_and_the_source_is_untouched(pixels: PixelFormat, far: int, near: int) -> None:
    frames = source(pixels)
    ramp = torch.linspace(0, 1, 32).expand(2, 1, 16, 32)
    out = pack(frames, depth_picture(frames, ramp, NO_BARS, 0.5), Packing(LAYOUTS["2d+depth"]))
    assert (out.width, out.height, out.format, out.pts) == (64, 16, pixels, (3, 4))
    for number, plane in enumerate(out.planes):
        left, right = plane.chunk(2, 2)
        assert torch.equal(left, frames.planes[number])
        values = right.int()
        if number and not pixels.is_rgb:
            assert (values == 1 << (pixels.bits - 1)).all()
            continue
        assert (values[:, :, 0] == far).all()
        assert (values[:, :, -1] == near).all()
        assert (values.diff(dim=2) > 0).all()


def test_bars_lie_on_the_screen() -> None:
    frames = source(FORMATS[0][0])
    maps = torch.ones(2, 1, 4, 8)
    luma = depth_picture(frames, maps, Bars(top=4, bottom=2), 0.25).planes[0].int()
    assert (luma[:, 4:14] == 235).all()
    assert (luma[:, :4] == round(16 + 0.25 * 219)).all()
    assert (luma[:, 14:] == round(16 + 0.25 * 219)).all()
    luma = depth_picture(frames, maps, Bars(top=4, bottom=2), (0.0, 1.0)).planes[0].int()
    assert (luma[0, :4] == 16).all()
    assert (luma[1] == 235).all()


def test_depth_of_other_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="depth is"):
        depth_picture(source(FORMATS[0][0]), torch.ones(3, 1, 4, 8), NO_BARS, 0.5)
