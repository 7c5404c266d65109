"""The CPU kernel of :mod:`stereo3d.render.borders`, in the arithmetic of its torch form; the GIL released."""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.flags_numba import listed

__all__ = ["blend_rows"]

F, N, U = np.float32, np.int32, np.uintp
ZERO, HALF, ONE = F(0), F(0.5), F(1)


@njit(cache=True, nogil=True, error_model="numpy")
def _through(source, at, near, far):  # type: ignore[no-untyped-def]
    """How much of the far side a mixed pixel of source [C, W] holds, 0 where its two sides look the same."""
    contrast, mixed = ZERO, ZERO
    for c in range(source.shape[0]):
        two = F(source[c, far])
        one = F(source[c, near]) - two
        contrast += one * one
        mixed += (F(source[c, at]) - two) * one
    through = ONE - min(max(mixed / contrast, ZERO), ONE)
    return through if contrast > ZERO else ZERO


@njit(cache=True, nogil=True)
def _borders(seen, source, sign, reach, columns, count, ends):  # type: ignore[no-untyped-def]
    """Of the ``count`` breaks after ``columns``, those that blend: (pixel of the view, of the source: near side, far side, which
    way it lies) and through. All are written, and counted if they blend: no branch to foresee. Returns how many."""
    places, shares = ends
    width, kept = N(seen.size), 0
    for k in range(count):
        x = columns[k]
        one, two = seen[U(x)], seen[U(x + 1)]
        way, here = (N(1), N(x)) if one > two else (N(-1), N(x + 1))
        at = N(np.floor(F(here) - sign * max(one, two) + HALF))
        near, far = N(at - way * reach), N(at + N(2) * way * reach)
        inside = (min(near, far) >= 0) & (max(near, far) < width)
        if not inside:
            at, near, far = N(0), N(0), N(0)
        through = _through(source, U(at), U(near), U(far))
        i = U(kept)
        places[i, 0], places[i, 1], places[i, 2], places[i, 3], shares[i] = here, near, far, way, through
        kept += inside & (through > ZERO)
    return kept


@njit(cache=True, nogil=True)
def blend_rows(image, surface, marks, rule, out, start, stop):  # type: ignore[no-untyped-def]
    """image, out [N, C, H, W]; surface [N, H, W], marks [N, H, padded W]. See :func:`stereo3d.render.borders.blend`.

    ``rule``: (sign, reach, rounding)."""
    sign, reach, rounding = rule
    channels, height, width = image.shape[1:]
    columns, ends = np.empty(marks.shape[2], np.int32), (np.empty((width, 4), np.int32), np.empty(width, np.float32))
    values = np.empty(width, np.float32)
    for y in range(start, stop):
        n, line = y // height, y % height
        seen, source = surface[n, line], image[n, :, line]
        count = _borders(seen, source, sign, N(reach), columns, listed(marks[n, line], 1, columns), ends)
        places, shares = ends
        for c in range(channels):
            look, view = image[n, c, line], out[n, c, line]
            for k in range(count):
                here, way = places[k, 0], places[k, 3]
                one, two = F(look[U(places[k, 1])]), F(look[U(places[k, 2])])
                now, behind = F(view[U(here)]), F(view[U(here + way)])
                most = abs(one - two)
                value = now + min(max(shares[k] * (behind - two), -most), most)
                values[k] = min(max(value, min(min(one, now), behind)), max(max(one, now), behind))
            for k in range(count):  # now: a border's neighbour may be one, too, and must look as it was until here
                view[U(places[k, 0])] = values[k] + rounding
