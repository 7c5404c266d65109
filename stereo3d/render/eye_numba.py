"""The CPU kernel of :mod:`stereo3d.render.eye`: cover, z-buffer and chroma's z-buffer row by row, while a row is in the cache."""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.blocks_numba import flags
from stereo3d.render.edges_numba import chroma_row, cover_row, raise_row
from stereo3d.render.warp_numba import surface_room, surface_row

__all__ = ["eye_rows"]

F = np.float32


@njit(cache=True, nogil=True)
def eye_rows(shift, guide, rule, join, cells, seen, small, start, stop):  # type: ignore[no-untyped-def]
    """shift, guide, seen: [N, H, W]; small: [N, h, w], of cells of (across, down) pixels; rows start..stop-1 of its N * h.

    ``rule``: of :func:`stereo3d.render.edges_numba.cover_row`. See :func:`stereo3d.render.eye.surfaces`."""
    (across, down), sign = cells, F(rule[0])
    height, width = shift.shape[1:]
    high, wide = small.shape[1:]
    opens, room, small_room = flags(width), surface_room(width), surface_room(wide)
    new, column, less = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(wide, np.float32)
    for y in range(start, stop):
        frame, line = y // high, y % high * down
        column[:] = -np.inf
        for j in range(line, min(line + down, height)):
            cover_row(shift[frame, j], guide[frame, j], rule, opens, new)
            surface_row(new, sign, join, room, seen[frame, j])
            raise_row(new, column)
        if across * down > 1:
            chroma_row(column, across, less)
            surface_row(less, sign, join, small_room, small[frame, y % high])
