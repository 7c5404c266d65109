"""Segments that are handed out while they are built."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from stereo3d.plan.segments import Segment

__all__ = ["Feed"]


class Feed:
    """A run of segments of which each stage reads all, in order, in a thread of its own. Who is first says that it ``wants`` one,
    and waits until it is :meth:`put`."""

    def __init__(self, wants: Callable[[], None]) -> None:
        self._wants = wants
        self._known: list[Segment] = []
        self._coming: queue.Queue[Segment | None] = queue.Queue()
        self._ended = False
        self._lock = threading.Lock()

    def put(self, segment: Segment | None) -> None:
        """The next one, None: there is none."""
        self._coming.put(segment)

    def close(self) -> None:
        """End the run: who waits goes on without."""
        self._ended = True
        self._coming.put(None)

    def __iter__(self) -> Iterator[Segment]:
        number = 0
        while (segment := self._at(number)) is not None:
            yield segment
            number += 1

    def _at(self, number: int) -> Segment | None:
        if number < len(self._known):  # who is behind does not wait for what is asked for just now
            return self._known[number]
        with self._lock:
            if number == len(self._known) and not self._ended:
                self._wants()
                segment = self._coming.get()
                if segment is None:
                    self._ended = True
                else:
                    self._known.append(segment)
            return self._known[number] if number < len(self._known) else None
