"""The CPU kernel of :mod:`stereo3d.render.borders`, in the arithmetic of its torch form; the GIL released."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["blend_rows"]

F, U = np.float32, np.uintp
ZERO, HALF, ONE = F(0), F(0.5), F(1)
EMPTY = F(-np.inf)
_BLOCK = 16


@njit(cache=True, nogil=True)
def _next(row, x, jump):  # type: ignore[no-untyped-def]
    """The next pixel from ``x`` on that is not on one surface with its right neighbour."""
    end = row.size - 1
    while x + _BLOCK <= end:
        joined = 0
        for i in range(_BLOCK):
            one, two = row[x + i], row[x + i + 1]
            joined += (abs(two - one) <= jump) | (one == two)  # both may be holes
        if joined < _BLOCK:
            break
        x += _BLOCK
    while x < end and (abs(row[x + 1] - row[x]) <= jump or row[x + 1] == row[x]):
        x += 1
    return x


@njit(cache=True, nogil=True)
def _blend(source, view, out, at, way, x, reach, rounding):  # type: ignore[no-untyped-def]
    """One border pixel: source, out [C, W] of one row, ``view`` the row as it was; ``way`` is where the far side lies."""
    channels, width = source.shape
    near, far = at - way * reach, at + 2 * way * reach
    if not (0 <= near < width and 0 <= far < width):
        return
    contrast, mixed = ZERO, ZERO
    for c in range(channels):
        two = F(source[U(c), U(far)])
        one = F(source[U(c), U(near)]) - two
        contrast += one * one
        mixed += (F(source[U(c), U(at)]) - two) * one
    if not contrast > ZERO:
        return
    through = ONE - min(max(mixed / contrast, ZERO), ONE)
    if through == ZERO:
        return
    for c in range(channels):
        two = F(source[U(c), U(far)])
        one, here, behind = F(source[U(c), U(near)]), F(view[U(c), U(x)]), F(view[U(c), U(x + way)])
        most = abs(one - two)
        value = here + min(max(through * (behind - two), -most), most)
        low, high = min(min(one, here), behind), max(max(one, here), behind)
        out[U(c), U(x)] = min(max(value, low), high) + rounding


@njit(cache=True, nogil=True)
def blend_rows(image, surface, rule, out, start, stop):  # type: ignore[no-untyped-def]
    """image, out [N, C, H, W]; surface [N * H, W]. See :func:`stereo3d.render.borders.blend`.

    ``rule``: (sign, jump, reach, rounding)."""
    sign, jump, reach, rounding = rule
    channels, height, width = image.shape[1:]
    row = np.empty((channels, width), out.dtype)
    for y in range(start, stop):
        n, line = y // height, y % height
        seen = surface[y]
        x = _next(seen, 0, jump)
        if x >= width - 1:
            continue
        source, target = image[n, :, line], out[n, :, line]
        row[:] = target
        while x < width - 1:
            way = 1 if seen[x] > seen[x + 1] else -1
            here = x if way > 0 else x + 1
            if seen[here] != EMPTY:
                at = int(np.floor(F(here) - sign * seen[here] + HALF))
                _blend(source, row, target, at, way, here, reach, rounding)
            x = _next(seen, x + 1, jump)
