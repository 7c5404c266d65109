"""The CPU kernel of :mod:`stereo3d.depth.temporal_motion`: one map and its neighbours in, the average out, the GIL released.

The arithmetic is that of the torch reference there. One call works on one thread: frames are shared out over threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["average_map"]

F, N = np.float32, np.int32
ZERO, HALF, ONE = F(0), F(0.5), F(1)


@njit(cache=True, nogil=True)
def _taps(size, source):  # type: ignore[no-untyped-def]
    """Where ``size`` samples read from ``source`` ones, linear, edges repeated: first index, second index, weight of the
    second."""
    first, second, share = np.empty(size, N), np.empty(size, N), np.empty(size, F)
    for i in range(size):
        at = max((F(i) + HALF) * (F(source) / F(size)) - HALF, ZERO)
        low = min(N(at), N(source - 1))
        first[i], second[i], share[i] = low, min(low + N(1), N(source - 1)), at - F(low)
    return first, second, share


@njit(cache=True, nogil=True)
def _between(rows, y, taps, out):  # type: ignore[no-untyped-def]
    """Row ``y`` of the enlarged ``rows`` [g, n], still as wide as they are."""
    one, two, share = rows[taps[0][y]], rows[taps[1][y]], taps[2][y]
    for x in range(out.size):
        out[x] = one[x] + share * (two[x] - one[x])


@njit(cache=True, nogil=True)
def _changes(depth, other, way, block, change, trust, sums):  # type: ignore[no-untyped-def]
    """``other`` seen along ``way`` minus ``depth``, the trust in it, and the mean size of the change in each block."""
    height, width = depth.shape
    down, across = _taps(height, way.shape[1]), _taps(width, way.shape[2])
    lines = np.empty((3, way.shape[2]), F)
    first, second, share = across
    sums[:] = ZERO
    for y in range(height):
        for c in range(3):
            _between(way[c], y, down, lines[c])
        total, row, see = sums[y // block], change[y], trust[y]
        for x in range(width):
            a, b, s = first[x], second[x], share[x]
            px = F(x) + (lines[0, a] + s * (lines[0, b] - lines[0, a])) * F(width)
            py = F(y) + (lines[1, a] + s * (lines[1, b] - lines[1, a])) * F(height)
            see[x] = lines[2, a] + s * (lines[2, b] - lines[2, a])
            px, py = min(max(px, ZERO), F(width - 1)), min(max(py, ZERO), F(height - 1))
            x0, y0 = N(px), N(py)
            x1, y1, u, v = min(x0 + N(1), N(width - 1)), min(y0 + N(1), N(height - 1)), px - F(x0), py - F(y0)
            top = other[y0, x0] + u * (other[y0, x1] - other[y0, x0])
            low = other[y1, x0] + u * (other[y1, x1] - other[y1, x0])
            row[x] = top + v * (low - top) - depth[y, x]
            total[x // block] += abs(row[x])
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            count = (min(height, (i + 1) * block) - i * block) * (min(width, (j + 1) * block) - j * block)
            sums[i, j] /= F(count)


@njit(cache=True, nogil=True)
def _quiet(means, rank, out):  # type: ignore[no-untyped-def]
    """The ``rank``-th smallest (from 0) of the 3 x 3 blocks round each, edges repeated."""
    height, width = means.shape
    around = np.empty(9, F)
    for i in range(height):
        for j in range(width):
            for k in range(9):
                around[k] = means[min(max(i + k // 3 - 1, 0), height - 1), min(max(j + k % 3 - 1, 0), width - 1)]
            around.sort()
            out[i, j] = around[rank]


@njit(cache=True, nogil=True)
def average_map(depth, others, ways, block, rank, noisy, least, out):  # type: ignore[no-untyped-def]
    """See :func:`stereo3d.depth.temporal_motion.average_along`. depth, out: [h, w]; others: [n, h, w]; ways: [n, 3, ., .]; all
    float32."""
    height, width = depth.shape
    blocks = (-(-height // block), -(-width // block))
    change, trust, total = np.empty((height, width), F), np.empty((height, width), F), np.ones((height, width), F)
    means, allowed, line = np.empty(blocks, F), np.empty(blocks, F), np.empty(blocks[1], F)
    down, across = _taps(height, blocks[0]), _taps(width, blocks[1])
    first, second, share = across
    out[:] = ZERO
    for n in range(others.shape[0]):
        _changes(depth, others[n], ways[n], block, change, trust, means)
        _quiet(means, rank, allowed)
        for i in range(blocks[0]):
            for j in range(blocks[1]):
                allowed[i, j] = max(noisy * allowed[i, j], least)
        for y in range(height):
            _between(allowed, y, down, line)
            for x in range(width):
                limit = line[first[x]] + share[x] * (line[second[x]] - line[first[x]])
                part = change[y, x] / limit
                room = max(ONE - part * part, ZERO)
                weight = room * room * trust[y, x]
                total[y, x] += weight
                out[y, x] += weight * change[y, x]
    for y in range(height):
        for x in range(width):
            out[y, x] = out[y, x] / total[y, x] + depth[y, x]
