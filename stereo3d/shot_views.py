"""Views on their way from the renderer to the picture: filled over time, one shot after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stereo3d.bars import Bars
from stereo3d.frames import FrameBatch
from stereo3d.plan import Segment
from stereo3d.render.uncovered import Uncovered
from stereo3d.render.views import Eyes

__all__ = ["Rendered", "filled_over_time"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Frames of one shot: as they were decoded, their bars, the picture between the bars, and its views."""

    whole: FrameBatch
    bars: Bars
    picture: FrameBatch
    eyes: Eyes

    def cut(self, start: int, end: int) -> Rendered:
        """Frames [start, end), as views."""
        eyes = self.eyes.cut(start, end)
        return Rendered(self.whole.cut(start, end), self.bars, self.picture.cut(start, end), eyes)


def filled_over_time(rendered: Iterable[Rendered], segments: Sequence[Segment]) -> Iterator[Rendered]:
    """The same frames, one at a time and some frames late, their holes filled from the other frames of the shot within the
    segment. ``rendered``: the frames of all segments in order; none of them spans two shots or two segments."""
    starts = {segment.piece(shot)[1] for segment in segments for shot in segment.shots}
    uncovered, waiting = Uncovered(), deque[Rendered]()
    for some in rendered:
        if some.whole.index in starts:
            yield from _ready(uncovered.finish(), waiting)
            uncovered = Uncovered()
        waiting.extend(some.cut(n, n + 1) for n in range(len(some.whole)))
        yield from _ready(uncovered.push(some.picture, some.eyes), waiting)
    yield from _ready(uncovered.finish(), waiting)


def _ready(views: Iterable[tuple[FrameBatch, FrameBatch]], waiting: deque[Rendered]) -> Iterator[Rendered]:
    for left, right in views:
        one = waiting.popleft()
        device = one.whole.planes[0].device
        yield replace(one, eyes=replace(one.eyes, left=left.to(device), right=right.to(device)))
