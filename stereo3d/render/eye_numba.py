"""The CPU kernel of :mod:`stereo3d.render.eye`: cover, z-buffers and sampling row by row, while a row is in the cache."""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.edges_numba import chroma_row, cover_row, raise_row
from stereo3d.render.flags_numba import flags
from stereo3d.render.warp_numba import MARGIN, put_row, room_for, sample_room, sample_row, stretch_room, surface_row

__all__ = ["eye_rows"]

F = np.float32


@njit(cache=True, nogil=True)
def eye_rows(shift, luma, chroma, rule, join, cells, rounding, start, stop):  # type: ignore[no-untyped-def]
    """shift: [N, H, W]. ``luma``, ``chroma``: each (image [N, C, h, w], seen [N, h, w], marks [N, h, padded w], view as image), chroma of
    cells of (across, down) pixels, without channels where there is none; rows start..stop-1 of its N * h.

    ``rule``: of :func:`stereo3d.render.edges_numba.cover_row`. See :func:`stereo3d.render.eye.look`."""
    image, seen, marks, view = luma
    image_small, seen_small, marks_small, view_small = chroma
    (across, down), way = cells, (F(rule[0]), join)
    height, width = shift.shape[1:]
    high, wide = image_small.shape[2:]
    opens, room = flags(width), stretch_room()
    column, new, near = room_for(width), room_for(width), room_for(width)
    less, beside = room_for(wide), room_for(wide)
    here, small = slice(MARGIN, MARGIN + width), slice(MARGIN, MARGIN + wide)
    places, places_small = (sample_room(view[0]), room), (sample_room(view_small[0]), room)
    for y in range(start, stop):
        n, line = y // high, y % high
        for j in range(line * down, min((line + 1) * down, height)):
            row = new if j % down else column
            cover_row(shift[n, j], image[n, 0, j], rule, opens, row[here])
            surface_row(row, width, way[0], join, room, near)
            sample_row(image[n], j, near, way, rounding, places, marks[n, j], view[n])
            put_row(near, MARGIN, seen[n, j])
            if j % down:
                raise_row(new[here], column[here])
        if image_small.shape[1] == 0:
            continue
        if across * down > 1:
            chroma_row(column[here], across, less[small])
            surface_row(less, wide, way[0], join, room, beside)
            put_row(beside, MARGIN, seen_small[n, line])
        else:
            beside[:] = near
        sample_row(image_small[n], line, beside, way, rounding, places_small, marks_small[n, line], view_small[n])
