"""The CPU kernels of :mod:`stereo3d.render.edges`, in the arithmetic of its torch references."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["chroma_rows", "cover_rows", "snap_columns", "snap_rows"]

F = np.float32
ZERO, HALF = F(0), F(0.5)
_TILE = 16  # pixels or columns that are worked on together: a cache line of float32


@njit(cache=True, nogil=True)
def _split(guide, first, last, middle, pull):  # type: ignore[no-untyped-def]
    """The first pixel of the far end's side, in first+1..last: where the picture changes from the look of ``first`` to
    that of ``last``. ``middle`` is where the depth says it is, ``pull`` how much that counts."""
    one = (F(guide[max(first - 1, 0)]) + F(guide[first])) * HALF
    two = (F(guide[last]) + F(guide[min(last + 1, guide.size - 1)])) * HALF
    contrast = pull * abs(one - two) / F(last - first)
    best, least, score = middle, F(np.inf), ZERO
    for p in range(first + 1, last + 1):
        away = F(p - middle)
        cost = score + contrast * away * away
        if cost < least:
            best, least = p, cost
        value = F(guide[p])
        score += abs(value - one) - abs(value - two)
    return best if contrast > ZERO else middle


@njit(cache=True, nogil=True)
def _step(row, guide, first, last, near, pull, out):  # type: ignore[no-untyped-def]
    """Makes the ramp first..last of a row a step."""
    one, two = row[first], row[last]
    limit = min(one, two) + near * abs(two - one)
    split = first + 1
    while (row[split] > limit) == (one > limit):
        split += 1
    split = _split(guide, first, last, split, pull)
    for i in range(first + 1, last):
        out[i] = one if i < split else two


@njit(cache=True, nogil=True)
def _next(row, x, peak):  # type: ignore[no-untyped-def]
    """The next pixel from ``x`` on whose step to its neighbour is at least ``peak``; most of the work is done in blocks,
    which the compiler turns into vector instructions."""
    end = row.size - 1
    while x + _TILE <= end:
        hits = 0
        for i in range(_TILE):
            hits += abs(row[x + i + 1] - row[x + i]) >= peak
        if hits:
            break
        x += _TILE
    while x < end and abs(row[x + 1] - row[x]) < peak:
        x += 1
    return x


@njit(cache=True, nogil=True)
def _snap(row, guide, rule, out):  # type: ignore[no-untyped-def]
    """Makes the ramps of a row steps in ``out``, a copy of it. ``rule``: (peak, fraction, longest, near, pull)."""
    peak, fraction, longest, near, pull = rule
    end = row.size - 1
    x = 0
    while True:
        x = _next(row, x, peak)
        if x >= end:
            return
        rising = row[x + 1] > row[x]
        begin, steepest = x, ZERO
        while begin > 0 and ((row[begin] > row[begin - 1]) if rising else (row[begin] < row[begin - 1])):
            begin -= 1
        stop = begin
        while stop < end and ((row[stop + 1] > row[stop]) if rising else (row[stop + 1] < row[stop])):
            steepest = max(steepest, abs(row[stop + 1] - row[stop]))
            stop += 1
        first = begin
        while first < stop:
            last = first
            while last < stop and abs(row[last + 1] - row[last]) > fraction * steepest:
                last += 1
            if 2 <= last - first <= longest:
                _step(row, guide, first, last, near, pull, out)
            first = max(last, first + 1)
        x = stop


@njit(cache=True, nogil=True)
def snap_rows(shift, guide, rule, out, start, stop):  # type: ignore[no-untyped-def]
    """shift, out: [R, W] float32; guide: [R, W]. See :func:`stereo3d.render.edges.snap_reference`."""
    for y in range(start, stop):
        out[y, :] = shift[y, :]
        _snap(shift[y], guide[y], rule, out[y])


@njit(cache=True, nogil=True)
def snap_columns(shift, guide, rule, out, start, stop):  # type: ignore[no-untyped-def]
    """The same along the columns start..stop-1."""
    height = shift.shape[0]
    tile = np.empty((_TILE, height), np.float32)
    for left in range(start, stop, _TILE):
        count = min(_TILE, stop - left)
        for y in range(height):
            row, new = shift[y], out[y]
            for i in range(count):
                tile[i, y] = row[left + i]
                new[left + i] = row[left + i]
        for i in range(count):
            _snap(tile[i], guide[:, left + i], rule, out[:, left + i])


@njit(cache=True, nogil=True)
def cover_rows(shift, guide, sign, jump, mixed, least, out, start, stop):  # type: ignore[no-untyped-def]
    """shift, out: [R, W] float32; guide: [R, W]. See :func:`stereo3d.render.edges.cover`."""
    last, way = shift.shape[1] - 1, F(sign)
    for y in range(start, stop):
        row, look, new = shift[y], guide[y], out[y]
        new[:] = row
        for x in range(last):
            if way * (row[x + 1] - row[x]) <= jump:
                continue
            far, near = (x, x + 1) if sign > 0 else (x + 1, x)
            one = F(look[min(max(far + 2 * least * sign, 0), last)])
            two = F(look[min(max(far - 4 * least * sign, 0), last)])
            contrast = one - two
            new[far] = max(new[far], row[near])
            for k in range(1, least + 1):
                at = far - k * sign
                if not 0 <= at <= last or row[near] - row[at] <= jump:
                    break
                if k >= least and not (F(look[at]) - two) * contrast > mixed * contrast * contrast:
                    break
                new[at] = max(new[at], row[near])


@njit(cache=True, nogil=True)
def chroma_rows(shift, across, down, out, start, stop):  # type: ignore[no-untyped-def]
    """shift: [N, H, W], out: [N, h, w] float32, rows counted over N * h. See :func:`stereo3d.render.edges.chroma`."""
    height, width = shift.shape[1:]
    high, wide = out.shape[1:]
    scale = F(1) / F(across)
    column = np.empty(width, np.float32)
    for y in range(start, stop):
        frame, line = y // high, y % high * down
        column[:] = shift[frame, line]
        for j in range(line + 1, min(line + down, height)):
            row = shift[frame, j]
            for x in range(width):
                column[x] = max(column[x], row[x])
        new = out[frame, y % high]
        whole = width // across
        for x in range(whole):
            best = column[x * across]
            for i in range(1, across):
                best = max(best, column[x * across + i])
            new[x] = best * scale
        if whole < wide:
            new[whole] = column[whole * across :].max() * scale
