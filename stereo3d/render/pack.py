"""Two views into one picture: side by side or over-under, whole or halved, on a black canvas, plane by plane."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import torch

from stereo3d.errors import UsageError
from stereo3d.frames import FrameBatch, PixelFormat
from stereo3d.settings import LAYOUTS

__all__ = ["black", "pack", "packed_size"]


def pack(
    left: FrameBatch, right: FrameBatch, layout: str, *, swap_eyes: bool = False, canvas: str | None = None
) -> FrameBatch:
    """The two eyes' frames in one picture.

    ``layout``: sbs-full, sbs-half, ou-full or ou-half; half squeezes each eye 2:1 by the mean of neighbours. ``canvas``:
    each eye is first centred on black of WxH pixels or of an aspect (``16:9``, of square pixels); it is never scaled.
    ``swap_eyes`` puts the right eye first. Raises UsageError as :func:`packed_size`, ValueError for eyes that differ in shape.
    """
    if left.format != right.format or (left.width, left.height, left.pts) != (right.width, right.height, right.pts):
        raise ValueError("the eyes differ in size, format or time")
    pixels = left.format
    width, height = _eye_size(left.width, left.height, layout, canvas, pixels)
    axis = 2 if layout.startswith("sbs") else 1
    eyes = (right, left) if swap_eyes else (left, right)
    planes = []
    for number in range(len(left.planes)):
        parts = [_on_canvas(eye, number, width, height) for eye in eyes]
        if layout.endswith("half"):
            parts = [_halve(part, axis) for part in parts]
        planes.append(torch.cat(parts, axis))
    return FrameBatch(tuple(planes), left.pts, left.index, pixels)


def packed_size(width: int, height: int, layout: str, canvas: str | None, pixels: PixelFormat) -> tuple[int, int]:
    """(width, height) of the picture that :func:`pack` makes of eyes of ``width`` x ``height``.

    Sizes are rounded up (with black) to what the chroma subsampling needs. Raises UsageError for an unknown layout, a canvas
    that cannot be read, is smaller than the eye, or is not a multiple of what the subsampling and layout need.
    """
    width, height = _eye_size(width, height, layout, canvas, pixels)
    full = layout.endswith("full")
    return (
        (width * 2 if full else width, height) if layout.startswith("sbs") else (width, height * 2 if full else height)
    )


def black(pixels: PixelFormat, plane: int) -> int:
    """The code value of black: 16 or 0 by range for luma and RGB, the middle for chroma, at the format's depth."""
    if plane > 0 and not pixels.is_rgb:
        return 1 << (pixels.bits - 1)
    return 0 if pixels.colour.full_range else 16 << (pixels.bits - 8)


def _eye_size(width: int, height: int, layout: str, canvas: str | None, pixels: PixelFormat) -> tuple[int, int]:
    """Size of one eye on its canvas, before halving."""
    if layout not in LAYOUTS:
        raise UsageError(f"layout {layout!r} is unknown", hint=f"the layouts are: {', '.join(LAYOUTS)}")
    unit_x, unit_y = 1 << pixels.chroma_x, 1 << pixels.chroma_y
    unit_x *= 2 if layout == "sbs-half" else 1
    unit_y *= 2 if layout == "ou-half" else 1
    if canvas is None:
        return _up(width, unit_x), _up(height, unit_y)
    try:
        if "x" in canvas:
            wide, high = (int(part) for part in canvas.split("x"))
        else:
            across, down = (Fraction(part) for part in canvas.split(":"))
            wide = _up(max(width, ceil(height * across / down)), unit_x)
            high = _up(max(height, ceil(width * down / across)), unit_y)
    except (ValueError, ZeroDivisionError):
        raise UsageError(
            f"canvas {canvas!r} cannot be read", hint="a canvas is WxH pixels or an aspect such as 16:9"
        ) from None
    if wide < width or high < height:
        raise UsageError(
            f"canvas {canvas} is smaller than the picture, {width}x{height}",
            hint="a canvas only pads; to scale, use --height",
        )
    if wide % unit_x or high % unit_y:
        raise UsageError(
            f"canvas {canvas} does not fit {pixels.name} in {layout}",
            hint=f"the width must be a multiple of {unit_x}, the height of {unit_y}: {_up(wide, unit_x)}x{_up(high, unit_y)}",
        )
    return wide, high


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _on_canvas(eye: FrameBatch, plane: int, width: int, height: int) -> torch.Tensor:
    """A plane of an eye in the middle of black; the place is a whole number of chroma samples."""
    picture = eye.planes[plane]
    if (eye.width, eye.height) == (width, height):
        return picture
    pixels = eye.format
    wide, high = pixels.plane_size(plane, width, height)
    left = (width - eye.width) // 2 >> pixels.chroma_x << pixels.chroma_x
    top = (height - eye.height) // 2 >> pixels.chroma_y << pixels.chroma_y
    left, top = pixels.plane_size(plane, left, top)
    out = torch.full((len(eye), high, wide), black(pixels, plane), dtype=torch.int32, device=picture.device)
    out = out.to(picture.dtype)
    out[:, top : top + picture.shape[1], left : left + picture.shape[2]] = picture
    return out


def _halve(plane: torch.Tensor, axis: int) -> torch.Tensor:
    """2:1 along an axis of even length: the mean of two neighbours, halves up."""
    shape = plane.shape
    pairs = plane.to(torch.int32).reshape(*shape[:axis], shape[axis] // 2, 2, *shape[axis + 1 :])
    first, second = pairs.unbind(axis + 1)
    return ((first + second + 1) >> 1).to(plane.dtype)
