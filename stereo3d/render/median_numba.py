"""Median of 5 x 5 pixels where it is wanted, by a network of exchanges that works on all such pixels of a row at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from stereo3d.render.flags_numba import flags, listed
from stereo3d.render.lanes_numba import COUNT, larger, load, smaller, store

__all__ = ["median_rows", "put"]

U = np.uintp
_SIDE = 5
_COUNT = _SIDE * _SIDE


def _network(count: int, wanted: int) -> npt.NDArray[np.int64]:
    """Exchanges (a, b), a < b, after which place ``wanted`` of ``count`` holds what it would in order: those of Batcher's
    odd-even merge sort (1968) on which that place depends."""
    size = 1 << (count - 1).bit_length()
    every: list[tuple[int, int]] = []
    run = 1
    while run < size:
        step = run
        while step:
            lower = (i + j for j in range(step % run, size - step, 2 * step) for i in range(min(step, size - j - step)))
            every += [(a, a + step) for a in lower if a // (2 * run) == (a + step) // (2 * run)]
            step //= 2
        run *= 2
    needed, kept = {wanted}, []
    for a, b in reversed(every):
        if b < count and (a in needed or b in needed):  # places beyond are larger than all
            needed |= {a, b}
            kept.append((a, b))
    return np.array(kept[::-1])


_EXCHANGES = _network(_COUNT, _COUNT // 2)


@njit(cache=True, nogil=True)
def _exchange(one, two, count):  # type: ignore[no-untyped-def]
    """The smaller of the first ``count`` values and some more to ``one``, the larger ones to ``two``."""
    for k in range(0, count, COUNT):
        a, b = load(one, k), load(two, k)
        store(one, k, smaller(a, b))
        store(two, k, larger(a, b))


@njit(cache=True, nogil=True)
def _around(marks, y, below, wanted):  # type: ignore[no-untyped-def]
    """Flags the pixels of a row beside which, in any direction, there is a mark. ``below``: scratch, two longer than a row."""
    height, width = marks.shape
    one, two, three = marks[max(y - 1, 0)], marks[y], marks[min(y + 1, height - 1)]
    for x in range(width):
        below[x + 1] = one[x] | two[x] | three[x]
    for x in range(width):
        wanted[x] = below[x] | below[x + 1] | below[x + 2]


@njit(cache=True, nogil=True)
def median_rows(picture, marks, least, start, stop):  # type: ignore[no-untyped-def]
    """The medians over 5 x 5 pixels of picture [H, W] float32, borders repeated, on and beside the ``marks`` (uint8 [H, W]), as
    lists: (flat index, value, 1 where it is a mark that changed by more than ``least``). See :func:`put`."""
    height, width = picture.shape
    below, wanted = np.zeros(width + 2, np.uint8), flags(width)
    near, columns = np.zeros((_COUNT, wanted.size), np.float32), np.empty(wanted.size, np.int32)
    most, found = (stop - start) * width, 0  # memory that is not written is not taken
    places, values, moved = np.empty(most, np.int32), np.empty(most, np.float32), np.empty(most, np.uint8)
    for y in range(start, stop):
        _around(marks, y, below, wanted)
        count = listed(wanted, 0, columns)
        if count == 0:
            continue
        for place in range(_COUNT):
            row = picture[min(max(y + place // _SIDE - 2, 0), height - 1)]
            beside, new = place % _SIDE - 2, near[place]
            for k in range(count):
                new[k] = row[U(min(max(columns[k] + beside, 0), width - 1))]
        for k in range(_EXCHANGES.shape[0]):
            _exchange(near[_EXCHANGES[k, 0]], near[_EXCHANGES[k, 1]], count)
        for k in range(count):
            x, value = columns[k], near[_COUNT // 2, k]
            places[found + k], values[found + k] = y * width + x, value
            moved[found + k] = (marks[y, x] != 0) & (abs(value - picture[y, x]) > least)
        found += count
    return places[:found], values[:found], moved[:found]


@njit(cache=True, nogil=True)
def put(picture, marks, medians):  # type: ignore[no-untyped-def]
    """Writes the medians and the new marks where they belong, when no other thread needs what was there."""
    places, values, moved = medians
    pixels, flat = picture.reshape(-1), marks.reshape(-1)
    for k in range(places.size):
        pixels[U(places[k])] = values[k]
        flat[U(places[k])] = moved[k]
