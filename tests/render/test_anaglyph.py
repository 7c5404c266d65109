"""Anaglyphs: the published numbers, what stays grey, every format, and HDR."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stereo3d.colour import PQ, light, luma_weights, signal, yuv_affine
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.layouts import LAYOUTS
from stereo3d.render.anaglyph import _Mixer, anaglyph_format, mixed, mixing

METHODS = [layout.colours for layout in LAYOUTS.values() if layout.colours]
BT601 = (0.299, 0.587, 0.114)
FORMATS = [
    PixelFormat(f"yuv{name}p{'' if bits == 8 else f'{bits}le'}", bits, x, y, Colour(primaries, transfer, matrix, full))
    for name, x, y in (("420", 1, 1), ("422", 1, 0), ("444", 0, 0))
    for bits in (8, 10, 12)
    for primaries, transfer, matrix, full in ((6, 6, 6, False), (1, 1, 1, True), (9, 14, 9, False), (9, PQ, 9, False))
]


def grey_level(pixels: PixelFormat, share: float, size: tuple[int, int] = (8, 4)) -> FrameBatch:
    """Frames of a grey whose signal is ``share`` of white."""
    top = (1 << pixels.bits) - 1
    step = 1 << (pixels.bits - 8)
    low, high = (0, top) if pixels.colour.full_range else (16 * step, 235 * step)
    values = [round(low + share * (high - low)), 128 * step, 128 * step]
    if pixels.is_rgb:
        values = values[:1] * 3
    planes = []
    for number, value in enumerate(values[:1] if pixels.name.startswith("gray") else values):
        wide, high = pixels.plane_size(number, *size)
        planes.append(torch.full((2, high, wide), value, dtype=torch.int32).to(pixels.dtype))
    return FrameBatch(tuple(planes), (0, 1), 0, pixels)


def noise(pixels: PixelFormat, seed: int, size: tuple[int, int] = (16, 8)) -> FrameBatch:
    """Colours well inside what RGB can hold."""
    random = torch.Generator().manual_seed(seed)
    step = 1 << (pixels.bits - 8)
    planes = []
    for number in range(3):
        wide, high = pixels.plane_size(number, *size)
        low, high_value = (90 * step, 160 * step) if number == 0 else (112 * step, 144 * step)
        plane = torch.randint(low, high_value, (1, high, wide), generator=random, dtype=torch.int32)
        planes.append(plane.to(pixels.dtype))
    return FrameBatch(tuple(planes), (5,), 3, pixels)


def test_rows_of_the_published_matrices() -> None:
    left, right, in_light = mixing("red-cyan", BT601)
    assert in_light
    assert (left[0], right[1], right[2]) == ((0.437, 0.449, 0.164), (0.377, 0.761, 0.009), (-0.026, -0.093, 1.234))
    left, right, _ = mixing("green-magenta", BT601)
    assert (left[1], right[0], right[2]) == ((0.284, 0.668, 0.143), (0.529, 0.705, 0.024), (0.009, 0.075, 0.937))
    left, right, _ = mixing("amber-blue", BT601)
    assert (left[0], left[1], right[2]) == ((1.062, -0.205, 0.299), (-0.026, 0.908, 0.068), (0.094, 0.185, 0.911))
    left, right, in_light = mixing("half-colour", BT601)
    assert not in_light
    assert (left, right) == ((BT601, (0, 0, 0), (0, 0, 0)), ((0, 0, 0), (0, 1, 0), (0, 0, 1)))


@pytest.mark.parametrize("method", METHODS)
def test_white_of_both_eyes_is_white(method: str) -> None:
    left, right, _ = mixing(method, BT601)
    rows = np.array(left).sum(1) + np.array(right).sum(1)
    # Green-magenta and amber-blue are rounded to three places by their author: red of the former adds up to 0.999.
    assert rows == pytest.approx([1, 1, 1], abs=0.02)


@pytest.mark.parametrize("pixels", FORMATS, ids=lambda p: f"{p.name}-{p.colour.matrix}-{p.colour.transfer}")
@pytest.mark.parametrize("method", METHODS)
def test_black_and_white_stay_and_grey_nearly_so(method: str, pixels: PixelFormat) -> None:
    step = 1 << (pixels.bits - 8)
    for share, tolerance in ((0.0, 0), (1.0, 3), (0.5, 3)):
        frames = grey_level(pixels, share)
        out = mixed(frames, frames, method)
        assert out.format == pixels
        for plane, source in zip(out.planes, frames.planes, strict=True):
            assert (plane.int() - source.int()).abs().max() <= tolerance * step


@pytest.mark.parametrize("pixels", FORMATS, ids=lambda p: f"{p.name}-{p.colour.matrix}-{p.colour.transfer}")
def test_colour_of_equal_eyes_is_the_source_bit_for_bit(pixels: PixelFormat) -> None:
    frames = noise(pixels, 1)
    out = mixed(frames, frames, "colour")
    assert all(map(torch.equal, out.planes, frames.planes))
    assert (out.pts, out.index) == ((5,), 3)


def test_grey_of_equal_eyes_keeps_the_luma_and_loses_the_chroma() -> None:
    frames = noise(FORMATS[0], 1)
    luma, *chroma = mixed(frames, frames, "grey").planes
    assert (luma.int() - frames.planes[0].int()).abs().max() <= 1
    assert all((plane == 128).all() for plane in chroma)


def rgb_of(frames: FrameBatch) -> np.ndarray:
    """An independent way to RGB, in numpy, for 4:4:4."""
    gain, offset = yuv_affine(frames.format.colour, frames.format.bits, frames.height)
    codes = np.stack([plane[0].numpy().astype(np.float64) for plane in frames.planes])
    return np.tensordot(gain.numpy(), codes, 1) + offset.numpy()[:, None, None]


@pytest.mark.parametrize("method", ["red-cyan", "amber-blue", "colour"])
@pytest.mark.parametrize("transfer", [1, PQ])
def test_eyes_are_mixed_in_the_light_that_they_stand_for(method: str, transfer: int) -> None:
    pixels = PixelFormat("yuv444p12le", 12, 0, 0, Colour(9, transfer, 9, False))
    left, right = noise(pixels, 1), noise(pixels, 2)
    matrices = mixing(method, BT601)
    eyes = [torch.from_numpy(rgb_of(eye)) for eye in (left, right)]
    if matrices[2]:
        eyes = [light(eye, transfer) for eye in eyes]
    wanted = sum(
        torch.tensor(m, dtype=torch.float64) @ eye.flatten(1) for m, eye in zip(matrices[:2], eyes, strict=True)
    )
    wanted = (signal(wanted, transfer) if matrices[2] else wanted).clamp(0, 1).reshape(eyes[0].shape)
    assert np.abs(rgb_of(mixed(left, right, method)) - wanted.numpy()).max() < 1 / 1500


def test_each_eye_reaches_its_glass() -> None:
    """White in one eye and black in the other is light of that eye's glass only."""
    pixels = PixelFormat("gbrp", 8, 0, 0, Colour(1, 13, 0, True))
    white, black = grey_level(pixels, 1), grey_level(pixels, 0)
    for method, own in (("red-cyan", [2]), ("green-magenta", [0]), ("amber-blue", [2, 0])):
        planes = mixed(white, black, method).planes  # G, B, R
        for number in range(3):
            value = int(planes[number].max())
            assert value > 230 if number in own else value < 60, (method, number, value)


def test_a_grey_film_gets_chroma() -> None:
    grey = PixelFormat("gray10le", 10, 0, 0, Colour(1, 1, 1, True))
    out = mixed(grey_level(grey, 0.8), grey_level(grey, 0.2), "colour")
    assert out.format == anaglyph_format(grey) == PixelFormat("yuv420p10le", 10, 1, 1, grey.colour)
    red, green, blue = (float(v) for v in (yuv_affine(grey.colour, 10, 4)[0] @ torch.tensor([float(p[0, 0, 0]) for p in out.planes], dtype=torch.float64)) + yuv_affine(grey.colour, 10, 4)[1])  # fmt: skip
    assert (red, green, blue) == pytest.approx((0.8, 0.2, 0.2), abs=0.004)


def test_luma_weights() -> None:
    assert luma_weights(Colour(matrix=6), 480) == pytest.approx(BT601)
    assert luma_weights(Colour(matrix=0, primaries=9), 480) == pytest.approx((0.2627, 0.678, 0.0593))


@pytest.mark.parametrize("transfer", [1, 8, 13, 16, 18])
def test_signal_is_the_inverse_of_light(transfer: int) -> None:
    ramp = torch.linspace(0, 1, 1001, dtype=torch.float64)
    assert (signal(light(ramp, transfer), transfer) - ramp).abs().max() < 1e-6
    assert (light(ramp, transfer).diff() > 0).all()


def test_curves_have_their_published_points() -> None:
    assert float(light(torch.tensor(0.5), 13)) == pytest.approx(0.21404, abs=1e-5)  # IEC 61966-2-1
    assert float(light(torch.tensor(0.5081), 16)) * 10000 == pytest.approx(100, rel=2e-3)  # BT.2100: 100 cd/m2
    assert float(light(torch.tensor(0.5), 18)) == pytest.approx(1 / 12, abs=1e-6)


@pytest.mark.parametrize("pixels", [f for f in FORMATS if f.colour.transfer != PQ], ids=str)
def test_the_kernel_does_what_the_reference_does(pixels: PixelFormat) -> None:
    random = torch.Generator().manual_seed(3)
    eyes = []
    for _ in range(2):  # any codes, colours that RGB cannot hold, too
        sizes = [pixels.plane_size(plane, 32, 96) for plane in range(3)]
        planes = [
            torch.randint(0, 1 << pixels.bits, (2, high, wide), generator=random, dtype=torch.int32)
            for wide, high in sizes
        ]
        eyes.append(FrameBatch(tuple(plane.to(pixels.dtype) for plane in planes), (0, 1), 0, pixels))
    for colours in ("red-cyan", "amber-blue"):
        mixer = _Mixer.of(pixels, 96, colours, torch.device("cpu"))
        assert mixer.has_kernel
        made = mixed(*eyes, colours)
        for n in range(2):
            reference = mixer.mix(*(tuple(plane[n] for plane in eye.planes) for eye in eyes))
            for plane, expected in zip(made.planes, reference, strict=True):
                off = (plane[n].int() - expected.int()).abs()
                assert off.max() <= 1
                assert (off > 0).float().mean() < 0.01
