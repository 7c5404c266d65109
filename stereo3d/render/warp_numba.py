"""The CPU kernels of :mod:`stereo3d.render.warp`: rows in, rows out, the GIL released.

All arithmetic is float32 in the order of the torch references, so that the two agree. Columns that index arrays are
unsigned where it counts: Numba then needs no test for counting from the end.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["sample_rows", "surface_rows"]

F, U = np.float32, np.uintp
ZERO, HALF, ONE, TWO, THREE, FOUR, FIVE = F(0), F(0.5), F(1), F(2), F(3), F(4), F(5)
EMPTY = F(-np.inf)


@njit(cache=True, nogil=True)
def surface_rows(shift, sign, join, out, start, stop):  # type: ignore[no-untyped-def]
    """Z-buffer of the scanline meshes. shift, out: [R, W] float32."""
    width = shift.shape[1]
    for y in range(start, stop):
        row, seen = shift[y], out[y]
        seen[:] = EMPTY
        joined_left = False
        near = row[0]
        left = sign * near
        for x in range(width):
            joined = False
            after, right = near, left
            if x + 1 < width:
                after = row[U(x + 1)]
                right = F(x + 1) + sign * after
                step = after - near
                joined = abs(step) <= join
                if joined and right > left:
                    first = max(int(np.ceil(left)), 0)
                    last = min(int(np.floor(right)), width - 1)
                    for i in range(first, last + 1):
                        value = near + (F(i) - left) / (right - left) * step
                        seen[U(i)] = max(value, seen[U(i)])
            if not (joined and joined_left):  # the end of a surface reaches half a pixel further
                i = int(np.floor(left + HALF))
                outward = (not joined_left and F(i) <= left) or (not joined and F(i) >= left)
                if outward and 0 <= i < width:
                    seen[U(i)] = max(near, seen[U(i)])
            joined_left, near, left = joined, after, right


@njit(cache=True, nogil=True)
def _taps(surface, sign, base, w0, w1, w2, w3):  # type: ignore[no-untyped-def]
    """Source column and the four Catmull-Rom weights of each pixel of a row."""
    width = surface.size
    for i in range(width):
        at = F(i) - sign * surface[i] if surface[i] != EMPTY else F(i)
        at = min(max(at, ZERO), F(width - 1))
        k = np.int32(at)
        t = at - F(k)
        base[i] = k
        w0[i] = HALF * t * (t * (TWO - t) - ONE)
        w1[i] = HALF * (t * t * (THREE * t - FIVE) + TWO)
        w2[i] = HALF * t * (t * (FOUR - THREE * t) + ONE)
        w3[i] = HALF * t * t * (t - ONE)


@njit(cache=True, nogil=True)
def sample_rows(image, surface, sign, rounding, out, start, stop):  # type: ignore[no-untyped-def]
    """Cubic gather along rows: image, out [N, C, H, W]; surface [N * H, W]. Holes become 0."""
    channels, height, width = image.shape[1:]
    base = np.empty(width, np.uint32)
    w0, w1 = np.empty(width, np.float32), np.empty(width, np.float32)
    w2, w3 = np.empty(width, np.float32), np.empty(width, np.float32)
    row = np.empty(width + 3, np.float32)  # one pixel before, two after
    for y in range(start, stop):
        n, line = y // height, y % height
        seen = surface[y]
        _taps(seen, sign, base, w0, w1, w2, w3)
        for c in range(channels):
            source, target = image[n, c, line], out[n, c, line]
            for i in range(width):
                row[i + 1] = F(source[i])
            row[0], row[width + 1], row[width + 2] = row[1], row[width], row[width]
            for i in range(width):
                k = U(base[i])
                p0, p1, p2, p3 = row[k], row[k + U(1)], row[k + U(2)], row[k + U(3)]
                value = w0[i] * p0 + w1[i] * p1 + w2[i] * p2 + w3[i] * p3
                low, high = min(min(p0, p1), min(p2, p3)), max(max(p0, p1), max(p2, p3))
                value = min(max(value, low), high) + rounding
                target[i] = value if seen[i] != EMPTY else ZERO
