"""The CPU kernels of :mod:`stereo3d.render.pack`: one pass, no copies in wider types; the GIL released."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["halve_columns", "halve_rows"]

N = np.int32


@njit(cache=True, nogil=True)
def _mean(one, two, out):  # type: ignore[no-untyped-def]
    """Of whole numbers, halves up."""
    for x in range(out.size):
        out[x] = (N(one[x]) + N(two[x]) + N(1)) >> N(1)


@njit(cache=True, nogil=True)
def halve_columns(eye, out):  # type: ignore[no-untyped-def]
    """out [N, h, w]: the means of neighbouring columns of eye [N, h, 2 w]."""
    for n in range(out.shape[0]):
        for y in range(out.shape[1]):
            _mean(eye[n, y, ::2], eye[n, y, 1::2], out[n, y])


@njit(cache=True, nogil=True)
def halve_rows(eye, out):  # type: ignore[no-untyped-def]
    """out [N, h, w]: the means of neighbouring rows of eye [N, 2 h, w]."""
    for n in range(out.shape[0]):
        for y in range(out.shape[1]):
            _mean(eye[n, 2 * y], eye[n, 2 * y + 1], out[n, y])
