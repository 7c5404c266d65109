"""The CPU kernels of :mod:`stereo3d.render.warp` and :mod:`stereo3d.render.fill`: rows in, rows out, the GIL released.

All arithmetic is float32 in the order of the torch references, so that the two agree. Columns that index arrays are
unsigned where it counts: Numba then needs no test for counting from the end.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["fill_rows", "sample_rows", "surface_rows"]

F, U = np.float32, np.uintp
ZERO, HALF, ONE, TWO, THREE, FOUR, FIVE = F(0), F(0.5), F(1), F(2), F(3), F(4), F(5)
EMPTY = F(-np.inf)
_CELL = 8  # rows whose traces are kept: the largest cell
_BLOCK = 16


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


@njit(cache=True, nogil=True)
def _next_gap(surface, x):  # type: ignore[no-untyped-def]
    """The first hole from ``x`` on; blocks without any are passed in vector instructions."""
    width = surface.size
    while x + _BLOCK <= width:
        holes = 0
        for i in range(_BLOCK):
            holes += surface[x + i] == EMPTY
        if holes:
            break
        x += _BLOCK
    while x < width and surface[x] != EMPTY:
        x += 1
    return x


@njit(cache=True, nogil=True)
def _trace(surface, slack, share, edge, limit, gaps):  # type: ignore[no-untyped-def]
    """surface, limit: [W] float32, edge: [W] int32; see :func:`stereo3d.render.fill.trace`. Returns the number of gaps of the
    row, whose ranges are put in ``gaps``."""
    width = surface.size
    edge[:] = -1
    count = 0
    x = _next_gap(surface, 0)
    while x < width:
        begin = x
        while x < width and surface[x] == EMPTY:
            x += 1
        left, right = begin - 1, x
        background, ceiling = -2, ZERO
        if left >= 0 and right < width:
            low, high = surface[left], surface[right]
            background = right if high <= low else left
            ceiling = min(low, high) + max(slack, share * abs(high - low))
        elif left >= 0 or right < width:
            background = left if left >= 0 else right
            ceiling = surface[background] + slack
        edge[begin:x] = background
        limit[begin:x] = ceiling
        gaps[count, 0], gaps[count, 1] = begin, x
        count += 1
        x = _next_gap(surface, x)
    return count


@njit(cache=True, nogil=True)
def _mean(view, surface, line, x, depth, limit, reach, grid, total):  # type: ignore[no-untyped-def]
    """Weighted sum per channel, in ``total``, of the background around a hole pixel of one frame; returns the weights."""
    channels, height, width = view.shape
    radius = int(reach * F(abs(depth)) + ONE)
    stride = (radius + grid - 1) // grid
    steps = radius // stride
    first, last = (-(steps // 3), steps) if depth > 0 else (-steps, steps // 3)
    weights = ZERO
    total[:] = ZERO
    home, base = x // stride, line // stride  # samples lie on the picture's lattice, so that neighbours share them
    left, right = max(home + first, 0), min(home + last + 1, (width - 1) // stride)
    for j in range(max(base - steps, 0), min(base + steps + 1, (height - 1) // stride) + 1):
        at = U(j * stride)
        dy = j * stride - line
        rest = radius * radius - dy * dy
        row = surface[at]
        for i in range(left, right + 1):
            column = U(i * stride)
            dx = i * stride - x
            seen = row[column]
            if dx * dx > rest or seen > limit or seen == EMPTY:
                continue
            square = F(dx * dx + dy * dy)
            weight = ONE / (square * square)
            weights += weight
            for c in range(channels):
                total[c] += weight * F(view[U(c), at, column])
    return weights


@njit(cache=True, nogil=True)
def _root(edges, line, x, depth):  # type: ignore[no-untyped-def]
    """(rows up, columns left) to the pixel whose value a hole pixel shares; (0, 0) if it has its own."""
    cell = 1
    while cell < _CELL and cell * 6 <= abs(depth):
        cell *= 2
    up, left = line % cell, x % cell
    other = edges[(line - up) % _CELL, x - left]
    inside = other - (x - left)
    if other >= 0 and (inside > 0) == (depth > 0) and abs(inside - depth) <= 2 * cell:
        return up, left
    return 0, 0


@njit(cache=True, nogil=True)
def fill_rows(image, surface, rule, rounding, out, start, stop):  # type: ignore[no-untyped-def]
    """Fills the holes of out [N, C, H, W] in place; surface [N, H, W]. See :func:`stereo3d.render.fill.fill`.

    ``rule``: (slack, share, reach, grid)."""
    slack, share, reach, grid = rule
    channels, height, width = out.shape[1:]
    total = np.empty(channels, np.float32)
    edges, limit = np.empty((_CELL, width), np.int32), np.empty(width, np.float32)
    gaps = np.empty((width, 2), np.int32)
    for y in range(start, stop):
        n, line = y // height, y % height
        view, edge = out[n], edges[line % _CELL]
        for gap in range(_trace(surface[n, line], slack, share, edge, limit, gaps)):
            for x in range(gaps[gap, 0], gaps[gap, 1]):
                background = edge[x]
                if background == -2:
                    view[:, line, x] = image[n, :, line, x]
                    continue
                depth = background - x
                up, left = _root(edges, line, x, depth)
                if up + left > 0:
                    view[:, line, x] = view[:, line - up, x - left]
                    continue
                weights = _mean(view, surface[n], line, x, depth, limit[x], reach, grid, total)
                for c in range(channels):
                    view[c, line, x] = total[c] / weights + rounding if weights > ZERO else F(view[c, line, background])
