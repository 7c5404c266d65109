"""The gauge of each frame of a shot, one frame after another (pure NumPy).

A frame's gauge is carried over from the frame before by a robust affine fit, which absorbs whatever the network's scale
and shift did in between, at once. Small errors would add up over hundreds of frames; therefore the gauge leaks a little
toward a target that does not depend on the past: the fit to the anchor's probe of the same view, or, where there is
none, the network's own values. The leak is slow enough never to be seen as a jump, and makes the memory finite, so that
a piece of a long shot that starts with lead-in frames arrives at the gauge of the unsplit shot.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from stereo3d.depth.align import IDENTITY, Affine, Values, fit_affine, mean_affine
from stereo3d.depth.temporal_anchor import Anchor, Views, map_extent

__all__ = ["SETTLE", "GaugeTracker", "NoGauge"]

SETTLE = 24  # frames that vote for the first frame's gauge
_LEAK = 0.05  # of the distance to the target, a frame
_PACE = 0.003  # of the range: the leak moves no value by more than this a frame
_LINK = 2.0  # doubt up to which a fit between neighbours counts
_AWAY, _STAY = 0.06, 12  # of the range; frames: so far from home for so long, and the network has re-scaled for good
_PATIENCE = 6  # frames without a link (a flash, a whip pan) before the newest one becomes the reference


class GaugeTracker:
    """Gauges of the frames of one shot, in order. ``opening``: the cells of the first frames (SETTLE of them, or all
    there are; at least one), all finite, none flat. ``rehome``: absorb a lasting re-scaling by the network for good also
    where no probe shows the view. That is a memory without end, so not for the pieces of a split shot."""

    def __init__(self, anchor: Anchor, opening: Iterable[Values], *, rehome: bool) -> None:
        self._views = Views(anchor)
        self._range = anchor.high - anchor.low
        self._rehome = rehome
        self._home = IDENTITY
        self._away: list[Affine] = []
        self._reference: Values | None = None
        self._reference_gauge = self._vote(list(opening))
        self._gauge = self._reference_gauge
        self._unlinked = 0

    def next(self, cells: Values) -> Affine:
        """The gauge of the shot's next frame: raw values -> values in the shot's gauge."""
        carried = self._carry(cells)
        target = self._views.target(cells, self._home)
        distance = self._distance(carried, target, cells)
        self._gauge = carried.toward(target, min(_LEAK, _PACE / max(distance, _PACE)))
        self._settle(cells)
        if self._unlinked == 0:
            self._reference, self._reference_gauge = cells, self._gauge
        return self._gauge

    def _carry(self, cells: Values) -> Affine:
        """The gauge that leaves the frame where the reference frame was; counts the frames that cannot be linked."""
        if self._reference is None:
            return self._gauge
        fit = fit_affine(cells, self._reference)
        if fit.doubt <= _LINK:
            self._unlinked = 0
            return self._reference_gauge.after(fit.affine)
        self._unlinked = (self._unlinked + 1) % _PATIENCE
        return self._gauge

    def _distance(self, one: Affine, other: Affine, cells: Values) -> float:
        return max(abs(one(v) - other(v)) for v in map_extent(cells)) / self._range

    def _settle(self, cells: Values) -> None:
        """Move home to where the gauge has stayed."""
        far = self._rehome and self._distance(self._gauge, self._home, cells) > _AWAY
        self._away = [*self._away, self._gauge] if far else []
        if len(self._away) == _STAY:
            self._home, self._away = mean_affine(self._away), []

    def _vote(self, opening: list[Values]) -> Affine:
        """The first frame's gauge: the mean of what the opening frames' targets say, each carried back to it."""
        votes, chain = [self._views.target(opening[0])], IDENTITY
        for before, cells in pairwise(opening):
            fit = fit_affine(cells, before)
            if fit.doubt > _LINK:
                break
            chain = chain.after(fit.affine)
            votes.append(self._views.target(cells).after(chain.inverse()))
        return mean_affine(votes)


class NoGauge:
    """In place of a tracker: every frame keeps the network's own values."""

    def next(self, cells: Values) -> Affine:
        return IDENTITY
