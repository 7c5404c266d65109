"""What is seen of a moment: its two views, and every picture that can be made of them. Nothing is decoded, no model is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from stereo3d.errors import UsageError
from stereo3d.frames import FrameBatch, Shot
from stereo3d.layouts import LAYOUTS
from stereo3d.moments.moments import Moment, scaled_bars
from stereo3d.pipeline.shot_screen import ShotScreen
from stereo3d.pipeline.shot_views import rendered
from stereo3d.pipeline.staging import Staging
from stereo3d.plan.bars import Framing, crop, put_back
from stereo3d.plan.cards import Cards
from stereo3d.render.comfort_screen import Follow
from stereo3d.render.pack import Packing, pack
from stereo3d.render.paint import paint
from stereo3d.render.plus_depth import depth_picture
from stereo3d.render.shrink import shrunk
from stereo3d.settings import Settings, ViewSettings

__all__ = ["LOOKS", "Look", "look"]

LOOKS = ("source", "depth", "left", "right", *LAYOUTS)
"""The pictures that a :class:`Look` has, by name: the source, its depth in colours (red is near), each eye, and every layout."""


@dataclass(frozen=True, slots=True)
class Look:
    """A moment with some settings. ``left``, ``right``: the views, one frame each. ``strength``: in % of the width, as it is after
    ``--screen-width`` and on cards; ``screen``: the depth on the screen. Pictures are made when they are asked for."""

    moment: Moment
    settings: Settings
    left: FrameBatch
    right: FrameBatch
    strength: float
    screen: float

    def picture(self, name: str) -> FrameBatch:
        """One of :data:`LOOKS`, one frame; :func:`stereo3d.media.still.jpeg` makes a file of it. Raises UsageError."""
        moment = self.moment
        if name not in LOOKS:
            raise UsageError(f"there is no picture {name!r}", hint=f"choose one of {', '.join(LOOKS)}")
        if name in ("source", "left", "right"):
            return {"source": moment.source, "left": self.left, "right": self.right}[name]
        if name == "depth":
            return _painted(moment)
        packing = replace(Packing.of(self.settings), layout=LAYOUTS[name])
        if packing.layout.depth:
            whole = moment.source
            return pack(whole, depth_picture(whole, moment.depth, moment.bars, (self.screen,)), packing)
        return pack(self.left, self.right, packing)

    def smaller(self, width: int) -> Look:
        """The same with smaller pictures of about so many pixels, made of these: for pages."""
        source, left, right = (shrunk(frame, width) for frame in (self.moment.source, self.left, self.right))
        bars = scaled_bars(self.moment.bars, source, self.moment.source.height)
        return replace(self, moment=replace(self.moment, source=source, bars=bars), left=left, right=right)


def look(moment: Moment, settings: Settings, *, height: int | None = None) -> Look:
    """The views of a moment with these settings for view and layout. ``height``: of a smaller picture, which is made faster.

    What is uncovered is filled from beside it, never from other frames; see :mod:`stereo3d.moments.moments` for the rest.
    """
    moment = moment if height is None else moment.at_height(height)
    view, bars = settings.view, moment.bars
    if settings.picture.bars == "crop":
        trim = Framing.cropping((Shot(0, 1),), (bars,)).trim
        moment = replace(moment, source=crop(moment.source, trim), bars=bars.beyond(trim))
    screen, sides = _screen(moment, view)
    cards = Cards((Shot(0, 1),), ((0, 1),)) if moment.card and view.credits == "flat" else Cards()
    strengths = Staging(lambda _frame: view, cards, 1, (), {}).strengths(0, (screen,))
    made = rendered(
        moment.source, moment.bars, moment.depth, view, strength=strengths, zero_parallax=(screen,), sides=sides
    )
    left, right = made.views()
    return Look(moment, settings, left, right, strengths[0], screen)


def _screen(moment: Moment, view: ViewSettings) -> tuple[float, tuple[float, float] | None]:
    """The depth on the screen, and the nearest depth at the sides where the window floats."""
    given = None if view.zero_parallax == "auto" else view.zero_parallax
    screen = ShotScreen(given, Follow.of(view.strength, 1 / moment.every), look_at_sides=view.window == "float")
    screen.find(moment.depths, 0, len(moment.depths) - 1, goes_on=False)
    return screen.at(moment.place, moment.depth)[0], screen.sides


def _painted(moment: Moment) -> FrameBatch:
    """Depth in colours at the picture's size, black where the bars are."""
    source, bars = moment.source, moment.bars
    size = source.width - bars.left - bars.right, source.height - bars.top - bars.bottom
    picture = paint(moment.depth, size, "jet", source.pts, source.index)
    if not bars:
        return picture
    dark = torch.zeros(1, source.height, source.width, dtype=torch.uint8)
    return put_back(picture, FrameBatch((dark, dark, dark), source.pts, source.index, picture.format), bars)
