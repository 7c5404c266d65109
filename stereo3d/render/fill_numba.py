"""The CPU kernel of :mod:`stereo3d.render.fill`: rows in, rows out, the GIL released, in the arithmetic of its torch form."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["fill_rows"]

F, U = np.float32, np.uintp
ZERO, HALF, ONE, TWO = F(0), F(0.5), F(1), F(2)
EMPTY = F(-np.inf)
_BLOCK = 16
_LANES = 8  # pixels of a gap that are worked on together
_MOST = 1024  # samples of a gap: 7 * 7 and less than that for each level of a picture


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
def _background(surface, begin, stop, slack, share):  # type: ignore[no-untyped-def]
    """(left, right, limit) of the gap begin..stop-1 of a row: the columns beside it that are background, -1 where a side is
    none; see :mod:`stereo3d.render.fill`."""
    left, right = begin - 1, stop if stop < surface.size else -1
    if left >= 0 and right >= 0:
        low, high = surface[left], surface[right]
        limit = min(low, high) + max(slack, share * abs(high - low))
        return left if low <= limit else -1, right if high <= limit else -1, limit
    if left < 0 and right < 0:
        return -1, -1, ZERO
    return left, right, surface[max(left, right)] + slack


@njit(cache=True, nogil=True)
def _gather(view, surface, line, edge, span, limit, reach, box, places, colours, count):  # type: ignore[no-untyped-def]
    """Puts the samples around an edge of a gap, of the columns ``span``, into ``places`` (column, row offset, area) and
    ``colours`` from ``count`` on; returns how many there are then."""
    channels, height, width = view.shape
    level = 0
    while True:
        row, column = line >> level, edge >> level
        top, bottom = max(row - box, 0), min(row + box, (height - 1) >> level)
        left, right = max(column - box, 0), min(column + box, (width - 1) >> level)
        inner_top, inner_left = bottom + 1, right + 1  # what the level before has seen
        inner_bottom, inner_right = -1, -1
        if level:
            row, column = line >> (level - 1), edge >> (level - 1)
            inner_top, inner_bottom = (row - box + 1) >> 1, (row + box) >> 1
            inner_left, inner_right = (column - box + 1) >> 1, (column + box) >> 1
        area = F(1 << (2 * level))
        for j in range(top, bottom + 1):
            y = U(j << level)
            inner = inner_top <= j <= inner_bottom
            for i in range(left, right + 1):
                if inner and inner_left <= i <= inner_right:
                    continue
                x = U(i << level)
                if not span[0] <= i << level < span[1]:
                    continue
                if surface[y, x] > limit or surface[y, x] == EMPTY:
                    continue
                places[count, 0], places[count, 1], places[count, 2] = F(x), F((j << level) - line), area
                for c in range(channels):
                    colours[count, c] = F(view[c, y, x])
                count += 1
        if (box << level) >= reach:
            return count
        level += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _tensor(view, surface, line, edge, way, limit, grain, before):  # type: ignore[no-untyped-def]
    """The structure tensor (across, mixed, down) beside an edge of a gap, added to ``before``."""
    channels, height, width = view.shape
    across, mixed, down = before
    for j in range(max(line - grain, 0), min(line + grain, height - 2) + 1):
        above, below = U(j), U(j + 1)
        for i in range(grain // 2 + 1):
            x = edge + way * i
            if not 0 <= x < width - 1:
                break
            left, beside = U(x), U(x + 1)
            a, b, c, d = surface[above, left], surface[above, beside], surface[below, left], surface[below, beside]
            if max(max(a, b), max(c, d)) > limit or min(min(a, b), min(c, d)) == EMPTY:
                continue
            falling, rising = ZERO, ZERO  # differences along the two diagonals
            for k in range(channels):
                falling += F(view[U(k), below, beside]) - F(view[U(k), above, left])
                rising += F(view[U(k), above, beside]) - F(view[U(k), below, left])
            right, under = falling + rising, falling - rising
            across += right * right
            mixed += right * under
            down += under * under
    return across, mixed, down


@njit(cache=True, nogil=True, error_model="numpy")
def _metric(tensor, stretch, certain):  # type: ignore[no-untyped-def]
    """(xx, 2xy, yy) of the squared distance beside a gap: longer across the lines of the picture than along them."""
    across, mixed, down = tensor
    half = (across - down) * HALF
    spread = np.sqrt(half * half + mixed * mixed)
    total = across + down
    if not spread > ZERO:
        return ONE, ZERO, ONE
    coherence = max(TWO * spread / total - certain, ZERO) / (ONE - certain)
    gain = stretch * coherence * coherence / (TWO * spread)
    weak = total * HALF - spread
    return ONE + gain * (across - weak), TWO * gain * mixed, ONE + gain * (down - weak)


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(places, colours, count, begin, lanes, metric, sums):  # type: ignore[no-untyped-def]
    """Weighted sums of the samples for the pixels begin..begin+lanes-1: rows of ``sums`` are the channels, then the
    weights, then scratch."""
    channels = sums.shape[0] - 2
    weights, weight = U(channels), U(channels + 1)
    for c in range(channels + 1):
        for i in range(lanes):
            sums[U(c), U(i)] = ZERO
    xx, xy, yy = metric
    for k in range(count):
        away, dy, area = places[k, 0] - F(begin), places[k, 1], places[k, 2]
        slant, rest = xy * dy, yy * dy * dy
        for i in range(lanes):
            dx = away - F(i)
            square = (xx * dx + slant) * dx + rest
            share = area / (square * square)
            sums[weight, U(i)] = share
            sums[weights, U(i)] += share
        for c in range(channels):
            colour = colours[k, c]
            for i in range(lanes):
                sums[U(c), U(i)] += sums[weight, U(i)] * colour


@njit(cache=True, nogil=True)
def fill_rows(image, surface, rule, rounding, out, start, stop):  # type: ignore[no-untyped-def]
    """Fills the holes of out [N, C, H, W] in place; surface [N, H, W]. See :func:`stereo3d.render.fill.fill`.

    ``rule``: (slack, share, reach, stretch, certain, box, grain)."""
    slack, share, reach, stretch, certain, box, grain = rule
    channels, height, width = out.shape[1:]
    places, colours = np.empty((_MOST, 3), np.float32), np.empty((_MOST, channels), np.float32)
    sums = np.empty((channels + 2, width + _LANES), np.float32)
    for y in range(start, stop):
        n, line = y // height, y % height
        view, seen = out[n], surface[n]
        row = seen[line]
        after = _next_gap(row, 0)
        while after < width:
            begin = after
            while after < width and row[after] == EMPTY:
                after += 1
            left, right, limit = _background(row, begin, after, slack, share)
            if max(left, right) < 0:
                view[:, line] = image[n, :, line]
                break
            radius, middle, count = int(reach * F(after - begin)) + 1, (begin + after) // 2, 0
            tensor = (ZERO, ZERO, ZERO)
            if left >= 0:
                span = (0, middle if right >= 0 else width)
                count = _gather(view, seen, line, left, span, limit, radius, box, places, colours, 0)
                tensor = _tensor(view, seen, line, left, -1, limit, grain, tensor)
            if right >= 0:
                span = (middle if left >= 0 else 0, width)
                count = _gather(view, seen, line, right, span, limit, radius, box, places, colours, count)
                tensor = _tensor(view, seen, line, right, 1, limit, grain, tensor)
            metric = _metric(tensor, stretch, certain)
            lanes = -(-(after - begin) // _LANES) * _LANES
            _spread(places, colours, count, begin, lanes, metric, sums)
            for c in range(channels):
                for x in range(begin, after):
                    view[c, line, x] = sums[c, x - begin] / sums[channels, x - begin] + rounding
            after = _next_gap(row, after)
