"""Segments that are handed out while they are built."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from stereo3d.plan.segments import Segment

__all__ = ["Feed"]


class Feed:
    """A run of segments of which each stage reads all, in order, in a thread of its own. Who is first asks for the next one:
    ``ask`` gives it, and waits where there is none yet; None ends the run."""

    def __init__(self, ask: Callable[[], Segment | None]) -> None:
        self._ask = ask
        self._known: list[Segment] = []
        self._ended = False
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Segment]:
        number = 0
        while (segment := self._at(number)) is not None:
            yield segment
            number += 1

    def _at(self, number: int) -> Segment | None:
        with self._lock:
            if number == len(self._known) and not self._ended:
                segment = self._ask()
                if segment is None:
                    self._ended = True
                else:
                    self._known.append(segment)
            return self._known[number] if number < len(self._known) else None
