"""The survey in a process of its own, so that segments are built while it goes on.

A process, not a thread: with Python's lock the pass over every frame would hold up those who start kernels on a device. And no
copy of this process, for that would run the main module of whoever uses the package again: ``python -m`` this module, which is
told by its standard input what to do, and answers by its standard output, both pickled.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import stereo3d
from stereo3d.errors import Stereo3DError
from stereo3d.frames import RATE_FRAMES
from stereo3d.job.survey import Survey, Surveyor
from stereo3d.job.ticker import Sometimes
from stereo3d.media.info import MediaInfo
from stereo3d.settings import TimeSettings

__all__ = ["SurveyLost", "Surveying"]

_STEP_FRAMES = 1000  # about four segments: fewer are not worth starting all stages for
_LOOK_SECONDS = 0.25
if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NO_WINDOW
else:
    _FLAGS = 0


class SurveyLost(Exception):
    """The process ended without a word."""


class Surveying:
    """Begins with the object; leaving the ``with`` ends it, whatever it is at."""

    def __init__(self, info: MediaInfo, settings: TimeSettings) -> None:
        home = str(Path(stereo3d.__file__).parent.parent)
        paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "stereo3d.job.surveying"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=_FLAGS,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._found: queue.Queue[Survey | Exception] = queue.Queue()
        self._scanned = 0
        self._listener = threading.Thread(target=self._listen, name="surveying", daemon=True)
        self._listener.start()
        self._tell((info, settings, RATE_FRAMES))

    def __enter__(self) -> Surveying:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._to, self._from):
            with suppress(OSError):  # what it was still to be told
                pipe.close()

    def surveys(self, waiting: Callable[[], Callable[[int], None]]) -> Iterator[Survey]:
        """What is known of the source: each time it is asked for, more; the last one is whole. ``waiting``: called when there is nothing
        new yet; what it gives is told the number of frames scanned a few times a second, and may raise.

        Raises what the survey raises, and SurveyLost.
        """
        while True:
            found = self._next(waiting)
            yield found
            if found.whole:
                return
            self._tell(len(found.timeline) + _STEP_FRAMES)

    def _tell(self, what: object) -> None:
        with suppress(OSError):  # it has ended: the listener knows how
            pickle.dump(what, self._to)
            self._to.flush()

    def _next(self, waiting: Callable[[], Callable[[int], None]]) -> Survey:
        on_frame: Callable[[int], None] | None = None
        while True:
            try:
                found = self._found.get(timeout=_LOOK_SECONDS if on_frame is not None else 0.01)
            except queue.Empty:
                on_frame = on_frame or waiting()
                on_frame(self._scanned)
                continue
            if isinstance(found, Exception):
                raise found
            return found

    def _listen(self) -> None:
        try:
            while True:
                heard = pickle.load(self._from)
                if isinstance(heard, int):
                    self._scanned = heard
                else:
                    self._found.put(heard)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self._found.put(SurveyLost())


class _Asker:
    """Hears what is asked for: a survey of so many frames, at least, as soon as there is one."""

    def __init__(self, source: BinaryIO, least: int) -> None:
        self.least: int | None = least
        self._source = source
        threading.Thread(target=self._listen, name="asker", daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                self.least = pickle.load(self._source)
        except (EOFError, OSError, pickle.UnpicklingError):
            os._exit(1)  # nobody is there any more


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    """The life of the process: one survey."""
    info, settings, least = pickle.load(source)
    surveyor, asker = Surveyor(info, settings), _Asker(source, least)

    def tell(what: object) -> None:
        try:
            pickle.dump(what, sink)
            sink.flush()
        except OSError:
            os._exit(1)

    count = Sometimes(tell)

    def on_frame(scanned: int) -> None:
        count(scanned)
        if asker.least is not None and surveyor.settled_frames >= asker.least:
            asker.least = None
            if (settled := surveyor.settled()) is not None:
                tell(settled)

    try:
        tell(surveyor.survey(on_frame))
    except Stereo3DError as error:
        tell(error)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the other process's to deal with
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    _serve(sys.stdin.buffer, answers)
