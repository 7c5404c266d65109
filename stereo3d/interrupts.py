"""Ends of a process: Ctrl-C with manners (the first lets the segment in work finish, the second stops at once), and death.

Stopping at once is safe at any instant, because nothing has its final name before it is whole on the disk.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from stereo3d.progress import Note, Progress

__all__ = ["STOPPING", "Death", "stop_on_signals"]

STOPPING = "stopping as soon as the segment in work is finished; once more stops at once"


@dataclass(frozen=True, slots=True)
class Death:
    """How a process at work ended without a word: in which phase (see :class:`stereo3d.progress.Phase`), and why."""

    phase: str
    reason: str


@contextmanager
def stop_on_signals(progress: Progress) -> Iterator[threading.Event]:
    """The event that SIGINT and SIGTERM set. Outside the main thread signals are left alone."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            progress.close()
            os._exit(130)
        stop.set()
        progress.emit(Note(STOPPING, "warning"))

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
