"""The CPU kernels of :mod:`stereo3d.render.edges`, in the arithmetic of its torch references."""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.flags_numba import NONE, WORD, flags

__all__ = ["chroma_row", "chroma_rows", "cover_row", "cover_rows", "raise_row", "snap_columns", "snap_rows"]

F, U = np.float32, np.uintp
ZERO, HALF, ONE = F(0), F(0.5), F(1)


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
def _step(line, guide, first, last, near, pull):  # type: ignore[no-untyped-def]
    """Makes the ramp first..last of a line a step."""
    one, two = line[first], line[last]
    limit = min(one, two) + near * abs(two - one)
    split = first + 1
    while (line[split] > limit) == (one > limit):
        split += 1
    split = _split(guide, first, last, split, pull)
    for i in range(first + 1, last):
        line[i] = one if i < split else two


@njit(cache=True, nogil=True)
def _snap(line, guide, x, rule, touched):  # type: ignore[no-untyped-def]
    """Makes the ramps of the run that step ``x`` of a line is in steps, in place, and flags their pixels. Returns where the
    run ends; what follows is as it was. ``rule``: (peak, fraction, longest, near, pull)."""
    peak, fraction, longest, near, pull = rule
    end, gentle = line.size - 1, fraction * peak
    way = ONE if line[x + 1] > line[x] else -ONE
    begin, steepest = x, ZERO
    while begin > 0 and way * (line[begin] - line[begin - 1]) > gentle:
        begin -= 1
    stop = begin
    while stop < end and way * (line[stop + 1] - line[stop]) > gentle:
        steepest = max(steepest, abs(line[stop + 1] - line[stop]))
        stop += 1
    first = begin
    while first < stop:
        last = first
        while last < stop and abs(line[last + 1] - line[last]) > fraction * steepest:
            last += 1
        if 2 <= last - first <= longest:
            _step(line, guide, first, last, near, pull)
            for i in range(first + 1, last):
                touched[i] = 1
        first = max(last, first + 1)
    return stop


@njit(cache=True, nogil=True)
def _widen(row, places, shares, out):  # type: ignore[no-untyped-def]
    """A row made longer: out[x] lies ``shares[x]`` of the way from ``places[x]`` to the next."""
    last = row.size - 1
    for x in range(out.size):
        k = U(places[x])
        out[x] = (ONE - shares[x]) * row[k] + shares[x] * row[min(k + U(1), U(last))]


@njit(cache=True, nogil=True)
def _places(size, whole):  # type: ignore[no-untyped-def]
    """Where the samples of a line of ``whole`` lie in one of ``size``, its ends on one another: (before, share of the next)."""
    scale = F(size - 1) / F(max(whole - 1, 1))
    places, shares = np.empty(whole, np.int32), np.empty(whole, np.float32)
    for x in range(whole):
        at = F(x) * scale
        places[x] = min(int(at), size - 1)
        shares[x] = at - F(places[x])
    return places, shares


@njit(cache=True, nogil=True)
def _between(one, two, share, out):  # type: ignore[no-untyped-def]
    """What lies ``share`` of the way from one row to the other."""
    for x in range(out.size):
        out[x] = (ONE - share) * one[x] + share * two[x]


@njit(cache=True, nogil=True)
def _steep(one, two, peak, steep):  # type: ignore[no-untyped-def]
    """Flags the places where two lines differ by at least ``peak``."""
    for x in range(one.size):
        steep[x] = abs(two[x] - one[x]) >= peak


@njit(cache=True, nogil=True)
def snap_rows(shift, guide, rule, out, touched, start, stop):  # type: ignore[no-untyped-def]
    """shift: [h, w] float32, brought to the size of out [H, W] by bilinear interpolation; then the ramps of its rows made
    steps. guide: [H, W]; touched: uint8 [H, W], 1 where there was such a ramp. See :func:`stereo3d.render.edges.refine`."""
    high, wide = shift.shape
    height, width = out.shape
    lines, down = _places(high, height)
    places, across = _places(wide, width)
    upper, lower = np.empty(width, np.float32), np.empty(width, np.float32)
    steep, held = flags(width), -2
    words = steep.view(np.uint64)
    for y in range(start, stop):
        row, line, share = out[y], lines[y], down[y]
        if (high, wide) == (height, width):
            row[:] = shift[y]
        else:
            if line == held + 1:
                upper, lower = lower, upper
                _widen(shift[min(line + 1, high - 1)], places, across, lower)
            elif line != held:
                _widen(shift[line], places, across, upper)
                _widen(shift[min(line + 1, high - 1)], places, across, lower)
            held = line
            _between(upper, lower, share, row)
        touched[y, :] = 0
        _steep(row[:-1], row[1:], rule[0], steep)
        done = 0
        for block in range(words.size):
            if words[block] != NONE:
                for x in range(WORD * block, WORD * block + WORD):
                    if steep[x] and x >= done:
                        done = _snap(row, guide[y], x, rule, touched[y])


@njit(cache=True, nogil=True)
def snap_columns(shift, guide, rule, touched, start, stop):  # type: ignore[no-untyped-def]
    """The same along the columns start..stop-1 of shift [H, W], in place."""
    count = stop - start
    steep, done = flags(count), np.zeros(count, np.int32)
    words = steep.view(np.uint64)
    for y in range(shift.shape[0] - 1):
        _steep(shift[y, start:stop], shift[y + 1, start:stop], rule[0], steep)
        for block in range(words.size):
            if words[block] != NONE:
                for i in range(WORD * block, WORD * block + WORD):
                    if steep[i] and y >= done[i]:
                        x = start + i
                        done[i] = _snap(shift[:, x], guide[:, x], y, rule, touched[:, x])


@njit(cache=True, nogil=True)
def _steps(row, way, jump, new, opens):  # type: ignore[no-untyped-def]
    """Copies a row, and flags the pixels from which the next one differs by more than ``jump``, in the direction ``way``."""
    new[row.size - 1] = row[row.size - 1]
    for x in range(row.size - 1):
        new[x] = row[x]
        opens[x] = way * (row[x + 1] - row[x]) > jump


@njit(cache=True, nogil=True)
def cover_row(row, look, rule, opens, new):  # type: ignore[no-untyped-def]
    """One row of :func:`cover_rows` to ``new``; ``opens``: flags for a row. ``rule``: (sign, jump, mixed, least)."""
    sign, jump, mixed, least = rule
    last, words = row.size - 1, opens.view(np.uint64)
    _steps(row, F(sign), jump, new, opens)
    for block in range(words.size):
        if words[block] == NONE:
            continue
        for x in range(WORD * block, WORD * block + WORD):
            if not opens[x]:
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
def cover_rows(shift, guide, rule, out, start, stop):  # type: ignore[no-untyped-def]
    """shift, out: [R, W] float32; guide: [R, W]. See :func:`stereo3d.render.edges.cover`."""
    opens = flags(shift.shape[1])
    for y in range(start, stop):
        cover_row(shift[y], guide[y], rule, opens, out[y])


@njit(cache=True, nogil=True)
def raise_row(row, column):  # type: ignore[no-untyped-def]
    """column = max(column, row)."""
    for x in range(row.size):
        column[x] = max(column[x], row[x])


@njit(cache=True, nogil=True)
def chroma_row(column, across, new):  # type: ignore[no-untyped-def]
    """The largest of each ``across`` pixels, in chroma pixels."""
    scale, whole = F(1) / F(across), column.size // across
    if across == 2:
        for x in range(whole):
            new[x] = max(column[2 * x], column[2 * x + 1]) * scale
    else:
        for x in range(whole):
            best = column[x * across]
            for i in range(1, across):
                best = max(best, column[x * across + i])
            new[x] = best * scale
    if whole < new.size:
        new[whole] = column[whole * across :].max() * scale


@njit(cache=True, nogil=True)
def chroma_rows(shift, across, down, out, start, stop):  # type: ignore[no-untyped-def]
    """shift: [N, H, W], out: [N, h, w] float32, rows counted over N * h. See :func:`stereo3d.render.edges.chroma`."""
    height, width = shift.shape[1:]
    high = out.shape[1]
    column = np.empty(width, np.float32)
    for y in range(start, stop):
        frame, line = y // high, y % high * down
        column[:] = shift[frame, line]
        for j in range(line + 1, min(line + down, height)):
            raise_row(shift[frame, j], column)
        chroma_row(column, across, out[frame, y % high])
