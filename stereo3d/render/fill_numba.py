"""The CPU kernel of :mod:`stereo3d.render.fill`: rows in, rows out, the GIL released, in the arithmetic of its torch form."""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.flags_numba import next_marked

__all__ = ["fill_rows"]

F, N, U = np.float32, np.int32, np.uintp
ZERO, HALF, ONE, TWO = F(0), F(0.5), F(1), F(2)
EMPTY = F(-np.inf)
_PIXELS = 16  # of a gap that are worked on together
_GROUP = 3  # channels that are
_LEVELS = 20  # more than any picture has
_MOST = 2048  # samples of a gap: at most 2 * 7 * 7 for each level


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
def _pattern(box):  # type: ignore[no-untyped-def]
    """Where the samples of each level lie: (row, column) offsets [level, kind, sample, 2], and how many there are [level, kind].
    They leave out what the level before has seen; that depends on where (``kind``) the edge lies in its cell of the level."""
    side = 2 * box + 1
    offsets, counts = np.zeros((_LEVELS, 4, side * side, 2), np.int32), np.zeros((_LEVELS, 4), np.int32)
    for level in range(_LEVELS):
        for kind in range(4):
            row, column, count = kind >> 1, kind & 1, 0
            for j in range(-box, box + 1):
                for i in range(-box, box + 1):
                    if level == 0 or abs(2 * j - row) > box or abs(2 * i - column) > box:
                        offsets[level, kind, count, 0], offsets[level, kind, count, 1] = j << level, i << level
                        count += 1
            counts[level, kind] = count
    return offsets, counts


@njit(cache=True, nogil=True)
def _gather(surface, line, edge, span, limit, reach, pattern, places, spots, count):  # type: ignore[no-untyped-def]
    """Puts the samples around an edge of a gap, of the columns ``span``, into ``places`` (column, row offset, area) and their
    flat index into ``spots``, from ``count`` on; returns how many there are then. All are written, and counted if they are
    background: no branch to foresee."""
    box, offsets, counts = pattern
    height, width = surface.shape
    values, level = surface.reshape(-1), 0
    while True:
        kind = 2 * (line >> (level - 1) & 1) + (edge >> (level - 1) & 1) if level else 0
        top, left, area = line >> level << level, edge >> level << level, F(1 << (2 * level))
        for sample in range(counts[level, kind]):
            y, x = top + N(offsets[level, kind, sample, 0]), left + N(offsets[level, kind, sample, 1])
            valid = (x >= span[0]) & (x < span[1]) & (y >= 0) & (y < height)
            spot, k = U(y * width + x if valid else line * width + edge), U(count)
            places[k, 0], places[k, 1], places[k, 2] = F(N(x)), F(N(y - line)), area
            spots[k] = spot
            count += valid & (values[spot] <= limit) & (values[spot] != EMPTY)
        if (box << level) >= reach:
            return count
        level += 1


@njit(cache=True, nogil=True)
def _look(view, spots, count, colours):  # type: ignore[no-untyped-def]
    """The ``colours`` of the samples."""
    for c in range(view.shape[0]):
        plane = view[c].reshape(-1)
        for k in range(count):
            colours[k, c] = F(plane[U(spots[k])])


@njit(cache=True, nogil=True)
def _tensor(view, surface, line, edge, way, limit, grain, before):  # type: ignore[no-untyped-def]
    """The structure tensor (across, mixed, down) beside an edge of a gap, added to ``before``."""
    height, width = surface.shape
    across, mixed, down = before
    one = edge if way > 0 else max(edge - grain // 2, 0)
    two = min(edge + grain // 2, width - 2) if way > 0 else min(edge, width - 2)
    for x in range(one, two + 1):
        a, b, upper = ZERO, ZERO, False
        for y in range(max(line - grain, 0), min(line + grain, height - 2) + 2):
            j, i = U(y), U(x)
            c, d, low, high = ZERO, ZERO, surface[j, i], surface[j, i + U(1)]
            for k in range(view.shape[0]):
                c += F(view[U(k), j, i])
                d += F(view[U(k), j, i + U(1)])
            lower = (max(low, high) <= limit) & (min(low, high) != EMPTY)
            falling, rising = d - a, b - c  # along the two diagonals
            right, under = falling + rising, falling - rising
            weight = ONE if upper & lower else ZERO
            across += weight * right * right
            mixed += weight * right * under
            down += weight * under * under
            a, b, upper = c, d, lower
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
def _spread(places, colours, count, begin, metric, sums):  # type: ignore[no-untyped-def]
    """Weighted means of the samples for the pixels begin..begin+_PIXELS-1. ``sums``: the weights and three channels, a row of
    _PIXELS each, made of ``colours`` [_MOST, 3]."""
    sums[:] = ZERO
    xx, xy, yy = metric
    for k in range(count):
        away, dy, area = places[k, 0] - F(begin), places[k, 1], places[k, 2]
        slant, rest = xy * dy, yy * dy * dy
        red, green, blue = colours[k, 0], colours[k, 1], colours[k, 2]
        for i in range(_PIXELS):
            dx = away - F(N(i))
            square = (xx * dx + slant) * dx + rest
            share = area / (square * square)
            sums[U(i)] += share
            sums[U(i + _PIXELS)] += share * red
            sums[U(i + 2 * _PIXELS)] += share * green
            sums[U(i + 3 * _PIXELS)] += share * blue


@njit(cache=True, nogil=True)
def fill_rows(image, surface, marks, rule, rounding, out, start, stop):  # type: ignore[no-untyped-def]
    """Fills the holes of out [N, C, H, W] in place; surface [N, H, W], marks [N, H, padded W]. See :func:`stereo3d.render.fill.fill`.

    ``rule``: (slack, share, reach, stretch, certain, box, grain)."""
    slack, share, reach, stretch, certain, box, grain = rule
    channels, height, width = out.shape[1:]
    places = np.empty((_MOST, 3), np.float32)
    colours = np.zeros((_MOST, -(-channels // _GROUP) * _GROUP), np.float32)
    spots, pattern = np.empty(_MOST, np.int64), (box, *_pattern(box))
    sums = np.empty(_PIXELS * (_GROUP + 1), np.float32)
    for y in range(start, stop):
        n, line = y // height, y % height
        view, seen = out[n], surface[n]
        row, hole = seen[line], marks[n, line]
        after = next_marked(hole, 0, width)
        while after < width:
            begin = after
            while after < width and hole[after] & 1:
                after += 1
            left, right, limit = _background(row, begin, after, slack, share)
            if max(left, right) < 0:
                view[:, line] = image[n, :, line]
                break
            radius, middle, count = int(reach * F(after - begin)) + 1, (begin + after) // 2, 0
            tensor = (ZERO, ZERO, ZERO)
            if left >= 0:
                span = (0, middle if right >= 0 else width)
                count = _gather(seen, line, left, span, limit, radius, pattern, places, spots, 0)
                tensor = _tensor(view, seen, line, left, -1, limit, grain, tensor)
            if right >= 0:
                span = (middle if left >= 0 else 0, width)
                count = _gather(seen, line, right, span, limit, radius, pattern, places, spots, count)
                tensor = _tensor(view, seen, line, right, 1, limit, grain, tensor)
            _look(view, spots, count, colours)
            metric = _metric(tensor, stretch, certain)
            for c in range(0, channels, _GROUP):
                group = colours[:, c : c + _GROUP]
                for first in range(begin, after, _PIXELS):
                    _spread(places, group, count, first, metric, sums)
                    for k in range(min(_GROUP, channels - c)):
                        for i in range(min(_PIXELS, after - first)):
                            view[c + k, line, first + i] = sums[(k + 1) * _PIXELS + i] / sums[i] + rounding
            after = next_marked(hole, after, width)
