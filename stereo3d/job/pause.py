"""A wish to pause, told by another process: a file in the work folder, for signals are not for everybody on every platform."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from stereo3d.errors import UsageError
from stereo3d.interrupts import STOPPING
from stereo3d.job.store import work_folder_of
from stereo3d.progress import Note, Progress

__all__ = ["ask_to_pause", "heeding_pause", "is_pausing", "is_worked_on"]

_LOOK_AGAIN = 0.5


def _wish(output: Path) -> Path:
    return work_folder_of(output) / "pause"


def is_worked_on(output: Path) -> bool:
    """Whether a process works on this output now."""
    lock = work_folder_of(output) / "lock"
    if not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):  # for an instant: a job that begins waits for seconds
            return False
    except Timeout:
        return True
    except OSError:  # the folder went away
        return False


def is_pausing(output: Path) -> bool:
    """Whether a pause was asked for and has not come yet."""
    return _wish(output).is_file()


def ask_to_pause(output: Path) -> None:
    """Have the job stop after the segment in work, resumable. Raises UsageError where nobody works on it."""
    if not is_worked_on(output):
        raise UsageError(f"nobody works on {output}", hint="there is nothing to pause")
    _wish(output).touch()


@contextmanager
def heeding_pause(output: Path, stop: threading.Event, progress: Progress) -> Iterator[None]:
    """While a job is at work, set ``stop`` when somebody asks for a pause. A wish from before is forgotten."""
    wish, over = _wish(output), threading.Event()
    wish.unlink(missing_ok=True)

    def look() -> None:
        while not over.wait(_LOOK_AGAIN):
            if wish.is_file():
                stop.set()
                progress.emit(Note(STOPPING, "warning"))
                return

    watcher = threading.Thread(target=look, name="pause", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        with suppress(OSError):
            wish.unlink(missing_ok=True)
