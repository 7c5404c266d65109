"""Blocks of eight pixels: how the CPU kernels pass quickly over the many pixels that need no thought.

Whole rows are worked on in loops without branches, which the compiler turns into vector instructions; they leave a flag for
each pixel, and eight flags are looked at as one word. *Marks* are such flags of a whole view, made while a row is sampled: bit 0 a
hole, bit 1 a pixel that is not on one surface with the next one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["ALL", "LANES", "NONE", "flags", "listed", "move", "next_marked", "padded", "raise_to"]

LANES = 8
ALL, NONE = np.uint64(0x0101010101010101), np.uint64(0)
U = np.uintp


@njit(cache=True, nogil=True)
def padded(width):  # type: ignore[no-untyped-def]
    """``width`` up to whole words."""
    return -(-width // LANES) * LANES


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
            for x in range(LANES * block, LANES * block + LANES):
                columns[count] = x  # written first, and counted if it is one: no branch to foresee
                count += marked[x] >> bit & 1
    return count


@njit(cache=True, nogil=True)
def next_marked(marks, x, width):  # type: ignore[no-untyped-def]
    """The first column from ``x`` on whose bit 0 is set, ``width`` if there is none."""
    words = marks.view(np.uint64)
    while x < width and not marks[x] & 1:
        x += 1
        while x % LANES == 0 and x < width and words[x // LANES] == NONE:
            x += LANES
    return min(x, width)


@njit(cache=True, nogil=True)
def move(source, k, target, i):  # type: ignore[no-untyped-def]
    """target[i : i + 8] = source[k : k + 8]; all is read before any is written."""
    a, b, c, d = source[k], source[k + U(1)], source[k + U(2)], source[k + U(3)]
    e, f, g, h = source[k + U(4)], source[k + U(5)], source[k + U(6)], source[k + U(7)]
    target[i], target[i + U(1)], target[i + U(2)], target[i + U(3)] = a, b, c, d
    target[i + U(4)], target[i + U(5)], target[i + U(6)], target[i + U(7)] = e, f, g, h


@njit(cache=True, nogil=True)
def raise_to(source, k, target, i):  # type: ignore[no-untyped-def]
    """target[i : i + 8] = max(source[k : k + 8], target[i : i + 8])."""
    a, b = max(source[k], target[i]), max(source[k + U(1)], target[i + U(1)])
    c, d = max(source[k + U(2)], target[i + U(2)]), max(source[k + U(3)], target[i + U(3)])
    e, f = max(source[k + U(4)], target[i + U(4)]), max(source[k + U(5)], target[i + U(5)])
    g, h = max(source[k + U(6)], target[i + U(6)]), max(source[k + U(7)], target[i + U(7)])
    target[i], target[i + U(1)], target[i + U(2)], target[i + U(3)] = a, b, c, d
    target[i + U(4)], target[i + U(5)], target[i + U(6)], target[i + U(7)] = e, f, g, h
