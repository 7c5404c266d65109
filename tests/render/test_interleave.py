"""Rows and pixels by turns: exact, and nothing changes where the eyes are equal."""

from __future__ import annotations

import pytest
import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.layouts import LAYOUTS
from stereo3d.render import Packing, pack

FORMATS = {
    name: PixelFormat(name, bits, x, y, Colour())
    for name, bits, x, y in (
        ("yuv420p", 8, 1, 1),
        ("yuv422p10le", 10, 1, 0),
        ("yuv444p12le", 12, 0, 0),
        ("gray", 8, 0, 0),
    )
}


def noise(pixels: PixelFormat, seed: int, size: tuple[int, int] = (20, 12)) -> FrameBatch:
    random = torch.Generator().manual_seed(seed)
    sizes = [pixels.plane_size(number, *size) for number in range(1 if pixels.name == "gray" else 3)]
    planes = [torch.randint(0, 1 << pixels.bits, (2, h, w), generator=random, dtype=torch.int32) for w, h in sizes]
    return FrameBatch(tuple(plane.to(pixels.dtype) for plane in planes), (3, 4), 7, pixels)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("layout", ["interlaced", "checkerboard"])
def test_equal_eyes_are_the_source_bit_for_bit(name: str, layout: str) -> None:
    frames = noise(FORMATS[name], 1)
    out = pack(frames, frames, Packing(LAYOUTS[layout]))
    assert all(map(torch.equal, out.planes, frames.planes))


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_rows_are_the_eyes_own_rows(name: str, swap: bool) -> None:
    left, right = noise(FORMATS[name], 1), noise(FORMATS[name], 2)
    out = pack(left, right, Packing(LAYOUTS["interlaced"], swap))
    first, second = (right, left) if swap else (left, right)
    for number, plane in enumerate(out.planes):
        if number and FORMATS[name].chroma_y:
            mean = (left.planes[number].int() + right.planes[number].int() + 1) // 2
            assert torch.equal(plane.int(), mean)
            continue
        assert torch.equal(plane[:, ::2], first.planes[number][:, ::2])
        assert torch.equal(plane[:, 1::2], second.planes[number][:, 1::2])


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_pixels_are_the_eyes_own_pixels(name: str, swap: bool) -> None:
    left, right = noise(FORMATS[name], 1), noise(FORMATS[name], 2)
    out = pack(left, right, Packing(LAYOUTS["checkerboard"], swap))
    first, second = (right, left) if swap else (left, right)
    for number, plane in enumerate(out.planes):
        one, two = first.planes[number].int(), second.planes[number].int()
        if number and FORMATS[name].chroma_x:
            assert torch.equal(plane.int(), (one + two + 1) // 2)
            continue
        turn = (torch.arange(plane.shape[1])[:, None] + torch.arange(plane.shape[2])) % 2 == 0
        assert torch.equal(plane.int(), torch.where(turn, one, two))
    assert (out.pts, out.index) == ((3, 4), 7)
