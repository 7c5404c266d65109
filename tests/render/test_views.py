"""The film path: both eyes in the source's own planes."""

from __future__ import annotations

import pytest
import torch

from stereo3d.errors import UsageError
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.render import disparity_px, render_view, render_views, screen_parallax
from stereo3d.render.comfort_screen import subject_depth

FORMATS = [
    PixelFormat("yuv420p", 8, 1, 1, Colour()),
    PixelFormat("yuv420p10le", 10, 1, 1, Colour()),
    PixelFormat("yuv422p", 8, 1, 0, Colour()),
    PixelFormat("yuv444p12le", 12, 0, 0, Colour()),
    PixelFormat("yuv410p", 8, 2, 2, Colour()),
    PixelFormat("gray", 8, 0, 0, Colour()),
    PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0)),
]


def batch(pixels: PixelFormat, width: int = 98, height: int = 54, frames: int = 2) -> FrameBatch:
    """Noise in every plane; the size is no multiple of four."""
    random = torch.Generator().manual_seed(1)
    count = 1 if pixels.name.startswith("gray") else 3
    planes = []
    for number in range(count):
        wide, high = pixels.plane_size(number, width, height)
        planes.append((torch.rand((frames, high, wide), generator=random) * ((1 << pixels.bits) - 1)).to(pixels.dtype))
    return FrameBatch(tuple(planes), tuple(range(frames)), 5, pixels)


def bar(width: int, height: int, first: int, last: int) -> torch.Tensor:
    depth = torch.full((1, 1, height, width), 0.2)
    depth[..., first:last] = 0.9
    return depth


@pytest.mark.parametrize("pixels", FORMATS, ids=lambda pixels: pixels.name)
def test_without_strength_both_eyes_are_the_source(pixels: PixelFormat) -> None:
    frames = batch(pixels)
    for strength, depth in ((0.0, torch.rand(2, 1, 18, 32)), (8.0, torch.full((2, 1, 18, 32), 0.25))):
        for eye in render_views(frames, depth, strength=strength, zero_parallax=0.25):
            assert all(torch.equal(got, want) for got, want in zip(eye.planes, frames.planes, strict=True))
            assert (eye.pts, eye.index, eye.format) == (frames.pts, frames.index, frames.format)


@pytest.mark.parametrize("pixels", FORMATS, ids=lambda pixels: pixels.name)
def test_every_plane_moves_as_far_as_the_luma(pixels: PixelFormat) -> None:
    frames = batch(pixels, width=160, height=32)
    left, right = render_views(frames, torch.ones(2, 1, 8, 40), strength=10, zero_parallax=0)  # 16 px: 8 an eye
    for number, plane in enumerate(frames.planes):
        moved = 8 * plane.shape[2] // 160
        assert torch.equal(left.planes[number][..., moved:], plane[..., :-moved])
        assert torch.equal(right.planes[number][..., :-moved], plane[..., moved:])


def test_one_eye_of_rgb_is_render_view() -> None:
    frames = batch(FORMATS[-1], width=96, height=48, frames=1)
    depth = torch.linspace(0, 1, 96).expand(1, 1, 48, 96).contiguous()
    left, right = render_views(frames, depth, strength=5, zero_parallax=0.5)
    disparity = disparity_px(depth, width=96, strength=5, zero_parallax=0.5)
    image = torch.stack(frames.planes, 1)
    inner = slice(8, -8)  # a smooth slope has no edges to treat, except that the median flattens the frame's border
    for eye, position in ((left, 0.5), (right, -0.5)):
        view, _ = render_view(image, disparity, position=position)
        got = torch.stack(eye.planes, 1)[..., inner].int()
        assert (got - view[..., inner].int()).abs().max() <= 1


def test_chroma_and_luma_of_a_subject_stay_together() -> None:
    """A bright red bar on dark blue: after the shift, luma and chroma still have their edges at the same places."""
    pixels = FORMATS[0]
    luma = torch.full((1, 64, 256), 40, dtype=torch.uint8)
    chroma = torch.full((1, 32, 128), 100, dtype=torch.uint8)
    luma[..., 100:140], chroma[..., 50:70] = 200, 220
    frames = FrameBatch((luma, chroma, chroma.clone()), (0,), 0, pixels)
    left, right = render_views(frames, bar(256, 64, 100, 140), strength=10, zero_parallax=0.2)
    for eye in (left, right):
        bright = (eye.planes[0][0, 32] > 120).nonzero()[:, 0]
        red = (eye.planes[1][0, 16] > 160).nonzero()[:, 0]
        assert abs(int(bright[0]) - 2 * int(red[0])) <= 2
        assert abs(int(bright[-1]) - 2 * int(red[-1])) <= 2
        assert 38 <= len(bright) <= 42
        assert int(eye.planes[0].max()) == 200
        assert int(eye.planes[0].min()) == 40
    assert (left.planes[0][0, 32] > 120).nonzero()[0] - (right.planes[0][0, 32] > 120).nonzero()[0] == 18  # 0.7 * 25.6


def test_near_is_in_front_of_the_screen() -> None:
    """Left picture: near things move right; so x_left - x_right > 0 in front of the screen."""
    assert float(disparity_px(torch.tensor(1.0), width=1000, strength=2, zero_parallax=0.25)) == pytest.approx(15)
    assert float(disparity_px(torch.tensor(0.0), width=1000, strength=2, zero_parallax=0.25)) == pytest.approx(-5)
    far = disparity_px(torch.tensor(0.0), width=1000, strength=2, zero_parallax=0.25)
    assert float(screen_parallax(far, width=1000, screen_width=1.44)) == pytest.approx(
        0.0072
    )  # metres, behind: uncrossed


def test_settings_out_of_bounds_are_refused() -> None:
    with pytest.raises(UsageError, match="strength 16"):
        disparity_px(torch.zeros(1), width=10, strength=16, zero_parallax=0.5)
    with pytest.raises(UsageError, match=r"parallax 1\.5"):
        disparity_px(torch.zeros(1), width=10, strength=1, zero_parallax=1.5)


def test_the_subject_is_what_is_near_in_the_middle() -> None:
    depth = torch.full((2, 1, 40, 70), 0.1)
    depth[:, :, 8:, 20:50] = 0.6
    assert subject_depth(depth) == pytest.approx([0.6, 0.6])
    depth[1, :, :, :3] = 1.0  # something near at the frame's border
    assert subject_depth(depth) == pytest.approx([0.6, 0.6])
