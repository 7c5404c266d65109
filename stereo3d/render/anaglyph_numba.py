"""The CPU kernel of :mod:`stereo3d.render.anaglyph`: from planes to RGB, mixed and back again, pixel by pixel, curves from tables."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["STEPS", "mix_rows"]

F = np.float32
STEPS = 8192
"""Pieces of a curve over 0..1. Read in between, sRGB's is off by 1e-6 at most, a thousandth of a step of ten bits; a table has two entries
more than this."""


@njit(cache=True, nogil=True, inline="always")
def _read(curve, value):  # type: ignore[no-untyped-def]
    place = min(max(value, F(0)), F(1)) * F(STEPS)
    index = int(place)
    low = curve[index]
    return low + (place - F(index)) * (curve[index + 1] - low)


@njit(cache=True, nogil=True, inline="always")
def _code(value, top):  # type: ignore[no-untyped-def]
    return int(min(max(value, F(0)), top) + F(0.5))


@njit(cache=True, nogil=True)
def mix_rows(left, right, out, numbers, curves, block, top, start, stop):  # type: ignore[no-untyped-def]
    """left, right, out: three planes [H, W], [h, w], [h, w] each; their rows of cells ``start`` .. ``stop`` - 1 of h.

    ``numbers``: (to RGB: a row of 4 for each of R, G, B, over the planes and 1; mix: a row of 6 each, over RGB left and right; to
    codes: a row of 4 for each plane, over R, G, B and 1), flat tuples of float32. ``curves``: to light and back.
    ``block``: (rows, columns) of pixels in a cell."""
    rgb, mix, codes = numbers
    light, signal = curves
    down, across = block
    share = F(1) / F(down * across)
    for row in range(start, stop):
        for cell in range(out[1].shape[1]):
            u, v = F(left[1][row, cell]), F(left[2][row, cell])
            lr = rgb[1] * u + rgb[2] * v + rgb[3]
            lg = rgb[5] * u + rgb[6] * v + rgb[7]
            lb = rgb[9] * u + rgb[10] * v + rgb[11]
            u, v = F(right[1][row, cell]), F(right[2][row, cell])
            rr = rgb[1] * u + rgb[2] * v + rgb[3]
            rg = rgb[5] * u + rgb[6] * v + rgb[7]
            rb = rgb[9] * u + rgb[10] * v + rgb[11]
            u, v = F(0), F(0)
            for y in range(row * down, row * down + down):
                for x in range(cell * across, cell * across + across):
                    a, b = F(left[0][y, x]), F(right[0][y, x])
                    l0 = _read(light, lr + rgb[0] * a)
                    l1 = _read(light, lg + rgb[4] * a)
                    l2 = _read(light, lb + rgb[8] * a)
                    r0 = _read(light, rr + rgb[0] * b)
                    r1 = _read(light, rg + rgb[4] * b)
                    r2 = _read(light, rb + rgb[8] * b)
                    red = mix[0] * l0 + mix[1] * l1 + mix[2] * l2 + mix[3] * r0 + mix[4] * r1 + mix[5] * r2
                    green = mix[6] * l0 + mix[7] * l1 + mix[8] * l2 + mix[9] * r0 + mix[10] * r1 + mix[11] * r2
                    blue = mix[12] * l0 + mix[13] * l1 + mix[14] * l2 + mix[15] * r0 + mix[16] * r1 + mix[17] * r2
                    red, green, blue = _read(signal, red), _read(signal, green), _read(signal, blue)
                    out[0][y, x] = _code(codes[0] * red + codes[1] * green + codes[2] * blue + codes[3], top)
                    u += codes[4] * red + codes[5] * green + codes[6] * blue
                    v += codes[8] * red + codes[9] * green + codes[10] * blue
            out[1][row, cell] = _code(u * share + codes[7], top)
            out[2][row, cell] = _code(v * share + codes[11], top)
