"""The CPU kernel of :mod:`stereo3d.render.borders`, in the arithmetic of its torch form; the GIL released."""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.blocks_numba import LANES, NONE, flags

__all__ = ["blend_rows"]

F, U = np.float32, np.uintp
ZERO, HALF, ONE = F(0), F(0.5), F(1)
EMPTY = F(-np.inf)


@njit(cache=True, nogil=True)
def _breaks(row, jump, broken):  # type: ignore[no-untyped-def]
    """Flags the pixels that are not on one surface with their right neighbour; two holes are."""
    for x in range(row.size - 1):
        one, two = row[x], row[x + 1]
        broken[x] = (not abs(two - one) <= jump) & (one != two)


@njit(cache=True, nogil=True)
def _blend(source, view, at, way, x, reach, new):  # type: ignore[no-untyped-def]
    """The new values [C] of one border pixel, and whether there are any: source, view [C, W] of one row; ``way`` is where the
    far side lies."""
    channels, width = source.shape
    near, far = at - way * reach, at + 2 * way * reach
    if not (0 <= near < width and 0 <= far < width):
        return False
    contrast, mixed = ZERO, ZERO
    for c in range(channels):
        two = F(source[U(c), U(far)])
        one = F(source[U(c), U(near)]) - two
        contrast += one * one
        mixed += (F(source[U(c), U(at)]) - two) * one
    if not contrast > ZERO:
        return False
    through = ONE - min(max(mixed / contrast, ZERO), ONE)
    if through == ZERO:
        return False
    for c in range(channels):
        two = F(source[U(c), U(far)])
        one, here, behind = F(source[U(c), U(near)]), F(view[U(c), U(x)]), F(view[U(c), U(x + way)])
        most = abs(one - two)
        value = here + min(max(through * (behind - two), -most), most)
        low, high = min(min(one, here), behind), max(max(one, here), behind)
        new[c] = min(max(value, low), high)
    return True


@njit(cache=True, nogil=True)
def blend_rows(image, surface, rule, out, start, stop):  # type: ignore[no-untyped-def]
    """image, out [N, C, H, W]; surface [N * H, W]. See :func:`stereo3d.render.borders.blend`.

    ``rule``: (sign, jump, reach, rounding)."""
    sign, jump, reach, rounding = rule
    channels, height, width = image.shape[1:]
    broken = flags(width)
    words = broken.view(np.uint64)
    places, values = np.empty(width, np.int32), np.empty((width, channels), np.float32)
    for y in range(start, stop):
        n, line = y // height, y % height
        seen, source, view = surface[y], image[n, :, line], out[n, :, line]
        _breaks(seen, jump, broken)
        count = 0
        for block in range(words.size):
            if words[block] == NONE:
                continue
            for x in range(LANES * block, LANES * block + LANES):
                if broken[x]:
                    way = 1 if seen[x] > seen[x + 1] else -1
                    here = x if way > 0 else x + 1
                    if seen[here] == EMPTY:
                        continue
                    at = int(np.floor(F(here) - sign * seen[here] + HALF))
                    if _blend(source, view, at, way, here, reach, values[count]):
                        places[count] = here
                        count += 1
        for k in range(count):  # now: a border's neighbour may be one, too, and must look as it was until here
            for c in range(channels):
                view[c, places[k]] = values[k, c] + rounding
