"""Views on their way from the renderer to the picture: filled over time, one shot after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from stereo3d.frames import FrameBatch
from stereo3d.plan.bars import Bars, crop, put_back
from stereo3d.plan.segments import Segment
from stereo3d.render.comfort_window import float_window
from stereo3d.render.uncovered import Uncovered
from stereo3d.render.views import Eyes, render_eyes
from stereo3d.settings import ViewSettings

__all__ = ["Rendered", "filled_over_time", "rendered"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Frames of one shot: as they were decoded, their bars, the picture between the bars, and its views.

    ``strength``, ``zero_parallax``: of each frame. ``sides``: the nearest depth at the shot's sides, where the window floats.
    ``fill``: whether holes are to be filled over time. ``depth``: [n, 1, h, w], of the picture.
    """

    whole: FrameBatch
    bars: Bars
    picture: FrameBatch
    eyes: Eyes
    strength: tuple[float, ...]
    zero_parallax: tuple[float, ...]
    sides: tuple[float, float] | None
    fill: bool
    depth: torch.Tensor

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


def rendered(
    whole: FrameBatch,
    bars: Bars,
    depth: torch.Tensor,
    view: ViewSettings,
    *,
    strength: Sequence[float],
    zero_parallax: Sequence[float],
    sides: tuple[float, float] | None = None,
    fill: bool = False,
) -> Rendered:
    """The views of frames of one shot, on their device; see :class:`Rendered`."""
    picture = crop(whole, bars)
    eyes = render_eyes(
        picture,
        depth,
        strength=strength,
        zero_parallax=zero_parallax,
        soft_sides=view.window == "soften",
        synthetic=view.synthetic_view,
    )
    return Rendered(whole, bars, picture, eyes, tuple(strength), tuple(zero_parallax), sides, fill, depth)


def filled_over_time(rendered: Iterable[Rendered], segments: Iterable[Segment]) -> Iterator[Rendered]:
    """The same frames; those whose holes are filled over time come one at a time and some frames late.

    Filled from the other frames of the shot within the segment. ``rendered``: the frames of all segments in order; none of them
    spans two shots or two segments.
    """
    coming, ends = iter(segments), set[int]()
    uncovered, waiting = Uncovered(), deque[Rendered]()
    for some in rendered:
        if not ends:
            segment = next(coming)
            ends = {segment.piece(shot)[2] for shot in segment.shots}
        if some.fill:
            waiting.extend(some.cut(n, n + 1) for n in range(len(some.whole)))
            yield from _ready(uncovered.push(some.picture, some.eyes), waiting)
        else:
            yield some
        end = some.whole.index + len(some.whole)
        if end in ends:
            ends.remove(end)
            yield from _ready(uncovered.finish(), waiting)
            uncovered = Uncovered()


def _ready(views: Iterable[tuple[FrameBatch, FrameBatch]], waiting: deque[Rendered]) -> Iterator[Rendered]:
    for left, right in views:
        one = waiting.popleft()
        device = one.whole.planes[0].device
        yield replace(one, eyes=replace(one.eyes, left=left.to(device), right=right.to(device)))
