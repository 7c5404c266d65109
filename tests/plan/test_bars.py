"""Cutting bars off and putting them back, at every size and orientation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat, Shot
from stereo3d.media.decode import copy_planes
from stereo3d.media.geometry import Upright, output_bars, output_size
from stereo3d.media.info import VideoInfo
from stereo3d.plan.bars import NO_BARS, Bars, Framing, crop, put_back

YUV420 = PixelFormat("yuv420p", 8, 1, 1, Colour())
YUV444 = PixelFormat("yuv444p10le", 10, 0, 0, Colour())
BARS = Bars(left=4, top=6, right=2, bottom=8)


def batch(fmt: PixelFormat, width: int = 40, height: int = 36) -> FrameBatch:
    shapes = [(3, *fmt.plane_size(p, width, height)[::-1]) for p in range(3)]
    planes = tuple(torch.randint(0, 255, shape, dtype=torch.int32).to(fmt.dtype) for shape in shapes)
    return FrameBatch(planes, (1, 2, 3), 5, fmt)


@pytest.mark.parametrize("fmt", [YUV420, YUV444], ids=lambda f: f.name)
def test_what_is_cropped_and_put_back_is_the_frame(fmt: PixelFormat) -> None:
    frames = batch(fmt)
    picture = crop(frames, BARS)
    assert (picture.width, picture.height, picture.pts, picture.index) == (34, 22, (1, 2, 3), 5)
    assert all(plane.is_contiguous() for plane in picture.planes)
    black = FrameBatch(tuple(torch.zeros_like(p) for p in picture.planes), picture.pts, 5, fmt)
    framed = put_back(black, frames, BARS)
    assert all((framed.planes[p] != frames.planes[p]).any() for p in range(3))
    assert all(torch.equal(a, b) for a, b in zip(put_back(picture, frames, BARS).planes, frames.planes, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(put_back(picture, framed, BARS).planes, frames.planes, strict=True))


def test_without_bars_nothing_is_copied() -> None:
    frames = batch(YUV420)
    assert crop(frames, NO_BARS) is frames
    assert put_back(frames, frames, NO_BARS) is frames


@pytest.mark.parametrize("bars", [Bars(left=3), Bars(bottom=5), Bars(top=20, bottom=16)])
def test_bars_that_cannot_be_cut(bars: Bars) -> None:
    with pytest.raises(ValueError, match="cannot be cut"):
        crop(batch(YUV420), bars)


def test_framing_knows_the_bars_of_every_frame() -> None:
    shots = (Shot(0, 10), Shot(10, 30), Shot(30, 31), Shot(31, 40))
    found = (BARS, Bars(left=4), None, BARS)
    keeping = Framing.keeping(shots, found)
    assert [keeping.at(n) for n in (0, 9, 10, 29, 30, 39)] == [BARS, BARS, Bars(left=4), Bars(left=4), NO_BARS, BARS]
    assert keeping.trim == NO_BARS
    cropping = Framing.cropping(shots, found)
    assert cropping.trim == Bars(left=4)  # a black shot does not count, and is cropped like the others
    assert cropping.at(30).beyond(cropping.trim) == NO_BARS
    assert cropping.at(0).beyond(cropping.trim) == Bars(left=0, top=6, right=2, bottom=8)
    assert Framing.cropping(shots, (None,) * 4) == Framing(NO_BARS, (0, 10, 30, 31), (NO_BARS,) * 4)
    assert Framing.cropping(shots, (Bars(top=5, bottom=5),) * 4).trim == Bars(top=4, bottom=4)
    assert Framing().at(7) == NO_BARS


def upright(video: VideoInfo, bars: Bars, height: int | None) -> np.ndarray:
    """Luma of a white picture in black bars, brought to the size that is converted by the code of the decoder."""
    luma = np.zeros((video.height, video.width), np.uint8)
    luma[bars.top : video.height - bars.bottom, bars.left : video.width - bars.right] = 200
    chroma = [np.full((-(-video.height // 2), -(-video.width // 2)), 128, np.uint8)] * 2
    frame = av.VideoFrame(video.width, video.height, "yuv420p")
    for plane, values in zip(frame.planes, (luma, *chroma), strict=True):
        np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width] = values
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    (done,) = (lambda up: [*up.push(frame), *up.finish()])(Upright(video, height))
    width, rows = output_size(video, height)
    planes = tuple(torch.empty(YUV420.plane_size(p, width, rows)[::-1], dtype=torch.uint8) for p in range(3))
    copy_planes(done, planes)
    return planes[0].numpy()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize(("size", "height"), [((160, 96), None), ((161, 97), None), ((160, 96), 64)])
@pytest.mark.parametrize("bars", [Bars(8, 12, 10, 14), Bars(left=7, right=7), Bars(top=5)])
def test_bars_follow_the_picture(
    rotation: int, hflip: bool, size: tuple[int, int], height: int | None, bars: Bars
) -> None:
    video = VideoInfo(0, "h264", *size, 0, 0, "yuv420p", YUV420, Fraction(1, 25), rotation=rotation, hflip=hflip)
    out = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    out = out[::-1] if rotation % 180 else out
    video = replace(video, out_width=out[0], out_height=out[1])
    luma = upright(video, bars, height)
    seen = output_bars(bars, video, height)
    rows, columns = luma.shape
    picture = luma[seen.top : rows - seen.bottom, seen.left : columns - seen.right]
    assert picture.min() > 150, "a line of the bar is left in the picture"
    lost = [
        luma[: seen.top], luma[rows - seen.bottom :], luma[:, : seen.left].T, luma[:, columns - seen.right :].T
    ]  # fmt: skip
    for side in lost:
        lit = (np.median(side, axis=1) > 100).sum() if len(side) else 0
        assert lit <= (3 if height else 1), "too much picture is in the bar"
