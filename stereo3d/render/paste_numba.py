"""Samples of one frame's planes put into another's: the kernels that write for :mod:`stereo3d.render.uncovered`; the GIL released."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["bilinear", "leads", "put", "sharp"]

F, U = np.float32, np.uintp


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def bilinear(image, x, y):  # type: ignore[no-untyped-def]
    """Linear sample; places beyond the picture's borders are moved onto them."""
    height, width = image.shape
    x, y = min(max(x, F(0)), F(width - 1)), min(max(y, F(0)), F(height - 1))
    i, j = min(U(x), U(width - 2)), min(U(y), U(height - 2))
    a, b = x - F(i), y - F(j)
    p, q, r, s = F(image[j, i]), F(image[j, i + U(1)]), F(image[j + U(1), i]), F(image[j + U(1), i + U(1)])
    top, low = p + (q - p) * a, r + (s - r) * a
    return top + (low - top) * b


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _cubic(t):  # type: ignore[no-untyped-def]
    """Catmull-Rom weights."""
    return (
        F(0.5) * t * (t * (F(2) - t) - F(1)),
        F(0.5) * (t * t * (F(3) * t - F(5)) + F(2)),
        F(0.5) * t * (t * (F(4) - F(3) * t) + F(1)),
        F(0.5) * t * t * (t - F(1)),
    )


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def sharp(image, x, y):  # type: ignore[no-untyped-def]
    """Cubic sample, within the values of the four pixels around; linear at the picture's borders."""
    height, width = image.shape
    if F(1) <= x < F(width - 2) and F(1) <= y < F(height - 2):
        i, j = U(x), U(y)
        across, down = _cubic(x - F(i)), _cubic(y - F(j))
        value = F(0)
        for n in range(4):
            k = j + U(n) - U(1)
            line = across[0] * F(image[k, i - U(1)]) + across[1] * F(image[k, i])
            value += down[n] * (line + across[2] * F(image[k, i + U(1)]) + across[3] * F(image[k, i + U(2)]))
        p, q = F(image[j, i]), F(image[j, i + U(1)])
        r, s = F(image[j + U(1), i]), F(image[j + U(1), i + U(1)])
        value = min(max(value, min(min(p, q), min(r, s))), max(max(p, q), max(r, s)))
    else:
        value = bilinear(image, x, y)
    return value


@njit(cache=True, nogil=True)
def leads(x, y, across, down, width, height):  # type: ignore[no-untyped-def]
    """Which pixels (x, y), none of them listed twice, a sample of a plane of ``width`` x ``height`` follows, each of 2**across x 2**down
    pixels: the first of its pixels, where at least half of them are listed."""
    lead = np.ones(len(x), np.bool_)
    if across == 0 and down == 0:
        return lead
    count = np.zeros((height, width), np.uint8)
    for i in range(len(x)):
        count[y[i] >> down, x[i] >> across] += 1
    enough = 1 << (across + down - 1)
    for i in range(len(x)):
        j, k = y[i] >> down, x[i] >> across
        lead[i] = count[j, k] >= enough
        count[j, k] = 0
    return lead


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _blend(plane, x, y, value, share, peak):  # type: ignore[no-untyped-def]
    kept = F(plane[y, x])
    plane[y, x] = min(max(kept + share * (value - kept) + F(0.5), F(0)), peak)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def put(targets, sources, pixel, at, value, how, form):  # type: ignore[no-untyped-def]
    """Puts what ``sources`` show at (x, y) = ``at`` into ``targets``, planes of one format.

    pixel: (x, y, whether chroma follows); value: the first plane's sample there; how: (the share of it, how much brighter it is here,
    in code values); form: (across, down, as powers of two, whether all planes are colours, the highest code value).
    """
    x, y, lead = pixel
    share, offset = how
    across, down, colours, peak = form
    _blend(targets[0], x, y, value + offset, share, peak)
    if lead:
        column, row = x >> across, y >> down
        px, py = F(column) + (at[0] - F(x)) / F(1 << across), F(row) + (at[1] - F(y)) / F(1 << down)
        more = offset if colours else F(0)
        for k in range(1, len(targets)):
            _blend(targets[k], column, row, sharp(sources[k], px, py) + more, share, peak)
