"""Views on their way from the renderer to the picture: filled over time, one shot after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from stereo3d.frames import FrameBatch
from stereo3d.plan.bars import Bars, put_back
from stereo3d.plan.segments import Segment
from stereo3d.render.comfort_window import float_window
from stereo3d.render.uncovered import Uncovered
from stereo3d.render.views import Eyes

__all__ = ["Rendered", "filled_over_time"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Frames of one shot: as they were decoded, their bars, the picture between the bars, and its views.

    ``segment``: for which they were rendered; frames before and after it, which only help to fill it, are ``spare``.
    ``strength``, ``zero_parallax``: of each frame. ``sides``: the nearest depth at the shot's sides, where the window floats.
    ``fill``: whether holes are to be filled over time. ``depth``: [n, 1, h, w], of the picture.
    """

    segment: Segment
    whole: FrameBatch
    bars: Bars
    picture: FrameBatch
    eyes: Eyes
    strength: tuple[float, ...]
    zero_parallax: tuple[float, ...]
    sides: tuple[float, float] | None
    fill: bool
    depth: torch.Tensor

    @property
    def spare(self) -> bool:
        return not self.segment.start <= self.whole.index < self.segment.end

    def cut(self, start: int, end: int) -> Rendered:
        """Frames [start, end), as views."""
        return replace(
            self,
            whole=self.whole.cut(start, end),
            picture=self.picture.cut(start, end),
            depth=self.depth[start:end],
            eyes=self.eyes.cut(start, end),
            strength=self.strength[start:end],
            zero_parallax=self.zero_parallax[start:end],
        )

    def views(self) -> tuple[FrameBatch, FrameBatch]:
        """(left, right), behind their window and with their bars."""
        views = self.eyes.left, self.eyes.right
        if self.sides is not None:
            views = float_window(*views, self.sides, strength=self.strength, zero_parallax=self.zero_parallax)
        left, right = (put_back(view, self.whole, self.bars) for view in views)
        return left, right


def filled_over_time(rendered: Iterable[Rendered]) -> Iterator[Rendered]:
    """The same frames without the spare ones; those whose holes are filled over time come one at a time and some frames late.

    Filled from the other frames of the shot that were rendered for the segment. ``rendered``: the frames of all segments in order;
    none of them spans two shots, two segments, or a segment's end.
    """
    uncovered, waiting = Uncovered(), deque[Rendered]()
    number: int | None = None
    for some in rendered:
        if some.segment.number != number or any(some.whole.index == shot.start for shot in some.segment.shots):
            yield from _ready(uncovered.finish(), waiting)
            uncovered, number = Uncovered(), some.segment.number
        if not some.fill:
            yield some
            continue
        eyes = some.eyes  # without the z-buffers: they are larger than the pictures, and wait for all of the window
        slim = replace(some, eyes=Eyes(eyes.left, eyes.right, eyes.shift.new_empty(0), (None, None)))
        waiting.extend(slim.cut(n, n + 1) for n in range(len(slim.whole)))
        yield from _ready(uncovered.push(some.picture, some.eyes), waiting)
    yield from _ready(uncovered.finish(), waiting)


def _ready(views: Iterable[tuple[FrameBatch, FrameBatch]], waiting: deque[Rendered]) -> Iterator[Rendered]:
    for left, right in views:
        one = waiting.popleft()
        if one.spare:
            continue
        device = one.whole.planes[0].device
        yield replace(one, eyes=replace(one.eyes, left=left.to(device), right=right.to(device)))
