"""What a single picture says about depth without any training: the depth hypothesis and the cues that bend it.

* Depth gradient and its choice by linear perspective: Cheng, Li and Chen 2010 (see :mod:`.classic_groups`), after
  Battiato et al., "Depth map generation by image classification", SPIE 5302, 2004.
* Red is nearer: Tam, Vazquez and Speranza, "Three-dimensional TV: a novel method for generating surrogate depth maps
  using colour information", SPIE 7237, 2009.
* Haze is far: He, Sun and Tang, "Single Image Haze Removal Using Dark Channel Prior", CVPR 2009.
* Sharp is near: Valencia and Rodriguez-Dagnino, "Synthesizing stereo 3D views from focus cues in monoscopic 2D images",
  SPIE 5006, 2003.
"""

from __future__ import annotations

import numba
import numpy as np

from stereo3d.depth.classic_picture import Floats, Picture, resize

__all__ = [
    "PERSPECTIVE_AT",
    "active_rows",
    "blocks_of",
    "detail",
    "hypothesis",
    "lit",
    "perspective",
    "prior",
    "relief",
    "smoothstep",
]

# Where the vanishing point may be, as shares of the width and of the height of the picture.
PERSPECTIVE_AT = tuple((x / 10, y / 10) for y in range(2, 7) for x in range(-1, 12))
# Votes for a point over the mean of all points (at least the floor, which a picture of few edges stays below): ordinary
# pictures reach 1.9, a colonnade 2.3, ruled lines to one point 5.
_AGREED, _VOTES_FLOOR = (1.8, 2.8), np.float32(0.025)
_FAR, _NEAR, _BEND = np.float32(0.1), np.float32(0.9), np.float32(1.5)
_DOWN = np.float32(0.3)  # share of the vertical gradient that stays where perspective is sure
_RED, _HAZE, _SHARP = 0.8, 0.25, 0.12


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def lit(y: Floats) -> Floats:
    """How far a block is from black, 0..1: letterbox bars, fades and the ground of credits are 0."""
    return smoothstep(0.02, 0.06, y)


def relief(light: Floats) -> Floats:
    """How much depth a picture may have, 0..1 [1, 1]: none where nearly all of it is black (credits, black frames)."""
    return smoothstep(0.08, 0.3, light.mean(keepdims=True))


def active_rows(light: Floats) -> Floats:
    """How far each row of blocks is inside the picture proper, 0..1 [h]: 0 in black bars at the top and bottom."""
    row = light.max(axis=1)
    inside = np.minimum(np.maximum.accumulate(row), np.maximum.accumulate(row[::-1])[::-1])
    return np.asarray(inside, dtype=np.float32)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def detail(y: Floats) -> Floats:
    """Fine detail of each pixel: the absolute Laplacian, [h, w], 0 at the border."""
    height, width = y.shape
    out = np.zeros_like(y)
    for row in range(1, height - 1):
        for col in range(1, width - 1):
            around = y[row - 1, col] + y[row + 1, col] + y[row, col - 1] + y[row, col + 1]
            out[row, col] = abs(y[row, col] - np.float32(0.25) * around)
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def perspective(y: Floats, points: Floats) -> Floats:
    """How much of the picture's slanted edges runs towards each of the ``points`` [k, 2] (shares of width and height):
    [k], 0..1. Level and upright edges say nothing about a vanishing point and are left out. Every
    other pixel of every other row is enough."""
    height, width = y.shape
    votes = np.zeros(len(points), np.float64)
    total = 0.01 * (height // 2) * (width // 2) + 1e-9  # a few edges only are no evidence
    for row in range(1, height - 1, 2):
        for col in range(1, width - 1, 2):
            gx = y[row, col + 1] - y[row, col - 1]
            gy = y[row + 1, col] - y[row - 1, col]
            size = np.sqrt(gx * gx + gy * gy)
            if size < 0.06 or abs(gx) < 0.2 * size or abs(gy) < 0.2 * size:
                continue
            total += size
            for k in range(len(points)):
                dx = points[k, 0] * width - col - 0.5
                dy = points[k, 1] * height - row - 0.5
                sine = (gx * dx + gy * dy) / (size * np.sqrt(dx * dx + dy * dy) + 1e-9)
                votes[k] += size * max(0.0, 1 - (sine / 0.12) ** 2)
    shares: Floats = (votes / total).astype(np.float32)
    return shares


def hypothesis(rows: Floats, cols: int, votes: Floats) -> Floats:
    """The depth gradient, [len(rows), cols]: far at the top and near at the bottom of the active ``rows``, bent away
    from the vanishing point as far as the ``votes`` of :func:`perspective` agree on one."""
    filled = rows + np.float32(1e-3)
    down = _FAR + (_NEAR - _FAR) * ((np.cumsum(filled) - filled / 2) / filled.sum()) ** _BEND
    across, along = _centres(cols), _centres(len(rows))
    share = smoothstep(*_AGREED, votes / max(_VOTES_FLOOR, votes.mean()))
    share /= max(1.0, float(share.sum()))
    out = np.repeat(down[:, None], cols, axis=1) * (1 - share.sum())
    for weight, (x, y) in zip(share, PERSPECTIVE_AT, strict=True):
        if weight > 0:
            away = np.hypot(across[None, :] - np.float32(x), along[:, None] - np.float32(y))
            out += weight * (_DOWN * down[:, None] + (1 - _DOWN) * (_FAR + (_NEAR - _FAR) * away / away.max()))
    return np.asarray(out, dtype=np.float32)


def _centres(count: int) -> Floats:
    return (np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(count)


def prior(gradient: Floats, small: Picture, fine: Floats) -> Floats:
    """The hypothesis ``gradient`` bent by the cues of the blocks ``small`` and their ``fine`` detail, all [h, w]. Cues
    count by their difference to the picture's mean, so a uniform picture keeps the plain gradient."""
    red, blue = small.y + np.float32(1.5748) * small.cr, small.y + np.float32(1.8556) * small.cb
    green = small.y - np.float32(0.1873) * small.cb - np.float32(0.4681) * small.cr
    haze = np.clip(np.minimum(np.minimum(red, green), blue), 0, 1) ** 2
    sharp = fine / (fine + np.float32(0.02))
    cues = np.float32(_RED) * small.cr - np.float32(_HAZE) * haze + np.float32(_SHARP) * sharp
    return np.asarray(gradient + cues - cues.mean(), dtype=np.float32)


def blocks_of(picture: Picture, cols: int, rows: int) -> Picture:
    """The picture's means over ``cols`` x ``rows`` blocks."""
    return Picture(*(resize(plane, cols, rows) for plane in picture.planes))
