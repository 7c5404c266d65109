"""Frames of one shot in, steady depth with its screen plane out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from stereo3d.depth.base import DepthModel
from stereo3d.depth.hold import ShotHold, from_codes, to_codes
from stereo3d.depth.motion import thumbnails
from stereo3d.depth.temporal import ShotStabiliser
from stereo3d.depth.temporal_anchor import anchor_from
from stereo3d.depth.temporal_motion import MotionAverage
from stereo3d.frames import FrameBatch
from stereo3d.pipeline.shot_screen import GivenScreen, ShotScreen
from stereo3d.render.comfort_screen import Follow

__all__ = ["LOOK_AHEAD", "Depths", "Probes", "ShotDepth"]

# Depth maps held back at most while a shot is seen; a longer shot is judged by its first frames.
LOOK_AHEAD = 300
# Frames of a shot, at most, that decide where its screen lies.
_SUBJECT_FRAMES = 16


@dataclass(frozen=True, slots=True)
class Depths:
    """Steady depth of consecutive frames of one shot, and the depth on the screen for each.

    ``codes``: [k, 1, h, w] uint16, 65535 = 1 = near: a whole shot of them may wait for the renderer. ``sides``: the shot's
    nearest depth at the frame's left and right side, where that was asked for.
    """

    codes: torch.Tensor
    zero_parallax: tuple[float, ...]
    sides: tuple[float, float] | None = None

    @classmethod
    def of(
        cls, maps: torch.Tensor, zero_parallax: tuple[float, ...], sides: tuple[float, float] | None = None
    ) -> Depths:
        """From depth in [0, 1], [k, 1, h, w] float."""
        return cls(to_codes(maps), zero_parallax, sides)

    def __len__(self) -> int:
        return len(self.codes)

    def cut(self, start: int, end: int | None = None) -> Depths:
        """Frames [start, end), as views."""
        return Depths(self.codes[start:end], self.zero_parallax[start:end], self.sides)

    def maps(self, device: torch.device) -> torch.Tensor:
        """[k, 1, h, w] float32 in [0, 1]."""
        return from_codes(self.codes.to(device))


@dataclass(frozen=True, slots=True)
class Probes:
    """Raw depth of frames spread evenly over a whole shot, [K, 1, h, w]: what the pieces of a divided shot agree by.

    ``first``, ``last``: the output frame numbers of the first and the last of them.
    """

    raw: torch.Tensor
    first: int = 0
    last: int = 0


class ShotDepth:
    """Depth of one shot, or of a piece of it (then with the whole shot's ``probes``).

    The first ``lead_in`` frames warm up the state; their depth is dropped, and so is that of what follows the next ``keep``
    frames (None: all are kept). ``zero_parallax`` None: found from the shot, and ``follow`` says how. ``look_at_sides``:
    :attr:`Depths.sides` is wanted. ``steady``: see :class:`stereo3d.settings.DepthSettings`; calibrated depth stays as it is.
    The output is a function of the sequence of frames, however it is cut into calls.
    """

    def __init__(
        self,
        model: DepthModel,
        *,
        zero_parallax: GivenScreen,
        follow: Follow | None = None,
        look_at_sides: bool = False,
        steady: Literal["off", "range", "motion"] = "motion",
        lead_in: int = 0,
        keep: int | None = None,
        probes: Probes | None = None,
    ) -> None:
        self._screen = ShotScreen(zero_parallax, follow or Follow(), look_at_sides=look_at_sides)
        self._to_drop = self._lead_in = lead_in
        self._to_keep = keep
        self._first: int | None = None
        self._pushed = self._released = 0
        self._estimator = model.begin_shot()
        self._motion = MotionAverage() if steady == "motion" and not model.info.calibrated else None
        anchor = None
        if probes is not None:
            anchor = None if model.info.calibrated else anchor_from(probes.raw)
            if not self._screen.known and (anchor is not None or model.info.calibrated):
                maps = probes.raw if anchor is None else anchor.depth(probes.raw)
                self._screen.find(maps, probes.first, probes.last, goes_on=False)
        if model.info.calibrated:
            self._steady: ShotHold | ShotStabiliser = ShotHold(0 if self._screen.known else LOOK_AHEAD)
        else:
            self._steady = ShotStabiliser(LOOK_AHEAD, anchor, align=steady != "off")

    def missing(self) -> list[int]:
        """The frames after the lead-in, by number from 0, for which the model gave no depth so far; they have their
        neighbour's."""
        seen = self._steady.missing if isinstance(self._steady, ShotStabiliser) else []
        return [number - self._lead_in for number in seen if number >= self._lead_in]

    def push(self, frames: FrameBatch) -> Iterator[Depths]:
        """The next frames; gives the depth that is ready, if any."""
        yield from self.steadied(frames, self.estimate(frames))

    def finish(self) -> Iterator[Depths]:
        """The depth of all frames still owed."""
        yield from self.steadied(None, self.estimate(None))

    def estimate(self, frames: FrameBatch | None) -> torch.Tensor:
        """The model's half of :meth:`push` (None: of :meth:`finish`): the raw maps that are ready. It may run ahead in a thread of its
        own; the other half takes the same frames and what this gave, in order."""
        return self._estimator.finish() if frames is None else self._estimator.push(frames)

    def steadied(self, frames: FrameBatch | None, raw: torch.Tensor) -> Iterator[Depths]:
        """The other half; see :meth:`estimate`."""
        if frames is not None:
            self._see(frames)
        yield from self._take(raw)
        if frames is None:
            yield from self._rest()

    def _see(self, frames: FrameBatch) -> None:
        if self._first is None:
            self._first = frames.index
        if self._motion is not None:
            self._motion.see(thumbnails(frames))

    def _rest(self) -> Iterator[Depths]:
        self._find_screen()
        for maps in self._steady.finish():
            yield from self._kept(self._averaged(maps))
        if self._motion is not None:
            for maps in self._motion.finish():
                yield from self._kept(maps)

    def _take(self, raw: torch.Tensor) -> Iterator[Depths]:
        if not len(raw):
            return
        self._pushed += len(raw)
        ready = self._steady.push(raw)
        if not len(ready):
            return
        self._find_screen()
        yield from self._kept(self._averaged(ready))

    def _averaged(self, maps: torch.Tensor) -> torch.Tensor:
        return maps if self._motion is None else self._motion.push(maps)

    def _find_screen(self) -> None:
        if self._screen.known:
            return
        seen = min(self._pushed, LOOK_AHEAD)
        first = self._first or 0
        self._screen.find(self._steady.sample(_SUBJECT_FRAMES), first, first + max(1, seen) - 1, goes_on=True)

    def _kept(self, maps: torch.Tensor) -> Iterator[Depths]:
        number = (self._first or 0) + self._released
        self._released += len(maps)
        start = min(self._to_drop, len(maps))
        end = len(maps) if self._to_keep is None else min(start + self._to_keep, len(maps))
        self._to_drop -= start
        if self._to_keep is not None:
            self._to_keep -= end - start
        screens = self._screen.at(number, maps)
        if start < end:
            yield Depths.of(maps[start:end], screens[start:end], self._screen.sides)
