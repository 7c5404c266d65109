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


@njit(cache=True, nogil=True, error_model="numpy")
def _land(row, sign, join, first, count, value):  # type: ignore[no-untyped-def]
    """Per source pixel: the first target pixel its segment to the next one covers, how many it covers, and the shift at the
    first; -1 and less if a surface ends at the pixel (then -1 - count). Branch-free, for vector instructions."""
    width = row.size
    for x in range(width - 1):
        near, step = row[x], row[x + 1] - row[x]
        left, right = F(x) + sign * near, F(x + 1) + sign * row[x + 1]
        start, end = np.int32(left), np.int32(right)  # made a ceiling and a floor
        start = max(start + np.int32(F(start) < left), np.int32(0))
        end = min(end - np.int32(F(end) > right), np.int32(width - 1))
        joined = abs(step) <= join
        covered = max(end - start + np.int32(1), np.int32(0)) if joined and right > left else np.int32(0)
        before = row[x - 1] if x > 0 else F(np.inf)
        whole = joined and abs(near - before) <= join
        first[x], value[x] = start, near + (F(start) - left) / (right - left) * step
        count[x] = covered if whole else np.int32(-1) - covered
    first[width - 1], count[width - 1], value[width - 1] = 0, -1, ZERO


@njit(cache=True, nogil=True)
def surface_rows(shift, sign, join, out, start, stop):  # type: ignore[no-untyped-def]
    """Z-buffer of the scanline meshes. shift, out: [R, W] float32."""
    width = shift.shape[1]
    first, count = np.empty(width, np.int32), np.empty(width, np.int32)
    value = np.empty(width, np.float32)
    for y in range(start, stop):
        row, seen = shift[y], out[y]
        seen[:] = EMPTY
        _land(row, sign, join, first, count, value)
        for x in range(width):
            covered = count[x]
            if covered == 0:
                continue
            at = U(first[x])
            if covered == 1:
                seen[at] = max(value[x], seen[at])
                continue
            near, left = row[x], F(x) + sign * row[x]
            if covered < 0:  # the end of a surface reaches half a pixel further
                covered = -1 - covered
                i = int(np.floor(left + HALF))
                ends_left = x == 0 or abs(near - row[x - 1]) > join
                ends_right = x == width - 1 or abs(row[x + 1] - near) > join
                outward = (ends_left and F(i) <= left) or (ends_right and F(i) >= left)
                if outward and 0 <= i < width:
                    seen[U(i)] = max(near, seen[U(i)])
            for k in range(covered):
                target = at + U(k)
                right, step = F(x + 1) + sign * row[x + 1], row[x + 1] - near
                seen[target] = max(near + (F(target) - left) / (right - left) * step, seen[target])


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
