"""A full disk is no reason to fail: the job waits until somebody makes room, or stops where it was told not to wait."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stereo3d.errors import DiskFullError, Interrupted
from stereo3d.progress import Note, Phase, Progress
from stereo3d.table import size_text

__all__ = ["Patience", "is_full"]

T = TypeVar("T")
# What the ffmpeg command says of it.
_WORDS = os.strerror(errno.ENOSPC)
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
# With less than this nothing can be written, whatever the words of what failed.
_NOTHING = 256 * 1024
_LOOK_AGAIN = 1.0


def is_full(error: BaseException, place: Path) -> bool:
    """Whether ``error`` comes from a full disk (or quota) at ``place``."""
    if isinstance(error, DiskFullError):
        return True
    causes = list(_causes(error))
    said = any(getattr(cause, "errno", None) in _FULL or _WORDS in str(cause) for cause in causes)
    return said or _free(place) < _NOTHING


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _free(place: Path) -> int:
    try:
        return shutil.disk_usage(place).free
    except OSError:  # it is gone: no room will help
        return sys.maxsize


@dataclass(frozen=True, slots=True)
class Patience:
    """``place``: the work folder. ``wait``: wait for room; else :class:`DiskFullError` is raised."""

    place: Path
    wait: bool
    progress: Progress
    stop: threading.Event

    def short(self, needed: int) -> bool:
        """Whether there is less room than that."""
        return _free(self.place) < needed

    def expect(self, needed: int) -> None:
        """Say early that there is too little room. Raises DiskFullError where nobody is to wait for it."""
        if self.short(needed):
            text = f"about {size_text(needed)} will be needed at {self.place}, {size_text(_free(self.place))} are free"
            if not self.wait:
                raise DiskFullError(
                    text, hint="make room, or leave --no-wait away: then it begins, and waits when it must"
                )
            self.progress.emit(Note(text, "warning"))

    def wait_for(self, needed: int) -> None:
        """Return when so many bytes are free. Raises DiskFullError or Interrupted."""
        if not self.short(needed):
            return
        text = (
            f"the disk is full: {size_text(_free(self.place))} free at {self.place}, about {size_text(needed)} needed"
        )
        if not self.wait:
            raise DiskFullError(text, hint="make room there; the same command continues")
        self.progress.emit(Phase("wait", f"{text}; waiting until there is room (Ctrl-C stops, nothing is lost)"))
        while self.short(needed):
            if self.stop.wait(_LOOK_AGAIN):
                raise Interrupted("stopped while waiting for room on the disk", hint="the same command continues")
        self.progress.emit(Note("there is room again: going on"))

    def through(self, step: Callable[[], T], needed: int) -> T:
        """The result of ``step``, repeated from its beginning after each time the disk was full. ``needed``: bytes it writes,
        about; more is waited for each time that it was not enough."""
        while True:
            try:
                return step()
            except Exception as error:
                if not is_full(error, self.place):
                    raise
                self.wait_for(needed)
                needed *= 2
