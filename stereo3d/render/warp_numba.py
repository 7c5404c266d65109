"""The CPU kernels of :mod:`stereo3d.render.warp`: rows in, rows out, the GIL released.

All arithmetic is float32 in the order of the torch references, so that the two agree. A *block* of pixels is worked on at a time
(:mod:`stereo3d.render.lanes_numba`). Nearly everywhere its pixels move by the same whole number of pixels and stay side by side; where
they do not, they are taken in *groups* that do: no pixel is worked on alone. What is read in blocks has a margin of
:data:`MARGIN` elements on both sides (:func:`room_for`), so that no group needs to look where the row ends.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.lanes_numba import (
    COUNT,
    ceil,
    choose,
    first_of,
    floats,
    floor,
    in_set,
    larger,
    load,
    numbers,
    one_of,
    set_of,
    size,
    smaller,
    store,
    stream,
    wholes,
)

__all__ = [
    "MARGIN",
    "put_row",
    "room_for",
    "sample_room",
    "sample_row",
    "sample_rows",
    "stretch_room",
    "surface_row",
    "surface_rows",
]

F, N, U = np.float32, np.int32, np.uintp
ZERO, HALF, ONE, TWO, THREE, FOUR, FIVE = F(0), F(0.5), F(1), F(2), F(3), F(4), F(5)
EMPTY, FAR = F(-np.inf), F(np.inf)
MARGIN = 16
STRETCH = 16
"""Blocks for which it is first computed, without branches, where they land or come from, and then done: so that
branches are known when they are reached, and what lies between stays in the first cache."""


@njit(cache=True, nogil=True)
def room_for(width):  # type: ignore[no-untyped-def]
    """A float32 row for ``width`` pixels with its margins; pixel x is at MARGIN + x."""
    return np.zeros(-(-width // COUNT) * COUNT + 3 * MARGIN, np.float32)


@njit(cache=True, nogil=True)
def stretch_room():  # type: ignore[no-untyped-def]
    """Scratch for a stretch of any row: a number and a place for each pixel, and sets of each block."""
    sets = np.zeros((3, STRETCH), np.uint64)
    return np.empty(STRETCH * COUNT, np.float32), np.empty(STRETCH * COUNT, np.int32), (sets[0], sets[1], sets[2])


@njit(cache=True, nogil=True)
def put_row(row, begin, out):  # type: ignore[no-untyped-def]
    """Writes a row from ``begin`` on to ``out``, of the same type."""
    whole = out.size - out.size % COUNT
    for x in range(0, whole, COUNT):
        stream(out, x, load(row, begin + x))
    for x in range(whole, out.size):
        out[x] = row[begin + x]


@njit(cache=True, nogil=True)
def _raise(seen, places, left, value):  # type: ignore[no-untyped-def]
    """Raises ``seen`` to the values of the set ``left``. Value n belongs to the pixel ``places[n] + n``."""
    while left:
        place = one_of(places, first_of(left))
        group, at = (places == place) & in_set(left), U(place + N(MARGIN))
        store(seen, at, larger(load(seen, at), choose(group, value, EMPTY)))
        left &= ~set_of(group)


@njit(cache=True, nogil=True, error_model="numpy")
def _land(row, begin, width, sign, join, room):  # type: ignore[no-untyped-def]
    """The first target pixel of each segment from a pixel to the next one, of a stretch from ``begin`` on: ``values`` (the shift,
    -inf where there is none) belong to the pixels ``places[n] + n``. Of each block, as sets: which cover a pixel, which of
    these have not the ``places`` of the first (mixed), and of which there is more to be done (:func:`_rest`). Free of branches."""
    values, all_places, (covering, mixed, rest) = room
    end = F(width)
    for block in range(min(STRETCH, -(-(width - begin) // COUNT))):
        x, k = begin + COUNT * block, COUNT * block
        near, after = load(row, MARGIN + x), load(row, MARGIN + x + 1)
        here = floats(numbers() + N(x))
        left, right, step = here + sign * near, (here + ONE) + sign * after, after - near
        joined, before = size(step) <= join, size(near - load(row, MARGIN + x - 1)) <= join
        covers, at = joined & (right > left), ceil(left)
        valid = covers & (at <= right) & (at >= ZERO) & (at < end)
        value = near + (at - left) / (right - left) * step
        places = wholes(choose(valid, at, here)) - numbers()
        store(values, k, choose(valid, value, EMPTY))
        store(all_places, k, places)
        covering[block] = set_of(valid)
        mixed[block] = set_of(valid & (places != one_of(places, U(0))))
        rest[block] = set_of((covers & (at + ONE <= right)) | (~(joined & before) & (here < end)))


@njit(cache=True, nogil=True, error_model="numpy")
def _rest(row, x, width, sign, join, seen):  # type: ignore[no-untyped-def]
    """Of a block what its segments cover beyond the first target pixel, and the half pixel that a surface reaches
    beyond its ends."""
    near, after = load(row, MARGIN + x), load(row, MARGIN + x + 1)
    here, end = floats(numbers() + N(x)), F(width)
    left, right, step = here + sign * near, (here + ONE) + sign * after, after - near
    joined, before = size(step) <= join, size(near - load(row, MARGIN + x - 1)) <= join
    at = ceil(left)
    for _ in range(2):  # a segment is 2 pixels long at most
        at = at + ONE
        valid = joined & (right > left) & (at <= right) & (at >= ZERO) & (at < end)
        places = wholes(choose(valid, at, here)) - numbers()
        _raise(seen, places, set_of(valid), near + (at - left) / (right - left) * step)
    at = floor(left + HALF)
    outward = (~before & (at <= left)) | (~joined & (at >= left))
    valid = outward & (here < end) & (at >= ZERO) & (at < end)
    _raise(seen, wholes(choose(valid, at, here)) - numbers(), set_of(valid), near)


@njit(cache=True, nogil=True)
def surface_row(row, width, sign, join, room, seen):  # type: ignore[no-untyped-def]
    """One row of :func:`surface_rows` to ``seen``; both of :func:`room_for`. Writes the margins of both. ``room``: of
    :func:`stretch_room`."""
    values, places, (covering, mixed, rest) = room
    row[MARGIN - 1], row[MARGIN + width] = FAR, FAR  # joined to nothing
    for x in range(0, seen.size, COUNT):
        store(seen, x, EMPTY)
    for begin in range(0, width, STRETCH * COUNT):
        _land(row, begin, width, sign, join, room)
        for block in range(min(STRETCH, -(-(width - begin) // COUNT))):
            k = COUNT * block
            if mixed[block]:
                _raise(seen, load(places, k), covering[block], load(values, k))
            elif covering[block]:
                at = U(places[k] + N(MARGIN))
                store(seen, at, larger(load(seen, at), load(values, k)))
            if rest[block]:
                _rest(row, begin + k, width, sign, join, seen)


@njit(cache=True, nogil=True)
def surface_rows(shift, sign, join, out, start, stop):  # type: ignore[no-untyped-def]
    """Z-buffer of the scanline meshes. shift, out: [R, W] float32."""
    width = shift.shape[1]
    row, seen, room = room_for(width), room_for(width), stretch_room()
    for y in range(start, stop):
        row[MARGIN : MARGIN + width] = shift[y]
        surface_row(row, width, sign, join, room, seen)
        put_row(seen, MARGIN, out[y])


@njit(cache=True, nogil=True)
def _sources(seen, begin, width, rule, room, marks):  # type: ignore[no-untyped-def]
    """Where each pixel of a stretch from ``begin`` on comes from: between the source's columns ``places[n] + n`` and the next,
    ``parts`` of the way; of each block the set of those that have not the ``places`` of the first (mixed). Holes come from
    anywhere. And ``marks``."""
    sign, join = rule
    parts, all_places, (mixed, _, _) = room
    for block in range(min(STRETCH, -(-(width - begin) // COUNT))):
        x, k = begin + COUNT * block, COUNT * block
        near, after = load(seen, MARGIN + x), load(seen, MARGIN + x + 1)
        hole = near == EMPTY
        broken = ~(size(after - near) <= join) & (near != after)  # two holes are one surface
        store(marks, x, wholes(hole) + wholes(broken) * 2)
        at = floats(numbers() + N(x)) - sign * choose(hole, ZERO, near)
        at = smaller(larger(at, ZERO), F(width - 1))
        base = wholes(at)
        places = base - numbers()
        store(parts, k, at - floats(base))
        store(all_places, k, places)
        mixed[block] = set_of(~hole & (places != one_of(places, U(0))))


@njit(cache=True, nogil=True, forceinline=True)
def _taps(row, places, x, left):  # type: ignore[no-untyped-def]
    """The four source pixels around each pixel of a block from ``x`` on, the set ``left`` of which is not beside the first."""
    k = U(places[x] + N(MARGIN))
    one, two, three, four = load(row, k - U(1)), load(row, k), load(row, k + U(1)), load(row, k + U(2))
    while left:
        place = places[U(x) + first_of(left)]
        k, group = U(place + N(MARGIN)), load(places, x) == place
        one, two = choose(group, load(row, k - U(1)), one), choose(group, load(row, k), two)
        three, four = choose(group, load(row, k + U(1)), three), choose(group, load(row, k + U(2)), four)
        left &= ~set_of(group)
    return one, two, three, four


@njit(cache=True, nogil=True)
def _mix(rows, seen, begin, rounding, room, views):  # type: ignore[no-untyped-def]
    """Catmull-Rom of four taps of a stretch from ``begin`` on, kept within their range; 0 in holes."""
    parts, places, (mixed, _, _) = room
    channels, width = views.shape
    for block in range(min(STRETCH, -(-(width - begin) // COUNT))):
        x, k = begin + COUNT * block, COUNT * block
        hole, t = load(seen, MARGIN + x) == EMPTY, load(parts, k)
        w0 = HALF * t * (t * (TWO - t) - ONE)
        w1 = HALF * (t * t * (THREE * t - FIVE) + TWO)
        w2 = HALF * t * (t * (FOUR - THREE * t) + ONE)
        w3 = HALF * t * t * (t - ONE)
        for c in range(channels):
            p0, p1, p2, p3 = _taps(rows[c], places, k, mixed[block])
            value = w0 * p0 + w1 * p1 + w2 * p2 + w3 * p3
            low, high = smaller(smaller(p0, p1), smaller(p2, p3)), larger(larger(p0, p1), larger(p2, p3))
            value = smaller(larger(value, low), high) + rounding
            store(views[c], x, choose(hole, ZERO, value))


@njit(cache=True, nogil=True)
def sample_room(out):  # type: ignore[no-untyped-def]
    """Scratch for :func:`sample_row` to pictures like ``out`` [C, H, W]: rows of the source, and of the view."""
    channels, _, width = out.shape
    rows = np.zeros((channels, room_for(width).size), np.float32)
    return rows, np.empty((channels, -(-width // COUNT) * COUNT), out.dtype)


@njit(cache=True, nogil=True)
def sample_row(image, line, seen, rule, rounding, room, marks, out):  # type: ignore[no-untyped-def]
    """Cubic gather along a row: image, out [C, H, W]; ``seen`` of :func:`room_for`, whose margin is written. ``rule``: (sign,
    join). ``room``: of (:func:`sample_room`, :func:`stretch_room`). ``marks``: see :mod:`stereo3d.render.flags_numba`."""
    (rows, views), stretch = room
    channels, _, width = image.shape
    last = MARGIN + width - 1
    store(seen, last + 1, seen[last])
    for c in range(channels):
        source, row = image[c, line], rows[c]
        for i in range(width):
            row[MARGIN + i] = F(source[i])
        row[MARGIN - 1], row[last + 1], row[last + 2] = row[MARGIN], row[last], row[last]
    for begin in range(0, width, STRETCH * COUNT):
        _sources(seen, begin, width, rule, stretch, marks)
        _mix(rows, seen, begin, rounding, stretch, views)
    for c in range(channels):
        put_row(views[c], 0, out[c, line])


@njit(cache=True, nogil=True)
def sample_rows(image, surface, rule, rounding, marks, out, start, stop):  # type: ignore[no-untyped-def]
    """image, out [N, C, H, W]; surface [N, H, W]; marks uint8 [N, H, padded W]. See :func:`sample_row`."""
    height, width = image.shape[2:]
    room, seen = (sample_room(out[0]), stretch_room()), room_for(width)
    for y in range(start, stop):
        n, line = y // height, y % height
        seen[MARGIN : MARGIN + width] = surface[n, line]
        sample_row(image[n], line, seen, rule, rounding, room, marks[n, line], out[n])
