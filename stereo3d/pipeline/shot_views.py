"""Views on their way from the renderer to the picture: filled over time, one shot after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from stereo3d.frames import FrameBatch
from stereo3d.plan.bars import Bars, crop, put_back
from stereo3d.plan.segments import Segment
from stereo3d.render.comfort_window import float_window
from stereo3d.render.sight import sighted
from stereo3d.render.uncovered_device import over_time
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
    if fill:
        eyes = sighted(picture, eyes)
    return Rendered(whole, bars, picture, eyes, tuple(strength), tuple(zero_parallax), sides, fill, depth)


def filled_over_time(
    pairs: Iterable[tuple[Segment, Rendered]], widened: Callable[[Segment], Segment]
) -> Iterator[Rendered]:
    """The frames of all segments; those whose holes are filled over time come one at a time and some frames late.

    ``pairs``: frames with the segment that they were rendered for, in order; none of them spans two shots or a segment's end.
    ``widened``: the segment with the frames around it that were rendered, too; these only help to fill the others.
    """
    uncovered, waiting = None, deque[Rendered]()
    for segment, some in pairs:
        if some.fill:
            uncovered = uncovered or over_time(some.picture.planes[0].device)
            eyes = some.eyes  # without the z-buffers: they are larger than the pictures, and wait for all of the window
            slim = replace(some, eyes=Eyes(eyes.left, eyes.right, eyes.shift.new_empty(0), (None, None)))
            waiting.extend(slim.cut(n, n + 1) for n in range(len(slim.whole)))
            yield from _ready(uncovered.push(some.picture, some.eyes), waiting, segment)
        elif some.whole.index in segment:
            yield some
        wide, end = widened(segment), some.whole.index + len(some.whole)
        if uncovered is not None and any(end == wide.piece(shot)[2] for shot in wide.shots):
            yield from _ready(uncovered.finish(), waiting, segment)
            uncovered = None


def _ready(
    views: Iterable[tuple[FrameBatch, FrameBatch]], waiting: deque[Rendered], segment: Segment
) -> Iterator[Rendered]:
    for left, right in views:
        one = waiting.popleft()
        if one.whole.index not in segment:
            continue
        device = one.whole.planes[0].device
        yield replace(one, eyes=replace(one.eyes, left=left.to(device), right=right.to(device)))
