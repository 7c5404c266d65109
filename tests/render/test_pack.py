"""Side by side, over-under, canvas and sizes; the other layouts have files of their own."""

from __future__ import annotations

import pytest
import torch

from stereo3d.errors import UsageError
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.layouts import LAYOUTS
from stereo3d.render import Packing, pack, packed_size
from stereo3d.render.pack import joined_reference, packed_format
from stereo3d.settings import Settings

YUV = PixelFormat("yuv420p", 8, 1, 1, Colour())
YUV10 = PixelFormat("yuv420p10le", 10, 1, 1, Colour())
GREY = PixelFormat("gray", 8, 0, 0, Colour(full_range=True))
RGB = PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0, full_range=True))


def packing(layout: str, canvas: str | None = None, *, swap_eyes: bool = False) -> Packing:
    return Packing(LAYOUTS[layout], swap_eyes, canvas)


def eye(pixels: PixelFormat, value: int, width: int, height: int) -> FrameBatch:
    count = 1 if pixels.name == "gray" else 3
    sizes = [pixels.plane_size(number, width, height) for number in range(count)]
    planes = tuple(
        torch.full((2, high, wide), value + n, dtype=torch.int32).to(pixels.dtype)
        for n, (wide, high) in enumerate(sizes)
    )
    return FrameBatch(planes, (3, 4), 7, pixels)


@pytest.mark.parametrize("pixels", [YUV, YUV10, GREY, RGB], ids=lambda pixels: pixels.name)
@pytest.mark.parametrize(
    ("layout", "size"), [("sbs-full", (128, 36)), ("sbs-half", (64, 36)), ("ou-full", (64, 72)), ("ou-half", (64, 36))]
)
def test_layouts(pixels: PixelFormat, layout: str, size: tuple[int, int]) -> None:
    left, right = eye(pixels, 50, 64, 36), eye(pixels, 90, 64, 36)
    for swap, first, second in ((False, 50, 90), (True, 90, 50)):
        both = pack(left, right, packing(layout, swap_eyes=swap))
        assert (both.width, both.height) == size == packed_size(64, 36, packing(layout), pixels)
        assert (both.pts, both.index, both.format) == (left.pts, left.index, pixels)
        for number, plane in enumerate(both.planes):
            one, two = plane.to(torch.int32).chunk(2, 2 if layout.startswith("sbs") else 1)
            assert (one == first + number).all()
            assert (two == second + number).all()


def test_half_is_the_mean_of_neighbours() -> None:
    luma = torch.arange(8, dtype=torch.uint8).expand(1, 4, 8).contiguous()
    frames = FrameBatch((luma,), (0,), 0, GREY)
    assert pack(frames, frames, packing("sbs-half")).planes[0][0, 0].tolist() == [1, 3, 5, 7, 1, 3, 5, 7]
    assert pack(frames, frames, packing("ou-half")).planes[0].shape == (1, 4, 8)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("top", [255, 65535])
def test_the_kernels_join_as_torch_does(top: int, axis: int, half: bool) -> None:
    dtype = torch.uint8 if top == 255 else torch.uint16
    one, two = (torch.randint(top - 9, top + 1, (2, 12, 20), dtype=torch.int32).to(dtype) for _ in range(2))
    form = PixelFormat("gray", top.bit_length(), 0, 0, Colour())
    first, second = (FrameBatch((plane,), (0, 1), 0, form) for plane in (one, two))
    layout = f"{'sbs' if axis == 2 else 'ou'}-{'half' if half else 'full'}"
    assert torch.equal(pack(first, second, packing(layout)).planes[0], joined_reference(one, two, axis, half=half))


@pytest.mark.parametrize(
    ("pixels", "black"), [(YUV, (16, 128, 128)), (YUV10, (64, 512, 512)), (GREY, (0,)), (RGB, (0, 0, 0))]
)
def test_the_canvas_is_black_and_the_eye_in_its_middle(pixels: PixelFormat, black: tuple[int, ...]) -> None:
    both = pack(eye(pixels, 50, 64, 28), eye(pixels, 90, 64, 28), packing("sbs-full", "16:9"))
    assert (both.width, both.height) == (128, 36)
    for number, plane in enumerate(both.planes):
        high = plane.shape[1]
        top = 4 * high // 36
        values = plane.to(torch.int32)
        assert (values[:, :top] == black[number]).all()
        assert (values[:, -top:] == black[number]).all()
        assert (values[:, top:-top, : plane.shape[2] // 2] == 50 + number).all()


def test_sizes() -> None:
    assert packed_size(1920, 800, packing("sbs-full", "1920x1080"), YUV) == (3840, 1080)
    assert packed_size(1920, 800, packing("sbs-half", "16:9"), YUV) == (1920, 1080)
    assert packed_size(1440, 1080, packing("ou-half", "16:9"), YUV) == (1920, 1080)
    assert packed_size(1920, 804, packing("sbs-full", "2.39:1"), YUV) == (3844, 804)  # 1921.56 px, up to even
    assert packed_size(853, 480, packing("sbs-full"), YUV) == (1708, 480)
    assert packed_size(854, 480, packing("sbs-half"), YUV) == (856, 480)
    assert packed_size(853, 481, packing("ou-full"), GREY) == (853, 962)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_odd_sizes_fit_the_chroma(layout: str) -> None:
    both = pack(eye(YUV, 50, 53, 27), eye(YUV, 90, 53, 27), packing(layout))
    assert (both.width, both.height) == packed_size(53, 27, packing(layout), YUV)
    assert both.width % 2 == both.height % 2 == 0


@pytest.mark.parametrize(
    ("layout", "canvas", "message"),
    [
        ("sbs-full", "1280x1080", "smaller than the picture"),
        ("sbs-full", "1921x1080", "does not fit"),
        ("sbs-half", "1922x1080", "does not fit"),
        ("sbs-full", "16:0", "cannot be read"),
        ("sbs-full", "wide", "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(layout: str, canvas: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        packed_size(1920, 800, packing(layout, canvas), YUV)


@pytest.mark.parametrize("pixels", [YUV, YUV10, GREY, RGB], ids=lambda pixels: pixels.name)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_keeps_size_format_and_times_as_announced(layout: str, pixels: PixelFormat) -> None:
    left, right = eye(pixels, 50, 64, 36), eye(pixels, 90, 64, 36)
    for swap in (False, True):
        both = pack(left, right, packing(layout, swap_eyes=swap))
        assert (both.width, both.height) == packed_size(64, 36, packing(layout), pixels)
        assert both.format == packed_format(pixels, LAYOUTS[layout])
        assert (both.pts, both.index) == (left.pts, left.index)


def test_cross_eyed_is_side_by_side_with_the_eyes_exchanged() -> None:
    left, right = eye(YUV, 50, 64, 36), eye(YUV, 90, 64, 36)
    for swap in (False, True):
        crossed = pack(left, right, packing("cross-eyed", swap_eyes=swap))
        parallel = pack(left, right, packing("sbs-full", swap_eyes=not swap))
        assert all(map(torch.equal, crossed.planes, parallel.planes))


def test_packing_of_settings() -> None:
    options = {"layout": "vr180", "canvas": "16:9", "fov": 70, "strength": 4, "zero_parallax": 0.25}
    assert Packing.of(Settings.from_flat(options)) == Packing(LAYOUTS["vr180"], False, "16:9", 70, 0.01)
    assert Packing.of(Settings.from_flat({"strength": 4, "swap_eyes": True})).nearer == 0.04


def noise(pixels: PixelFormat, seed: int, width: int, height: int) -> FrameBatch:
    random = torch.Generator().manual_seed(seed)
    sizes = [pixels.plane_size(number, width, height) for number in range(3)]
    planes = [torch.randint(0, 1 << pixels.bits, (3, h, w), generator=random, dtype=torch.int32) for w, h in sizes]
    return FrameBatch(tuple(plane.to(pixels.dtype) for plane in planes), (3, 4, 6), 7, pixels)


@pytest.mark.parametrize("pixels", [YUV, YUV10], ids=lambda pixels: pixels.name)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_picture_does_not_depend_on_those_in_its_batch(layout: str, pixels: PixelFormat) -> None:
    """Segments are cut into batches as it comes."""
    how = Packing(LAYOUTS[layout], canvas="2:1", nearer=0.02)
    left, right = noise(pixels, 1, 102, 70), noise(pixels, 2, 102, 70)
    whole = pack(left, right, how)
    for number in range(3):
        alone = pack(left.cut(number, number + 1), right.cut(number, number + 1), how)
        for plane, one in zip(whole.cut(number, number + 1).planes, alone.planes, strict=True):
            assert torch.equal(plane, one)
