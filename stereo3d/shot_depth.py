"""Frames of one shot in, steady depth with the shot's screen plane out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from stereo3d.depth.base import DepthModel
from stereo3d.depth.hold import ShotHold
from stereo3d.depth.motion import thumbnails
from stereo3d.depth.temporal import ShotStabiliser
from stereo3d.depth.temporal_anchor import anchor_from
from stereo3d.depth.temporal_motion import MotionAverage
from stereo3d.frames import FrameBatch
from stereo3d.render.disparity import auto_zero_parallax

__all__ = ["LOOK_AHEAD", "Depths", "Probes", "ShotDepth"]

# Depth maps held back at most while a shot is seen; a longer shot is judged by its first frames.
LOOK_AHEAD = 300
# Frames of a shot that decide where its screen lies.
_SUBJECT_FRAMES = 12
_TOP = 65535


@dataclass(frozen=True, slots=True)
class Depths:
    """Steady depth of consecutive frames of one shot, and the shot's depth on the screen.

    ``codes``: [k, 1, h, w] uint16, 65535 = 1 = near: a whole shot of them may wait for the renderer.
    """

    codes: torch.Tensor
    zero_parallax: float

    @classmethod
    def of(cls, maps: torch.Tensor, zero_parallax: float) -> Depths:
        """From depth in [0, 1], [k, 1, h, w] float."""
        return cls((maps * _TOP).round_().clamp_(0, _TOP).to(torch.int32).to(torch.uint16), zero_parallax)

    def __len__(self) -> int:
        return len(self.codes)

    def cut(self, start: int, end: int | None = None) -> Depths:
        """Frames [start, end), as views."""
        return Depths(self.codes[start:end], self.zero_parallax)

    def maps(self, device: torch.device) -> torch.Tensor:
        """[k, 1, h, w] float32 in [0, 1]."""
        return self.codes.to(device).float().div_(_TOP)


@dataclass(frozen=True, slots=True)
class Probes:
    """Raw depth of frames spread over a whole shot, [K, 1, h, w]: what the pieces of a divided shot agree by."""

    raw: torch.Tensor


class ShotDepth:
    """Depth of one shot, or of a piece of it (then with the whole shot's ``probes``).

    The first ``lead_in`` frames warm up the state; their depth is dropped, and so is that of what follows the next ``keep``
    frames (None: all are kept). ``zero_parallax`` None: found from the shot. ``steady``: see
    :class:`stereo3d.settings.DepthSettings`; calibrated depth stays as it is. The output is a function of the sequence of
    frames, however it is cut into calls.
    """

    def __init__(
        self,
        model: DepthModel,
        *,
        zero_parallax: float | None,
        steady: Literal["off", "range", "motion"] = "motion",
        lead_in: int = 0,
        keep: int | None = None,
        probes: Probes | None = None,
    ) -> None:
        self._zero_parallax = zero_parallax
        self._to_drop = self._lead_in = lead_in
        self._to_keep = keep
        self._estimator = model.begin_shot()
        self._motion = MotionAverage() if steady == "motion" and not model.info.calibrated else None
        if model.info.calibrated:
            if probes is not None and zero_parallax is None:
                self._zero_parallax = auto_zero_parallax(probes.raw)
            self._steady: ShotHold | ShotStabiliser = ShotHold(LOOK_AHEAD if self._zero_parallax is None else 0)
            return
        anchor = anchor_from(probes.raw) if probes is not None else None
        if probes is not None and anchor is not None and zero_parallax is None:
            self._zero_parallax = auto_zero_parallax(anchor.depth(probes.raw))
        self._steady = ShotStabiliser(LOOK_AHEAD, anchor, align=steady != "off")

    def missing(self) -> list[int]:
        """The frames after the lead-in, by number from 0, for which the model gave no depth so far; they have their
        neighbour's."""
        seen = self._steady.missing if isinstance(self._steady, ShotStabiliser) else []
        return [number - self._lead_in for number in seen if number >= self._lead_in]

    def push(self, frames: FrameBatch) -> Iterator[Depths]:
        """The next frames; gives the depth that is ready, if any."""
        if self._motion is not None:
            self._motion.see(thumbnails(frames))
        yield from self._take(self._estimator.push(frames))

    def finish(self) -> Iterator[Depths]:
        """The depth of all frames still owed."""
        yield from self._take(self._estimator.finish())
        if self._zero_parallax is None:
            self._zero_parallax = self._screen()
        for maps in self._steady.finish():
            yield from self._kept(self._averaged(maps), self._zero_parallax)
        if self._motion is not None:
            for maps in self._motion.finish():
                yield from self._kept(maps, self._zero_parallax)

    def _take(self, raw: torch.Tensor) -> Iterator[Depths]:
        if not len(raw):
            return
        ready = self._steady.push(raw)
        if not len(ready):
            return
        if self._zero_parallax is None:
            self._zero_parallax = self._screen()
        yield from self._kept(self._averaged(ready), self._zero_parallax)

    def _averaged(self, maps: torch.Tensor) -> torch.Tensor:
        return maps if self._motion is None else self._motion.push(maps)

    def _screen(self) -> float:
        """The depth that lies on the screen for this shot; the middle where nothing can be told from it (all black)."""
        maps = self._steady.sample(_SUBJECT_FRAMES)
        return auto_zero_parallax(maps) if len(maps) else 0.5

    def _kept(self, maps: torch.Tensor, zero_parallax: float) -> Iterator[Depths]:
        kept = maps[self._to_drop :][: self._to_keep]
        self._to_drop = max(0, self._to_drop - len(maps))
        if self._to_keep is not None:
            self._to_keep -= len(kept)
        if len(kept):
            yield Depths.of(kept, zero_parallax)
