"""Flags of pixels: how the CPU kernels pass quickly over the many pixels that need no thought.

Whole rows are worked on without branches; that leaves a flag for each pixel, and eight flags are looked at as one word. *Marks* are
such flags of a whole view, made while a row is sampled: bit 0 a hole, bit 1 a pixel that is not on one surface with the next one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.lanes_numba import COUNT

__all__ = ["NONE", "WORD", "flags", "listed", "next_marked", "padded"]

WORD = 8
NONE = np.uint64(0)


@njit(cache=True, nogil=True)
def padded(width):  # type: ignore[no-untyped-def]
    """``width`` up to whole words, and to what is written at once (:data:`stereo3d.render.lanes_numba.COUNT`)."""
    return -(-width // COUNT) * COUNT


@njit(cache=True, nogil=True)
def flags(width):  # type: ignore[no-untyped-def]
    """A row of flags (uint8, 0 or 1) for ``width`` pixels, up to whole words (``.view(np.uint64)``); the rest is 0."""
    return np.zeros(padded(width), np.uint8)


@njit(cache=True, nogil=True)
def listed(marked, bit, columns):  # type: ignore[no-untyped-def]
    """Puts the columns whose ``bit`` is set into ``columns``, as long as ``marked``; returns how many."""
    words, count = marked.view(np.uint64), 0
    for block in range(words.size):
        if words[block] != NONE:
            for x in range(WORD * block, WORD * block + WORD):
                columns[count] = x  # written first, and counted if it is one: no branch to foresee
                count += marked[x] >> bit & 1
    return count


@njit(cache=True, nogil=True)
def next_marked(marks, x, width):  # type: ignore[no-untyped-def]
    """The first column from ``x`` on whose bit 0 is set, ``width`` if there is none."""
    words = marks.view(np.uint64)
    while x < width and not marks[x] & 1:
        x += 1
        while x % WORD == 0 and x < width and words[x // WORD] == NONE:
            x += WORD
    return min(x, width)
