"""The holes of a view as lists: gaps (a row's run of hole pixels) and blocks of gaps that lie on one background.

A block is what is looked for together in other frames: the gaps of a few rows whose backgrounds touch, and its *ring*,
the visible background beside them, by which another frame is laid over this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stereo3d.render import fill as filling
from stereo3d.render import gaps_numba, rules

__all__ = ["Blocks", "Gaps", "blocks_of", "find_blocks"]

STRIP = 12
"""Rows of a block, at most, for a picture 1280 wide; in proportion to the width."""
RING = 24
"""Columns of a block's ring, in the same way."""
_UNIT = 1280

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Gaps = tuple[Ints, Floats]
"""What :func:`stereo3d.render.gaps_numba.find_gaps` gives."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The holes of both views of one frame, those of the left view first.

    Pixels, grouped by block: ``x``, ``y`` in the view; ``shift`` of the background there; ``limit``, how near it may be; ``first``
    [B + 1], where each block's pixels begin. Ring, grouped by block: ``ring_x``, ``ring_y`` in the source, ``ring_shift``;
    ``ring_first`` [B + 1]. For each block ``ring_limit``, how near the ring may be, and ``signs``, +1 for the left view, -1
    for the right one.
    """

    x: Ints
    y: Ints
    shift: Floats
    limit: Floats
    first: Ints
    ring_x: Ints
    ring_y: Ints
    ring_shift: Floats
    ring_first: Ints
    ring_limit: Floats
    signs: Ints

    def __len__(self) -> int:
        return len(self.signs)

    def of(self, sign: int) -> slice:
        """The pixels of one view."""
        middle = int(self.first[np.count_nonzero(self.signs > 0)])
        return slice(0, middle) if sign > 0 else slice(middle, None)


def find_blocks(left: Floats | None, right: Floats | None, near: Floats) -> Blocks:
    """``left``, ``right`` [H, W]: the views' visible shift, -inf in holes, None for one without any; ``near`` [ceil(H/2),
    ceil(W/2)]: the source's, the nearest of each 2 x 2 pixels and those around."""
    slack, share = np.float32(filling.SLACK), np.float32(filling.SHARE)
    nothing = np.zeros((1, 1), np.float32)
    one, two = (gaps_numba.find_gaps(nothing if seen is None else seen, slack, share) for seen in (left, right))
    return blocks_of(one, two, near, next((seen.shape[1] for seen in (left, right) if seen is not None), 1))


def blocks_of(left: Gaps, right: Gaps, near: Floats, width: int) -> Blocks:
    """:func:`find_blocks`, where the gaps of the views (``width`` pixels wide) are known."""
    parts = []
    for name, a, b in zip(
        Blocks.__dataclass_fields__, _listed(left, near, 1, width), _listed(right, near, -1, width), strict=True
    ):
        parts.append(np.concatenate([a[:-1], b + a[-1]] if name.endswith("first") else [a, b]))
    return Blocks(*parts)


def _listed(found: Gaps, near: Floats, sign: int, width: int) -> tuple[npt.NDArray[np.generic], ...]:
    gaps, levels = found
    strip, reach = max(4, STRIP * width // _UNIT), max(6, RING * width // _UNIT)
    owner, count = gaps_numba.group(gaps, levels, strip, np.float32(filling.SLACK))
    rim = -(-width // rules.BLUR)
    pixels = gaps_numba.pixels(gaps, levels, owner, count, rim, width)
    ring = gaps_numba.ring(gaps, levels, owner, count, near, sign, reach, width)
    return (*pixels, *ring, np.full(count, sign, np.int32))
