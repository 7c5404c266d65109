"""Turns frames built into fps, time left and the stage that limits."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stereo3d.pipeline.meter import Meter
from stereo3d.progress import Progress, Tick

__all__ = ["Sometimes", "Ticker"]

_LEAST_SECONDS = 30.0  # a pace is measured over so much at least
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


@dataclass(frozen=True, slots=True)
class _Mark:
    """The first frames of a shot came. ``built``: frames until then; ``ready``: frames that have their depth, at least."""

    seconds: float
    built: int
    ready: int


class Ticker:
    """Counts what is done and tells the progress display, a few times a second.

    A shot's depth is ready all at once, and its frames then come in a rush: where the network limits, their rate says nothing. So the
    pace is measured from shot to shot: how long depth took for a frame, and how long the frames took, whichever is longer; over the
    last half of the run, so that the time left follows a machine that others use too.
    """

    def __init__(
        self,
        progress: Progress,
        meter: Meter,
        *,
        frames: tuple[int, int],
        segments: tuple[int, int],
        ends: Sequence[int] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``frames`` and ``segments``: (done already, in all). ``ends``: of the shots (or pieces of them) among the frames to build,
        counted from the first of these."""
        self._progress = progress
        self._meter = meter
        self._now = now
        self.frames_done, self.frames_total = frames
        self.segments_done, self.segments_total = segments
        self.segments_kept, self.segments_built = self.segments_done, 0
        self._ends = list(ends) or [self.frames_total - self.frames_done]
        self._began = self._last = now()
        self._built = 0
        self._origin = _Mark(self._began, 0, 0)
        self._marks: list[_Mark] = []
        self._told = 0.0

    def add_frames(self, count: int) -> None:
        self.frames_done += count
        self._built += count
        self._last = now = self._now()
        ready = self._ends[min(bisect_right(self._ends, self._built - 1), len(self._ends) - 1)]
        if not self._marks or ready > self._marks[-1].ready:
            self._marks.append(_Mark(now, self._built, ready))
        if now - self._told >= _EVERY_SECONDS:
            self._told = now
            self.tell()

    def grow(self, *, frames: tuple[int, int], segments: tuple[int, int], kept: int, ends: Sequence[int]) -> None:
        """More of the film is known. ``frames``, ``segments``: (done, in all). ``kept``: segments of those done that an earlier run
        built. ``ends``: of shots among the frames that are still to be built."""
        self.frames_done, self.frames_total = frames
        self.segments_done, self.segments_total = segments
        self.segments_kept = kept
        self._ends = [self._built + end for end in ends] or self._ends

    def rewind(self, frames_done: int) -> None:
        """A segment in work was dropped: so many frames are left."""
        self._built -= self.frames_done - frames_done
        self.frames_done = frames_done
        self._origin = _Mark(self._now(), self._built, self._built)
        self._marks.clear()

    def add_segment(self) -> None:
        self.segments_built += 1
        self.segments_done += 1
        self.tell()

    def tell(self) -> None:
        left = self.seconds_left()
        self._progress.emit(
            Tick(
                self.frames_done,
                self.frames_total,
                (self.frames_total - self.frames_done) / left if left else self.fps(),
                left,
                self.segments_done,
                self.segments_total,
                self.limited_by(),
            )
        )

    def seconds_left(self) -> float | None:
        """Until all frames are built, from the last ones on; None until it can be told."""
        left = self.frames_total - self.frames_done
        if not self._marks or not left:
            return None if left else 0.0
        newest, now = len(self._marks) - 1, self._last
        since = now - max(_LEAST_SECONDS, (now - self._began) / 2)
        older = max(0, min(bisect_right(self._marks, since, key=lambda mark: mark.seconds), newest) - 1)
        mark, old = self._marks[newest], self._marks[older]
        new = self._built - old.built
        frames = left * (now - old.seconds) / new if new > 0 else 0.0
        start = old if newest > older else self._origin
        a_frame = (mark.seconds - start.seconds) / max(1, mark.ready - start.ready)
        depth = (self._built + left - mark.ready) * a_frame - (now - mark.seconds)
        return max(frames, depth, 0.0) or None

    def fps(self) -> float:
        """Frames a second over all of this run."""
        seconds = self._last - self._began
        return self._built / seconds if seconds > 0 else 0.0

    def busy(self) -> dict[str, float]:
        """Seconds of work by stage so far."""
        return self._meter.busy()

    def limited_by(self) -> str:
        """The stage that has worked longest so far."""
        busy = self.busy()
        return max(busy, key=lambda name: busy[name]) if busy else ""
