"""Where the time of a conversion goes, phase by phase: heard from its progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stereo3d.progress import Event, Phase, Progress, Tick

__all__ = ["Stopwatch", "Timing"]

_OPENING = 0.25  # share of the frames


@dataclass(frozen=True, slots=True)
class Timing:
    """``phases``: seconds by the names of :class:`stereo3d.progress.Phase`; ``start`` is before the first. ``frames``: built in this
    run. ``opening``: (seconds of ``convert``, frames) until about a quarter of them were there, for the first ones take longest:
    their whole shot is looked at before them."""

    phases: Mapping[str, float] = field(default_factory=dict)
    frames: int = 0
    opening: tuple[float, int] = (0.0, 0)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Timing:
        """Raises TypeError or ValueError when the value is not of this kind."""
        seconds, frames = value.get("opening", (0.0, 0))
        return cls(**{**value, "opening": (seconds, frames)})


class Stopwatch:
    """A progress that passes everything on and notes when phases begin."""

    def __init__(self, shown: Progress, now: Callable[[], float] = time.monotonic) -> None:
        self._shown, self._now = shown, now
        self._phase, self._since = "start", now()
        self._phases: dict[str, float] = {}
        self._before = self._due = self._last = 0
        self._opening: tuple[float, int] | None = None

    def emit(self, event: Event) -> None:
        if isinstance(event, Phase):
            self._turn(event.name)
            if event.name == "convert" and not self._due:
                self._before, self._due = event.done, event.done + round(_OPENING * (event.total - event.done))
        elif isinstance(event, Tick):
            self._last = event.frames_done
            if self._opening is None and event.frames_done >= max(1, self._due):
                self._opening = self._so_far("convert"), event.frames_done - self._before
        self._shown.emit(event)

    def close(self) -> None:
        self._shown.close()

    def timing(self) -> Timing:
        """All until now."""
        self._turn(self._phase)
        frames = self._last - self._before
        return Timing(dict(self._phases), frames, self._opening or (0.0, 0))

    def _so_far(self, phase: str) -> float:
        running = self._now() - self._since if phase == self._phase else 0.0
        return self._phases.get(phase, 0.0) + running

    def _turn(self, phase: str) -> None:
        self._phases[self._phase] = self._so_far(self._phase)
        self._phase, self._since = phase, self._now()
