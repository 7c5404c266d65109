"""Where the time of a conversion goes, phase by phase: heard from its progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stereo3d.progress import Event, Phase, Progress, Tick

__all__ = ["Stopwatch", "Timing"]

_OPENING = 0.25  # share of the frames
_FORESEEN_SECONDS, _FORESEEN_SHARE = 120.0, 0.5  # of converting, of the frames: whichever is first


@dataclass(frozen=True, slots=True)
class Timing:
    """``phases``: seconds by the names of :class:`stereo3d.progress.Phase`; ``start`` is before the first. ``frames``: built in this
    run. ``opening``: (seconds of ``convert``, frames) until about a quarter of them were there, for the first ones take longest:
    their whole shot is looked at before them. ``foreseen``: (when, what): seconds into the run at which the whole run's seconds were
    foreseen, after two minutes of converting or half of it; zeros where nothing could be told until then."""

    phases: Mapping[str, float] = field(default_factory=dict)
    frames: int = 0
    opening: tuple[float, int] = (0.0, 0)
    foreseen: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Timing:
        """Raises TypeError or ValueError when the value is not of this kind."""
        opening, foreseen = value.get("opening", (0.0, 0)), value.get("foreseen", (0.0, 0.0))
        return cls(**{**value, "opening": tuple(opening), "foreseen": tuple(foreseen)})


class Stopwatch:
    """A progress that passes everything on and notes when phases begin."""

    def __init__(self, shown: Progress, now: Callable[[], float] = time.monotonic) -> None:
        self._shown, self._now = shown, now
        self._phase, self._since = "start", now()
        self._phases: dict[str, float] = {}
        self._before = self._due = self._last = 0
        self._opening: tuple[float, int] | None = None
        self._began = self._since
        self._foreseen = (0.0, 0.0)

    def emit(self, event: Event) -> None:
        if isinstance(event, Phase):
            self._turn(event.name)
            if event.name == "convert" and not self._due:
                self._before, self._due = event.done, event.done + round(_OPENING * (event.total - event.done))
        elif isinstance(event, Tick):
            self._last = event.frames_done
            if self._opening is None and event.frames_done >= max(1, self._due):
                self._opening = self._so_far("convert"), event.frames_done - self._before
            if not self._foreseen[0] and event.seconds_left and event.frames_done < event.frames_total:
                self._foresee(event, event.seconds_left)
        self._shown.emit(event)

    def _foresee(self, tick: Tick, left: float) -> None:
        share = (tick.frames_done - self._before) / (tick.frames_total - self._before)
        if share >= _FORESEEN_SHARE or self._so_far("convert") >= _FORESEEN_SECONDS:
            run = self._now() - self._began
            self._foreseen = run, run + left

    def close(self) -> None:
        self._shown.close()

    def timing(self) -> Timing:
        """All until now."""
        self._turn(self._phase)
        frames = self._last - self._before
        return Timing(dict(self._phases), frames, self._opening or (0.0, 0), self._foreseen)

    def _so_far(self, phase: str) -> float:
        running = self._now() - self._since if phase == self._phase else 0.0
        return self._phases.get(phase, 0.0) + running

    def _turn(self, phase: str) -> None:
        self._phases[self._phase] = self._so_far(self._phase)
        self._phase, self._since = phase, self._now()
