"""A flat picture on half a sphere, for VR180: an equirectangular square of 180 by 180 degrees for each eye.

Longitude runs evenly over the columns, latitude over the rows (Spherical Video V2's ``equi``), the viewer looks at the middle.
The picture is a flat screen straight ahead, ``fov`` degrees wide: what lies at longitude a and latitude b is seen on it at
x = tan a and y = tan b / cos a, in distances to the screen.
"""

from __future__ import annotations

from math import ceil, pi, radians, tan

import torch
from torch import Tensor
from torch.nn import functional

from stereo3d.frames import FrameBatch, PixelFormat

__all__ = ["on_half_sphere", "sphere_side"]

_UNIT = 16  # a side is a whole number of coding blocks
_LARGEST = 4096  # two of them, 8192x4096, are what headsets decode
_FINE = 2  # places looked up for each pixel, per side: the screen's edge is seen aslant, where its pixels lie dense


def sphere_side(width: int, fov: float) -> int:
    """Pixels of a side of the square for a picture ``width`` pixels wide: in the middle as fine as the picture, at most 4096."""
    return min(_LARGEST, ceil(_natural_side(width, fov) / _UNIT) * _UNIT)


def _natural_side(width: int, fov: float) -> float:
    return pi * width / (2 * tan(radians(fov) / 2))


def on_half_sphere(eye: FrameBatch, *, fov: float, shift: float, black: tuple[int, ...]) -> FrameBatch:
    """The eye's frames on their half sphere, black around.

    ``shift``: pixels of the eye's width that the picture is moved to the right, which is exactly what an eye sees that stands
    as much to the left of the middle. ``black``: a code value for each plane.
    """
    side = sphere_side(eye.width, fov)
    coarser = _natural_side(eye.width, fov) / side
    planes = []
    for number, plane in enumerate(eye.planes):
        size = eye.format.plane_size(number, side, side)
        picture = plane.float().sub_(black[number]).unsqueeze(0)
        if coarser > 1:
            fewer = (round(plane.shape[1] / coarser), round(plane.shape[2] / coarser))
            picture = functional.interpolate(picture, fewer, mode="bilinear", antialias=True)
        ball = _wrap(picture, size, fov, 2 * shift / eye.width, eye.height / eye.width)
        planes.append(_codes(ball[0] + black[number], eye.format))
    return FrameBatch(tuple(planes), eye.pts, eye.index, eye.format)


def _wrap(picture: Tensor, size: tuple[int, int], fov: float, shift: float, flatness: float) -> Tensor:
    """``picture`` [1, N, h, w], 0 = black, on ``size`` (width, height) of half a sphere: [1, N, height, width].

    ``shift``: to the right, in halves of the picture's width. ``flatness``: the picture's height over its width.
    """
    half = tan(radians(fov) / 2)
    wide, high = size
    lon, lat = (((torch.arange(_FINE * n, dtype=torch.float64) + 0.5) / (_FINE * n) - 0.5) * pi for n in size)
    columns = _span(lon.tan().abs() <= half * (1 + abs(shift)))
    rows = _span(lat.tan().abs() <= half * flatness)
    lon, lat = lon[columns], lat[rows]
    x = (lon.tan() / half - shift).float().to(picture.device)
    y, aslant = ((lat.tan() / (half * flatness)).float().to(picture.device), (1 / lon.cos()).float().to(picture.device))
    grid = torch.stack([x.expand(len(y), -1), y[:, None] * aslant], -1)
    seen = functional.grid_sample(picture, grid[None], mode="bicubic", padding_mode="zeros", align_corners=False)
    out = picture.new_zeros((1, picture.shape[1], high, wide))
    top, left = rows.start // _FINE, columns.start // _FINE
    seen = functional.avg_pool2d(seen, _FINE)
    out[:, :, top : top + seen.shape[2], left : left + seen.shape[3]] = seen
    return out


def _span(inside: Tensor) -> slice:
    """From the first to the last True, a pixel more at both ends, whole pixels."""
    places = inside.nonzero()
    first, last = int(places[0]) // _FINE - 1, int(places[-1]) // _FINE + 2
    return slice(max(first, 0) * _FINE, min(last, len(inside) // _FINE) * _FINE)


def _codes(values: Tensor, pixels: PixelFormat) -> Tensor:
    return values.round_().clamp_(0, (1 << pixels.bits) - 1).to(torch.int32).to(pixels.dtype)
