"""The kernels of :mod:`stereo3d.render.gaps`; the GIL released."""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.blocks_numba import flags, next_marked

__all__ = ["MANY", "find_gaps", "group", "nearest", "pixels", "ring"]

F = np.float32
EMPTY = F(-np.inf)
MANY = 48  # places of a block's ring
_STEP = 2  # every second column of the ring is enough


@njit(cache=True, nogil=True)
def _holes(row, marks):  # type: ignore[no-untyped-def]
    """Marks a row's holes."""
    for x in range(row.size):
        marks[x] = row[x] == EMPTY


@njit(cache=True, nogil=True)
def find_gaps(seen, slack, share):  # type: ignore[no-untyped-def]
    """(gaps int32 [G, 4]: row, first column, end, column of the background beside; levels float32 [G, 2]: its shift and
    how near a pixel that fills may be). Rows without any surface have no gaps."""
    height, width = seen.shape
    room = 1024
    gaps, levels = np.empty((room, 4), np.int32), np.empty((room, 2), np.float32)
    count, marks = 0, flags(width)
    for y in range(height):
        row = seen[y]
        _holes(row, marks)
        after = next_marked(marks, 0, width)
        while after < width:
            begin = after
            while after < width and marks[after]:
                after += 1
            if begin == 0 and after == width:
                break
            left, right = row[begin - 1] if begin > 0 else F(np.inf), row[after] if after < width else F(np.inf)
            jump = F(0) if begin == 0 or after == width else abs(left - right)
            low = min(left, right)
            if count == room:
                room *= 2
                more, higher = np.empty((room, 4), np.int32), np.empty((room, 2), np.float32)
                more[:count], higher[:count] = gaps, levels
                gaps, levels = more, higher
            gaps[count, 0], gaps[count, 1], gaps[count, 2] = y, begin, after
            gaps[count, 3] = after if right <= left else begin - 1
            at_side = begin == 0 or after == width  # what comes in from outside may be as near as it likes
            levels[count, 0], levels[count, 1] = low, F(np.inf) if at_side else low + max(slack, share * jump)
            count += 1
            after = next_marked(marks, after, width)
    return gaps[:count], levels[:count]


@njit(cache=True, nogil=True)
def group(gaps, levels, strip, slack):  # type: ignore[no-untyped-def]
    """(block of each gap, number of blocks): gaps of ``strip`` rows, counted from the top, belong together where their
    backgrounds are at most ``strip`` columns apart, on the same side, and equally far."""
    count = len(gaps)
    owner = np.empty(count, np.int32)
    last = np.empty(count, np.int32)  # each block's latest gap
    blocks, open_from, current = 0, 0, -1
    for g in range(count):
        if gaps[g, 0] // strip != current:
            current, open_from = gaps[g, 0] // strip, blocks
        side = gaps[g, 3] >= gaps[g, 2]
        found = -1
        for b in range(open_from, blocks):
            h = last[b]
            alike = (gaps[h, 3] >= gaps[h, 2]) == side and abs(gaps[h, 3] - gaps[g, 3]) <= strip
            if alike and abs(levels[h, 0] - levels[g, 0]) <= slack:
                found = b
                break
        if found < 0:
            found = blocks
            blocks += 1
        last[found] = g
        owner[g] = found
    return owner, blocks


@njit(cache=True, nogil=True)
def _starts(sizes, owner, count):  # type: ignore[no-untyped-def]
    first = np.zeros(count + 1, np.int32)
    for g in range(len(owner)):
        first[owner[g] + 1] += sizes[g]
    for b in range(count):
        first[b + 1] += first[b]
    return first


@njit(cache=True, nogil=True)
def pixels(gaps, levels, owner, count, rim, width):  # type: ignore[no-untyped-def]
    """(x, y, shift, limit, first) of :class:`stereo3d.render.gaps.Blocks`: the gaps and ``rim`` pixels of background beside; none is
    listed twice."""
    ends = gaps[:, 1:3].copy()
    for g in range(len(gaps)):
        if gaps[g, 3] >= gaps[g, 2]:
            beyond = gaps[g + 1, 1] if g + 1 < len(gaps) and gaps[g + 1, 0] == gaps[g, 0] else width
            ends[g, 1] = min(gaps[g, 2] + rim, beyond)
        else:
            beyond = ends[g - 1, 1] if g > 0 and gaps[g - 1, 0] == gaps[g, 0] else 0
            ends[g, 0] = max(gaps[g, 1] - rim, beyond)
    first = _starts(ends[:, 1] - ends[:, 0], owner, count)
    at = first[:-1].copy()
    total = first[count]
    x, y = np.empty(total, np.int32), np.empty(total, np.int32)
    shift, limit = np.empty(total, np.float32), np.empty(total, np.float32)
    for g in range(len(gaps)):
        b = owner[g]
        for column in range(ends[g, 0], ends[g, 1]):
            i = at[b]
            x[i], y[i], shift[i], limit[i] = column, gaps[g, 0], levels[g, 0], levels[g, 1]
            at[b] += 1
    return x, y, shift, limit, first


@njit(cache=True, nogil=True)
def ring(gaps, levels, owner, count, near, sign, reach, width):  # type: ignore[no-untyped-def]
    """(ring_x, ring_y, ring_shift, ring_first, ring_limit): source pixels beside each gap's edge that are background, of each block
    at most :data:`MANY`."""
    limits = np.full(count, EMPTY, np.float32)
    for g in range(len(gaps)):
        limits[owner[g]] = max(limits[owner[g]], levels[g, 1])
    met, first = np.zeros(count, np.int32), np.zeros(count + 1, np.int32)
    stride, at = np.ones(count, np.int32), np.zeros(count, np.int32)
    x, y, shift = np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)
    for turn in range(2):
        if turn == 1:
            for b in range(count):
                stride[b] = max(1, -(-met[b] // MANY))
                first[b + 1] = first[b] - (-met[b] // stride[b])
            at[:], met[:] = first[:-1], 0
            x, y, shift = (
                np.empty(first[count], np.int32),
                np.empty(first[count], np.int32),
                np.empty(first[count], np.float32),
            )
        for g in range(len(gaps)):
            line, edge, b = gaps[g, 0], gaps[g, 3], owner[g]
            way = 1 if edge >= gaps[g, 2] else -1
            start = int(np.floor(F(edge) - sign * levels[g, 0] + F(0.5)))
            for j in range(1 + line % _STEP, reach, _STEP):
                column = start + way * j
                if not 2 <= column < width - 2:
                    continue
                here = near[line >> 1, column >> 1]
                if here > levels[g, 1] or here < levels[g, 0] - F(2):
                    continue
                if turn == 1 and met[b] % stride[b] == 0:
                    i = at[b]
                    x[i], y[i], shift[i] = column, line, here
                    at[b] += 1
                met[b] += 1
    return x, y, shift, first, limits


@njit(cache=True, nogil=True)
def nearest(shift, margin):  # type: ignore[no-untyped-def]
    """[ceil(H/2), ceil(W/2)] of ``shift`` [H, W]: the nearest of each 2 x 2 pixels and ``margin`` (at least 1) around. The nearest of pairs of rows,
    and of columns, serve several of them; where ``margin`` is odd the pairs begin one earlier."""
    height, width = shift.shape
    odd = margin & 1
    back, on = (margin - odd) // 2, (margin + odd) // 2
    high, wide = (height + 1) // 2, (width + 1) // 2
    out = np.empty((high, wide), np.float32)
    rows = np.empty((back + on + 1, width), np.float32)
    line, pairs = np.empty(width, np.float32), np.full(wide + back + on + 1, EMPTY)
    done = -back
    for j in range(high):
        while done <= j + on:
            one, two = (
                shift[min(max(2 * done - odd, 0), height - 1)],
                shift[min(max(2 * done - odd + 1, 0), height - 1)],
            )
            row = rows[done % len(rows)]
            for x in range(width):
                row[x] = max(one[x], two[x])
            done += 1
        line[:] = rows[0]
        for k in range(1, len(rows)):
            row = rows[k]
            for x in range(width):
                line[x] = max(line[x], row[x])
        # pair i of columns, 2 i - odd and the next one, stands at i + back
        for i in range(1, (width + odd) // 2):
            pairs[i + back] = max(line[2 * i - odd], line[2 * i - odd + 1])
        pairs[back] = max(line[max(0, -odd)], line[1 - odd])
        if (width + odd) % 2:
            pairs[(width + odd) // 2 + back] = line[width - 1]
        row = out[j]
        row[:] = pairs[:wide]
        for k in range(1, back + on + 1):
            for i in range(wide):
                row[i] = max(row[i], pairs[i + k])
    return out
