"""How near a film comes to the viewer, place by place: what must not stand in front of a text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction

import torch
from torch.nn import functional

from stereo3d.frames import Timeline
from stereo3d.transfer import to_host

__all__ = ["COLUMNS", "ROWS", "Nearness", "Sample", "nearest_cells"]

ROWS, COLUMNS = 4, 6
UNIT = 100
"""Samples count in 1/UNIT % of an eye's width."""
_MOST = 2.0
"""% in front of the screen: nearer, reading strains the eyes."""
_AHEAD = 0.15
"""% that a text is in front of what is nearest."""
_SMOOTH = 5  # samples of the depth map that count together: a single one may be wrong

Sample = tuple[int, ...]
"""An output frame, then how far the nearest thing in each cell of the picture is in front of the screen, row by row."""


def nearest_cells(frame: int, depth: torch.Tensor, strength: float, zero_parallax: float) -> Sample:
    """The sample of one frame. ``depth``: [1, h, w], 0..1. ``strength`` in % of the width."""
    near = functional.avg_pool2d(depth[None].float(), _SMOOTH, 1, _SMOOTH // 2, count_include_pad=False)
    cells = functional.adaptive_max_pool2d(near, (ROWS, COLUMNS))
    values = to_host(cells)[0].flatten().tolist()
    return (frame, *(round(UNIT * strength * (cell - zero_parallax)) for cell in values))


class Nearness:
    """Of a whole film, from samples of its frames, in any order."""

    def __init__(self, samples: Iterable[Sample], timeline: Timeline) -> None:
        self._samples = sorted(samples)
        self._frames = [sample[0] for sample in self._samples]
        self._timeline = timeline

    def text_parallax(self, begin: Fraction, end: Fraction, box: tuple[float, float, float, float]) -> float:
        """Where a text is to be that is seen from ``begin`` to ``end`` (seconds of the source) at ``box`` (left, top, right, bottom, in
        shares of the picture): % in front of the screen, from 0 on.

        In front of what is nearest there in all that time, but no nearer than is comfortable to read.
        """
        times, base = self._timeline.pts, self._timeline.time_base
        first, last = bisect_right(times, begin / base) - 1, bisect_left(times, end / base)
        # The sample before says what is there when the text appears.
        start = max(0, bisect_right(self._frames, first) - 1)
        shown = self._samples[start : max(bisect_left(self._frames, last), start + 1)]
        cells = _cells(box)
        nearest = max((sample[1 + cell] for sample in shown for cell in cells), default=0) / UNIT
        return min(max(nearest + _AHEAD, 0.0), _MOST) if nearest > -_AHEAD else 0.0


def _cells(box: tuple[float, float, float, float]) -> Sequence[int]:
    """The cells that a box touches; of one outside the picture, the nearest."""
    left, top, right, bottom = (min(max(side, 0.0), 1.0 - 1e-9) for side in box)
    return [
        row * COLUMNS + column
        for row in range(int(top * ROWS), int(bottom * ROWS) + 1)
        for column in range(int(left * COLUMNS), int(right * COLUMNS) + 1)
    ]
