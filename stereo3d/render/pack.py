"""Two pictures into one, as the layout says: side by side, over-under, by turns or by colour, on a black canvas."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Self

import numpy as np
import torch

from stereo3d.colour import black
from stereo3d.errors import UsageError
from stereo3d.frames import FrameBatch, PixelFormat
from stereo3d.layouts import LAYOUTS, Layout
from stereo3d.render.anaglyph import anaglyph_format, mixed
from stereo3d.render.interleave import checkerboard, rows
from stereo3d.render.sphere import on_half_sphere, sphere_side
from stereo3d.settings import Settings

__all__ = ["Packing", "joined_reference", "pack", "packed_format", "packed_size"]


@dataclass(frozen=True, slots=True)
class Packing:
    """How two pictures become one.

    ``canvas``: each eye is first centred on black of WxH pixels or of an aspect (``16:9``, of square pixels); it is never
    scaled. ``fov`` and ``nearer`` are for half spheres: the degrees that the picture (with its canvas) spans, and the share of the
    eye's width by which everything is brought nearer. Equal places in both eyes lie at infinity there, and what is behind the
    screen of a flat layout would lie beyond it; with the whole depth budget for ``nearer`` nothing does.
    """

    layout: Layout
    swap_eyes: bool = False
    canvas: str | None = None
    fov: float = 90
    nearer: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        view, picture = settings.view, settings.picture
        screen = 1.0 if view.zero_parallax == "auto" else view.zero_parallax
        return cls(
            LAYOUTS[picture.layout],
            picture.swap_eyes,
            picture.canvas,
            picture.fov,
            view.strength / 100 * screen,
        )


def pack(left: FrameBatch, right: FrameBatch, packing: Packing) -> FrameBatch:
    """The two eyes' frames (or the source's and their depth) in one picture.

    Half layouts squeeze each eye 2:1 by the mean of neighbours. Raises UsageError as :func:`packed_size`, ValueError for eyes
    that differ in shape.
    """
    if left.format != right.format or (left.width, left.height, left.pts) != (right.width, right.height, right.pts):
        raise ValueError("the eyes differ in size, format or time")
    layout = packing.layout
    size = _eye_size(left.width, left.height, packing, packed_format(left.format, layout))
    shift = packing.nearer * left.width / 2
    left, right = (_on_canvas(eye, *size) for eye in (left, right))
    if layout.sphere:
        dark = tuple(black(left.format, number) for number in range(len(left.planes)))
        left = on_half_sphere(left, fov=packing.fov, shift=shift, black=dark)
        right = on_half_sphere(right, fov=packing.fov, shift=-shift, black=dark)
    first, second = (right, left) if layout.starts_right(packing.swap_eyes) else (left, right)
    match layout.arrangement:
        case "anaglyph":
            return mixed(first, second, layout.colours)
        case "rows":
            return rows(first, second)
        case "checkerboard":
            return checkerboard(first, second)
        case "sbs" | "ou":
            return _beside(first, second, 2 if layout.arrangement == "sbs" else 1, half=layout.squeeze != (1, 1))


def packed_size(width: int, height: int, packing: Packing, pixels: PixelFormat) -> tuple[int, int]:
    """(width, height) of the picture that :func:`pack` makes of eyes of ``width`` x ``height``.

    Sizes are rounded up (with black) to what the chroma subsampling needs. Raises UsageError for a canvas that cannot be read,
    is smaller than the eye, or is not a multiple of what the subsampling and layout need.
    """
    layout = packing.layout
    width, height = _eye_size(width, height, packing, packed_format(pixels, layout))
    if layout.sphere:
        width = height = sphere_side(width, packing.fov)
    across, down = {"sbs": (2, 1), "ou": (1, 2)}.get(layout.arrangement, (1, 1))
    return width * across // layout.squeeze[0], height * down // layout.squeeze[1]


def packed_format(pixels: PixelFormat, layout: Layout) -> PixelFormat:
    """The format of the picture that :func:`pack` makes of eyes of ``pixels``: the same, but an anaglyph has colours."""
    return anaglyph_format(pixels) if layout.arrangement == "anaglyph" else pixels


def _eye_size(width: int, height: int, packing: Packing, pixels: PixelFormat) -> tuple[int, int]:
    """Size of one eye on its canvas, before halving."""
    canvas, layout = packing.canvas, packing.layout
    unit_x, unit_y = layout.squeeze[0] << pixels.chroma_x, layout.squeeze[1] << pixels.chroma_y
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
            f"canvas {canvas} does not fit {pixels.name} in {layout.name}",
            hint=f"the width must be a multiple of {unit_x}, the height of {unit_y}: {_up(wide, unit_x)}x{_up(high, unit_y)}",
        )
    return wide, high


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _on_canvas(eye: FrameBatch, width: int, height: int) -> FrameBatch:
    """The eye in the middle of black; the place is a whole number of chroma samples."""
    if (eye.width, eye.height) == (width, height):
        return eye
    pixels = eye.format
    x = (width - eye.width) // 2 >> pixels.chroma_x << pixels.chroma_x
    y = (height - eye.height) // 2 >> pixels.chroma_y << pixels.chroma_y
    planes = []
    for number, picture in enumerate(eye.planes):
        wide, high = pixels.plane_size(number, width, height)
        left, top = pixels.plane_size(number, x, y)
        out = torch.full((len(eye), high, wide), black(pixels, number), dtype=torch.int32, device=picture.device)
        out = out.to(picture.dtype)
        out[:, top : top + picture.shape[1], left : left + picture.shape[2]] = picture
        planes.append(out)
    return FrameBatch(tuple(planes), eye.pts, eye.index, pixels)


def _beside(first: FrameBatch, second: FrameBatch, axis: int, *, half: bool) -> FrameBatch:
    """One beside (axis 2) or above (axis 1) the other."""
    join = _joined if first.planes[0].device.type == "cpu" else joined_reference
    planes = [join(one, two, axis, half=half) for one, two in zip(first.planes, second.planes, strict=True)]
    return FrameBatch(tuple(planes), first.pts, first.index, first.format)


def _joined(one: torch.Tensor, two: torch.Tensor, axis: int, *, half: bool) -> torch.Tensor:
    """:func:`joined_reference` on the CPU, without torch's threads and without wider types."""
    from stereo3d.render.pack_numba import halve_columns, halve_rows

    across, down = (1 if half or axis != along else 2 for along in (2, 1))
    out = torch.empty((len(one), one.shape[1] * down, one.shape[2] * across), dtype=one.dtype)
    for eye, part in zip((one, two), np.split(out.numpy(), 2, axis), strict=True):
        if half:
            (halve_columns if axis == 2 else halve_rows)(eye.numpy(), part)
        else:
            part[:] = eye.numpy()
    return out


def joined_reference(one: torch.Tensor, two: torch.Tensor, axis: int, *, half: bool) -> torch.Tensor:
    """Two planes [N, h, w] joined along ``axis``; ``half``: each squeezed 2:1 along it first."""
    return torch.cat([_halve(one, axis), _halve(two, axis)] if half else [one, two], axis)


def _halve(plane: torch.Tensor, axis: int) -> torch.Tensor:
    """2:1 along an axis of even length: the mean of two neighbours, halves up."""
    shape = plane.shape
    pairs = plane.to(torch.int32).reshape(*shape[:axis], shape[axis] // 2, 2, *shape[axis + 1 :])
    first, second = pairs.unbind(axis + 1)
    return ((first + second + 1) >> 1).to(plane.dtype)
