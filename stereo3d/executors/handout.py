"""Who builds which segment: longest first, to whoever is free; what a worker loses goes to the others. Pure but for a lock."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from stereo3d.plan.segments import Segment

__all__ = ["Handout"]

_AT_ONCE = 2
"""Segments in one worker's hands: while one is rendered, the network looks at the next."""
_ERRORS = 2
"""Workers that a segment fails with before it is the segment's own fault."""
_DEATHS = 4
"""Workers that may die with a segment in work before it is the segment's own fault."""
_LATE = 3.0
"""Times the usual time that a segment may take before a worker that has nothing to do builds it, too."""


@dataclass
class _State:
    """Of a segment that is not built. ``holders``: since when each worker has it. ``failed``: with whom."""

    segment: Segment
    holders: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    deaths: int = 0


class Handout:
    """``in_order``: first come first, for a source that can only be read forwards. ``now``: seconds. Thread-safe."""

    def __init__(
        self, segments: Iterable[Segment], *, in_order: bool = False, now: Callable[[], float] = time.monotonic
    ) -> None:
        ordered = list(segments) if in_order else sorted(segments, key=len, reverse=True)
        self._open = {segment.number: _State(segment) for segment in ordered}
        self._rates: list[float] = []  # seconds a frame
        self._now = now
        self._lock = threading.Lock()

    @property
    def done(self) -> bool:
        """Whether every segment is built or given up."""
        with self._lock:
            return not self._open

    def next_for(self, worker: str) -> Segment | None:
        """The worker's next segment; None where there is none now. A later call may give one: what others lose, or what another one
        has been at for far too long."""
        with self._lock:
            held = [state for state in self._open.values() if worker in state.holders]
            if len(held) >= _AT_ONCE:
                return None
            free = [s for s in self._open.values() if not s.holders]
            # One that failed with this worker waits for another one.
            chosen = next((s for s in free if worker not in s.failed), None)
            if chosen is None and not held:
                chosen = next((s for s in self._open.values() if self._late(s) and worker not in s.holders), None)
            if chosen is None:
                return None
            chosen.holders[worker] = self._now()
            return chosen.segment

    def _late(self, state: _State) -> bool:
        if not self._rates or not state.holders or len(state.holders) > 1:
            return False
        usual = statistics.median(self._rates) * len(state.segment)
        return self._now() - min(state.holders.values()) > _LATE * _AT_ONCE * usual

    def made(self, worker: str, segment: Segment) -> bool:
        """Whether this worker is the first to have built the segment."""
        with self._lock:
            state = self._open.pop(segment.number, None)
            if state is None:
                return False
            if worker in state.holders:
                self._rates.append((self._now() - state.holders[worker]) / len(segment))
            return True

    def lost(self, worker: str, in_work: Segment | None, *, died: bool) -> Segment | None:
        """A worker lost all that it had in its hands, because of ``in_work`` if anything. ``died``: without a word. Gives the segment if
        it is given up: it failed with others, too."""
        with self._lock:
            for state in self._open.values():
                state.holders.pop(worker, None)
            state_in_work = self._open.get(in_work.number) if in_work is not None else None
            if state_in_work is None:
                return None
            if died:
                state_in_work.deaths += 1
            else:
                state_in_work.failed.add(worker)
            if len(state_in_work.failed) < _ERRORS and state_in_work.deaths < _DEATHS:
                return None
            del self._open[state_in_work.segment.number]
            return state_in_work.segment

    def hopeless(self, workers: set[str]) -> list[Segment]:
        """Segments that failed with everyone of those who are left: they are given up."""
        with self._lock:
            given_up = [s.segment for s in self._open.values() if not s.holders and workers and workers <= s.failed]
            for segment in given_up:
                del self._open[segment.number]
            return given_up
