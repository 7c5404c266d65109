"""The CPU kernels of :mod:`stereo3d.render.warp`: rows in, rows out, the GIL released.

All arithmetic is float32 in the order of the torch references, so that the two agree. Columns that index arrays are
unsigned where it counts: Numba then needs no test for counting from the end.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.blocks_numba import ALL, LANES, flags, move, raise_to

__all__ = ["sample_room", "sample_row", "sample_rows", "surface_room", "surface_row", "surface_rows"]

F, N, U = np.float32, np.int32, np.uintp
ZERO, HALF, ONE, TWO, THREE, FOUR, FIVE = F(0), F(0.5), F(1), F(2), F(3), F(4), F(5)
EMPTY = F(-np.inf)


@njit(cache=True, nogil=True, error_model="numpy")
def _land(row, sign, join, first, count, value, even):  # type: ignore[no-untyped-def]
    """Per source pixel: the first target pixel its segment to the next one covers, how many it covers, and the shift at the
    first, -inf if it covers none; -1 and less if a surface ends at the pixel (then -1 - count). ``even``: it covers just the one
    after the pixel before it. Branch-free, for vector instructions."""
    width = row.size
    last = F(width - 1)
    for x in range(width - 1):
        near, step = row[x], row[x + 1] - row[x]
        left, right = F(N(x)) + sign * near, (F(N(x)) + ONE) + sign * row[x + 1]
        start, end = min(max(np.ceil(left), ZERO), last), min(np.floor(right), last)
        joined = abs(step) <= join
        covered = N(max(end - max(np.ceil(left), ZERO) + ONE, ZERO)) if joined and right > left else N(0)
        first[x] = N(start)
        value[x] = near + (start - left) / (right - left) * step if covered > N(0) else EMPTY
        count[x] = covered if joined and abs(near - row[max(x - 1, 0)]) <= join else N(-1) - covered
    count[0] = min(count[0], N(-1) - count[0])
    first[width - 1], count[width - 1], value[width - 1] = 0, -1, EMPTY
    for x in range(1, width):
        even[x] = (N(first[x] - first[x - 1]) == N(1)) & (count[x] == N(1))


@njit(cache=True, nogil=True)
def surface_room(width):  # type: ignore[no-untyped-def]
    """Scratch for :func:`surface_row`."""
    return np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.float32), flags(width)


@njit(cache=True, nogil=True)
def surface_row(row, sign, join, room, seen):  # type: ignore[no-untyped-def]
    """One row of :func:`surface_rows` to ``seen``."""
    first, count, value, even = room
    width, words = row.size, even.view(np.uint64)
    seen[:] = EMPTY
    _land(row, sign, join, first, count, value, even)
    for block in range(words.size):
        begin = LANES * block
        if words[block] == ALL:
            raise_to(value, U(begin), seen, U(first[begin]))
            continue
        for x in range(begin, min(begin + LANES, width)):
            at, covered = U(first[x]), count[x]
            seen[at] = max(value[x], seen[at])
            if covered == 0 or covered == 1:
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
            for k in range(1, covered):
                target = at + U(k)
                right, step = F(x + 1) + sign * row[x + 1], row[x + 1] - near
                seen[target] = max(near + (F(target) - left) / (right - left) * step, seen[target])


@njit(cache=True, nogil=True)
def surface_rows(shift, sign, join, out, start, stop):  # type: ignore[no-untyped-def]
    """Z-buffer of the scanline meshes. shift, out: [R, W] float32."""
    room = surface_room(shift.shape[1])
    for y in range(start, stop):
        surface_row(shift[y], sign, join, room, out[y])


@njit(cache=True, nogil=True)
def _sources(surface, sign, base, part, even):  # type: ignore[no-untyped-def]
    """Source column of each pixel of a row, and how far it lies beyond it; ``even``: the column is the one after the pixel
    before it."""
    width = surface.size
    for i in range(width):
        at = F(N(i)) - sign * surface[i] if surface[i] != EMPTY else F(N(i))
        at = min(max(at, ZERO), F(width - 1))
        k = N(at)
        base[i], part[i] = k, at - F(k)
    for i in range(1, width):
        even[i] = N(base[i] - base[i - 1]) == N(1)


@njit(cache=True, nogil=True)
def _gather(row, base, words, taps):  # type: ignore[no-untyped-def]
    """The four source pixels around each target pixel: ``row`` has one pixel more before and two after."""
    one, two, three, four = taps
    for block in range(words.size):
        begin = U(LANES * block)
        if words[block] == ALL:
            k = U(base[begin])
            move(row, k, one, begin)
            move(row, k + U(1), two, begin)
            move(row, k + U(2), three, begin)
            move(row, k + U(3), four, begin)
            continue
        for i in range(begin, min(begin + LANES, base.size)):
            k = U(base[i])
            one[i], two[i], three[i], four[i] = row[k], row[k + U(1)], row[k + U(2)], row[k + U(3)]


@njit(cache=True, nogil=True)
def _mix(taps, part, seen, rounding, out):  # type: ignore[no-untyped-def]
    """Catmull-Rom of the four taps, kept within their range; 0 in holes."""
    one, two, three, four = taps
    for i in range(seen.size):
        t, p0, p1, p2, p3 = part[i], one[i], two[i], three[i], four[i]
        w0 = HALF * t * (t * (TWO - t) - ONE)
        w1 = HALF * (t * t * (THREE * t - FIVE) + TWO)
        w2 = HALF * t * (t * (FOUR - THREE * t) + ONE)
        w3 = HALF * t * t * (t - ONE)
        value = w0 * p0 + w1 * p1 + w2 * p2 + w3 * p3
        low, high = min(min(p0, p1), min(p2, p3)), max(max(p0, p1), max(p2, p3))
        value = min(max(value, low), high) + rounding
        out[i] = value if seen[i] != EMPTY else ZERO


@njit(cache=True, nogil=True)
def _mark(seen, join, marks):  # type: ignore[no-untyped-def]
    """Marks a row's holes and where its surfaces end; two holes are one surface."""
    last = seen.size - 1
    for x in range(last):
        one, two = seen[x], seen[x + 1]
        broken = (not abs(two - one) <= join) & (one != two)
        marks[x] = (one == EMPTY) | (broken << 1)
    marks[last] = seen[last] == EMPTY
    marks[seen.size :] = 0


@njit(cache=True, nogil=True)
def sample_room(width):  # type: ignore[no-untyped-def]
    """Scratch for :func:`sample_row`."""
    taps = np.empty((4, width), np.float32)
    places = np.empty(width, np.int32), np.empty(width, np.float32), flags(width), np.empty(width + 3, np.float32)
    return (*places, (taps[0], taps[1], taps[2], taps[3]))


@njit(cache=True, nogil=True)
def sample_row(source, seen, rule, rounding, room, marks, out):  # type: ignore[no-untyped-def]
    """Cubic gather along a row: source, out [C, W]; seen [W]. Holes become 0. ``marks``: see :mod:`stereo3d.render.blocks_numba`.

    ``rule``: (sign, join)."""
    sign, join = rule
    base, part, even, row, taps = room
    width = seen.size
    _mark(seen, join, marks)
    _sources(seen, sign, base, part, even)
    for c in range(source.shape[0]):
        plane = source[c]
        for i in range(width):
            row[i + 1] = F(plane[i])
        row[0], row[width + 1], row[width + 2] = row[1], row[width], row[width]
        _gather(row, base, even.view(np.uint64), taps)
        _mix(taps, part, seen, rounding, out[c])


@njit(cache=True, nogil=True)
def sample_rows(image, surface, rule, rounding, marks, out, start, stop):  # type: ignore[no-untyped-def]
    """image, out [N, C, H, W]; surface [N, H, W]; marks uint8 [N, H, padded W]. See :func:`sample_row`."""
    height, width = image.shape[2:]
    room = sample_room(width)
    for y in range(start, stop):
        n, line = y // height, y % height
        sample_row(image[n, :, line], surface[n, line], rule, rounding, room, marks[n, line], out[n, :, line])
