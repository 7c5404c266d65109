"""The small picture that :mod:`stereo3d.depth.classic` looks at, and the filter that gives depth its outlines.

All loops are serial and all sums run in a fixed order: the same picture gives the same bits with any thread count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numba
import numpy as np
import torch
from numpy.typing import NDArray

from stereo3d.frames import FrameBatch, PixelFormat

__all__ = [
    "Floats",
    "Picture",
    "cross_bilateral",
    "guided",
    "picture_of_frame",
    "picture_of_rgb",
    "resize",
    "work_size",
]

Floats = NDArray[np.float32]

WORK_PIXELS = 480 * 270
# ITU-T H.273: RGB from Y'CbCr by 2 * (1 - Kr), 2 * (1 - Kb), here of BT.709; the cues do not need the exact matrix.
_KR, _KB = 0.2126, 0.0722


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame at the working size. ``y``: luma code value in 0..1; ``cb``, ``cr``: -0.5..0.5; all [h, w] float32."""

    y: Floats
    cb: Floats
    cr: Floats

    @property
    def planes(self) -> tuple[Floats, Floats, Floats]:
        return self.y, self.cb, self.cr


def work_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the working picture: about 480x270 pixels in the frame's aspect, never larger than it."""
    scale = min(1.0, math.sqrt(WORK_PIXELS / (width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize(plane: NDArray[np.generic], width: int, height: int) -> Floats:
    """[h, w] of any sample type to [height, width] float32, the picture's edges kept: by area, or linear to enlarge."""
    smaller = width <= plane.shape[1] and height <= plane.shape[0]
    out = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(out, dtype=np.float32)


def picture_of_frame(frames: FrameBatch, number: int) -> Picture:
    """Frame ``number`` of a batch, straight from its planes: any depth, range, subsampling, grey and GBR."""
    width, height = work_size(frames.width, frames.height)
    codes = [resize(plane[number].cpu().numpy(), width, height) for plane in frames.planes[:3]]
    low, span, chroma = _code_range(frames.format)
    if frames.format.is_rgb:
        green, blue, red = (np.clip((code - low) / span, 0, 1) for code in codes)
        return _from_rgb(red, green, blue)
    y = np.clip((codes[0] - low) / span, 0, 1)
    if len(codes) < 3:
        return Picture(y, np.zeros_like(y), np.zeros_like(y))
    middle = np.float32(1 << (frames.format.bits - 1))
    cb, cr = (np.clip((code - middle) / chroma, -0.5, 0.5) for code in codes[1:])
    return Picture(y, cb, cr)


def picture_of_rgb(rgb: torch.Tensor) -> Picture:
    """The picture of [3, H, W], uint8, or float in 0..1."""
    width, height = work_size(int(rgb.shape[2]), int(rgb.shape[1]))
    top = np.float32(255 if rgb.dtype == torch.uint8 else 1)
    samples = rgb if rgb.dtype == torch.uint8 else rgb.float()
    red, green, blue = (np.clip(resize(c, width, height) / top, 0, 1) for c in samples.cpu().numpy())
    return _from_rgb(red, green, blue)


def _code_range(pixel: PixelFormat) -> tuple[np.float32, np.float32, np.float32]:
    """(code of black, codes from black to white, codes of the whole chroma range), ITU-T H.273."""
    if pixel.colour.full_range:
        top = np.float32((1 << pixel.bits) - 1)
        return np.float32(0), top, top
    unit = 1 << (pixel.bits - 8)
    return np.float32(16 * unit), np.float32(219 * unit), np.float32(224 * unit)


def _from_rgb(red: Floats, green: Floats, blue: Floats) -> Picture:
    y = np.float32(_KR) * red + np.float32(1 - _KR - _KB) * green + np.float32(_KB) * blue
    return Picture(y, (blue - y) / np.float32(2 - 2 * _KB), (red - y) / np.float32(2 - 2 * _KR))


def guided(guide: Floats, values: Floats, radius: int, epsilon: float) -> Floats:
    """``values`` smoothed within the outlines of ``guide``, both [h, w]: the guided filter of He, Sun and Tang, "Guided
    Image Filtering", IEEE TPAMI 35(6), 2013. ``radius`` in pixels; ``epsilon`` is the guide's variance below which it is
    taken for flat."""
    mean_g, mean_v = _box(guide, radius), _box(values, radius)
    variance = np.maximum(_box(guide * guide, radius) - mean_g * mean_g, 0)
    slope = (_box(guide * values, radius) - mean_g * mean_v) / (variance + np.float32(epsilon))
    offset = mean_v - slope * mean_g
    return np.asarray(_box(slope, radius) * guide + _box(offset, radius), dtype=np.float32)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cross_bilateral(
    depth: Floats, small: tuple[Floats, Floats, Floats], picture: tuple[Floats, Floats, Floats], sigma: float
) -> Floats:
    """Depth of blocks [rows, cols] to the pixels of a picture: every pixel takes the mean of the 3 x 3 blocks about it,
    weighted by distance and by the difference of its colour to theirs (joint bilateral upsampling: Kopf, Cohen,
    Lischinski and Uyttendaele, ACM Trans. Graphics 26(3), 2007). Both kernels are rational or quadratic, which needs no
    exponential; ``sigma``: the colour difference (sum over the three planes) that counts a quarter."""
    y, cb, cr = picture
    block_y, block_cb, block_cr = small
    rows, cols = depth.shape
    height, width = y.shape
    step_y, step_x = rows / height, cols / width
    out = np.empty((height, width), np.float32)
    for row in range(height):
        at_y = (row + 0.5) * step_y - 0.5
        mid_y = int(np.floor(at_y + 0.5))
        for col in range(width):
            at_x = (col + 0.5) * step_x - 0.5
            mid_x = int(np.floor(at_x + 0.5))
            total = 0.0
            weights = 0.0
            for r in range(max(mid_y - 1, 0), min(mid_y + 2, rows)):
                near_y = 1 - ((r - at_y) / 1.5) ** 2
                for c in range(max(mid_x - 1, 0), min(mid_x + 2, cols)):
                    near_x = 1 - ((c - at_x) / 1.5) ** 2
                    differs = (
                        abs(y[row, col] - block_y[r, c])
                        + abs(cb[row, col] - block_cb[r, c])
                        + abs(cr[row, col] - block_cr[r, c])
                    ) / sigma
                    weight = (near_y * near_x + 1e-6) / (1 + differs * differs) ** 2
                    total += weight * depth[r, c]
                    weights += weight
            out[row, col] = total / weights
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _box(plane: Floats, radius: int) -> Floats:
    """Means over windows of 2 * radius + 1 pixels, cut at the borders, of [h, w]."""
    height, width = plane.shape
    out = np.empty_like(plane)
    sums = np.zeros(width, np.float64)
    for y in range(min(radius, height)):
        for x in range(width):
            sums[x] += plane[y, x]
    for y in range(height):
        if y + radius < height:
            for x in range(width):
                sums[x] += plane[y + radius, x]
        if y > radius:
            for x in range(width):
                sums[x] -= plane[y - radius - 1, x]
        rows = min(y + radius, height - 1) - max(y - radius, 0) + 1
        run = 0.0
        for x in range(min(radius, width)):
            run += sums[x]
        for x in range(width):
            if x + radius < width:
                run += sums[x + radius]
            if x > radius:
                run -= sums[x - radius - 1]
            columns = min(x + radius, width - 1) - max(x - radius, 0) + 1
            out[y, x] = run / (rows * columns)
    return out
