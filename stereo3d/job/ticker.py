"""Turns frames built into fps, time left and the stage that limits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from stereo3d.pipeline.meter import Meter
from stereo3d.progress import Progress, Tick

__all__ = ["Sometimes", "Ticker"]

_WINDOW_SECONDS = 30.0
_EVERY_SECONDS = 0.25


class Sometimes:
    """Passes a count on, but only a few times a second."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._told = 0.0

    def __call__(self, count: int) -> None:
        if time.monotonic() - self._told >= _EVERY_SECONDS:
            self._told = time.monotonic()
            self._tell(count)


class Ticker:
    """Counts what is done and tells the progress display, a few times a second.

    The rate is that of the last half minute, so that the time left follows a machine that others use too.
    """

    def __init__(
        self,
        progress: Progress,
        meter: Meter,
        *,
        frames: tuple[int, int],
        segments: tuple[int, int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``frames`` and ``segments``: (done already, in all)."""
        self._progress = progress
        self._meter = meter
        self._now = now
        self.frames_done, self.frames_total = frames
        self.segments_kept, self.segments_total = segments
        self.segments_built = 0
        self._began = now()
        self._built = 0
        self._history: deque[tuple[float, int]] = deque()
        self._told = 0.0

    def add_frames(self, count: int) -> None:
        self.frames_done += count
        self._built += count
        now = self._now()
        self._history.append((now, self._built))
        while len(self._history) > 2 and now - self._history[0][0] > _WINDOW_SECONDS:
            self._history.popleft()
        if now - self._told >= _EVERY_SECONDS:
            self._told = now
            self.tell()

    def rewind(self, frames_done: int) -> None:
        """A segment in work was dropped: so many frames are left."""
        self._built -= self.frames_done - frames_done
        self.frames_done = frames_done
        self._history.clear()

    def add_segment(self) -> None:
        self.segments_built += 1
        self.tell()

    def tell(self) -> None:
        fps = self.recent_fps()
        left = (self.frames_total - self.frames_done) / fps if fps else None
        self._progress.emit(
            Tick(
                self.frames_done,
                self.frames_total,
                fps,
                left,
                self.segments_kept + self.segments_built,
                self.segments_total,
                self.limited_by(),
            )
        )

    def recent_fps(self) -> float:
        """Frames a second lately; 0 until it can be told. The wait for the first frames (a whole shot's depth) says nothing."""
        if len(self._history) < 2:
            return 0.0
        (began, before), (now, after) = self._history[0], self._history[-1]
        return (after - before) / (now - began) if now > began else 0.0

    def fps(self) -> float:
        """Frames a second over all of this run."""
        seconds = self._history[-1][0] - self._began if self._history else 0.0
        return self._built / seconds if seconds > 0 else 0.0

    def busy(self) -> dict[str, float]:
        """Seconds of work by stage so far."""
        return self._meter.busy()

    def limited_by(self) -> str:
        """The stage that has worked longest so far."""
        busy = self.busy()
        return max(busy, key=lambda name: busy[name]) if busy else ""
