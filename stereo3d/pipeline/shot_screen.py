"""Where one shot's screen lies: as it was given, or found from the shot's own depth; and what is near at the frame's sides."""

from __future__ import annotations

from collections.abc import Callable

import torch

from stereo3d.render.comfort_screen import Follow, ScreenPath, subject_depth
from stereo3d.render.comfort_window import side_depths
from stereo3d.transfer import to_host

__all__ = ["GivenScreen", "ShotScreen"]

GivenScreen = float | Callable[[int], float | None] | None
"""The depth on the screen: one for the whole shot, one for each output frame, or None where it is to be found."""

_MIDDLE = 0.5


class ShotScreen:
    """``given``: see :data:`GivenScreen`. ``follow``: how a screen that is found follows its subject. ``look_at_sides``: whether
    :attr:`sides` is wanted."""

    def __init__(self, given: GivenScreen, follow: Follow, *, look_at_sides: bool = False) -> None:
        self._given = given
        self._follow = follow
        self._look_at_sides = look_at_sides
        self._path: ScreenPath | None = None
        self._goes_on = False
        self.sides: tuple[float, float] | None = None
        """The nearest depth at the left and the right side, over the shot; None until found."""

    @property
    def known(self) -> bool:
        placed = self._given is not None or self._path is not None
        return placed and (self.sides is not None or not self._look_at_sides)

    def find(self, maps: torch.Tensor, first: int, last: int, *, goes_on: bool) -> None:
        """Find what is wanted in the depth [n, 1, h, w] of frames spread evenly from ``first`` to ``last``. ``goes_on``: the shot
        may be longer, and all its frames will be handed to :meth:`at`. Without a map the screen is in the middle."""
        if self._look_at_sides:
            left, right = to_host(side_depths(maps).amax(0))[0].tolist() if len(maps) else (0.0, 0.0)
            self.sides = left, right
        if self._given is not None:
            return
        measures = subject_depth(maps) if len(maps) else [_MIDDLE]
        step = (last - first) / max(1, len(measures) - 1)
        self._path = ScreenPath(measures, first, step, self._follow)
        self._goes_on = goes_on and step > 0

    def at(self, frame: int, maps: torch.Tensor) -> tuple[float, ...]:
        """The depth on the screen for consecutive frames, the first one's number being ``frame``. ``maps``: their depth."""
        return tuple(self._of(frame + i, depth) for i, depth in enumerate(maps))

    def _of(self, frame: int, depth: torch.Tensor) -> float:
        if self._path is not None:
            if self._goes_on:
                self._path.see(frame, depth)
            return self._path.at(frame)
        found = self._given(frame) if callable(self._given) else self._given
        return _MIDDLE if found is None else found
