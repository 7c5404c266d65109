"""A conversion in a process of its own, watched: when it hangs or dies, another one goes on from what is finished.

A thread that hangs in a decoder or a driver cannot be ended, and after a crash of one of them (or the system's killer of
processes that are too large) nothing of a process can be trusted. Since a job goes on from its work folder after any kill, the
remedy for all of these is one: end the process, start another. The watching process itself is small: it imports neither
torch nor FFmpeg. When it goes, however it goes, the worker goes too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stereo3d.errors import Interrupted, JobError, RepeatedError, Stereo3DError
from stereo3d.interrupts import STOPPING, Death
from stereo3d.progress import Event, Note, Phase, Progress, Tick, open_progress
from stereo3d.settings import Settings

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from stereo3d.job.report import Report

__all__ = ["HangLimit", "convert_watched"]

_STEP = 0.25
_MOST_DEATHS = {"convert": 12}
_MOST_DEATHS_ELSEWHERE = 3


@dataclass(frozen=True, slots=True)
class _Task:
    source: Path
    output: Path | None
    settings: Settings


@dataclass(frozen=True, slots=True)
class _Beat:
    """A sign of life: something moved in this phase; so many segments are done."""

    phase: str
    segments: int


class HangLimit:
    """How long nothing may move before it counts as a hang: forty times the longest pause so far, at least two minutes.

    Pauses are measured, for a large model on a processor may take a minute a picture. Until enough is measured, and where one
    step is as long as the film (joining, verifying, loading weights), the limit is generous; waiting for room has none.
    ``fixed``: seconds for scanning and converting instead.
    """

    _FACTOR, _LEAST, _FIRST, _ONE_STEP = 40.0, 120.0, 1800.0, 3600.0
    _ENOUGH = 20

    def __init__(self, fixed: float | None = None) -> None:
        self._fixed = fixed
        self._longest: dict[str, float] = {}
        self._count: dict[str, int] = {}

    def heard(self, phase: str, pause: float) -> None:
        """Something moved after a pause of so many seconds."""
        self._longest[phase] = max(pause, self._longest.get(phase, 0.0))
        self._count[phase] = self._count.get(phase, 0) + 1

    def seconds(self, phase: str) -> float:
        if phase == "wait":
            return float("inf")
        if phase not in ("scan", "convert"):
            return self._ONE_STEP
        if self._fixed is not None:
            return self._fixed
        if self._count.get(phase, 0) < self._ENOUGH:
            return self._FIRST
        return max(self._LEAST, self._FACTOR * self._longest[phase])


def convert_watched(source: Path, output: Path | None, settings: Settings, stop: threading.Event) -> Report:
    """As :func:`stereo3d.job.convert.convert_film`, in a process of its own that shows its progress itself.

    ``stop``: when set, the worker finishes the segment in work. Raises what the conversion raised, and JobError where process
    after process dies.
    """
    task = _Task(source, output, settings)
    limit = HangLimit(None if settings.run.hang_limit == "auto" else settings.run.hang_limit)
    deaths: dict[str, int] = {}
    segments, death = 0, None
    while True:
        worker = _Worker(task, death, limit)
        outcome = worker.watch(stop)
        if isinstance(outcome, RepeatedError) and worker.segments > segments:
            outcome = Death("error", outcome.message)  # a driver that broke on the way may be whole in a fresh process
        if isinstance(outcome, Stereo3DError):
            raise outcome
        if not isinstance(outcome, Death):
            return outcome
        death = outcome
        if stop.is_set():
            raise Interrupted("stopped", hint="the same command continues")
        if worker.segments > segments:
            segments = worker.segments
            deaths.clear()
        deaths[death.phase] = deaths.get(death.phase, 0) + 1
        if deaths[death.phase] >= _MOST_DEATHS.get(death.phase, _MOST_DEATHS_ELSEWHERE):
            raise JobError(
                f"given up after {sum(deaths.values())} starts: {death.reason} ({death.phase})",
                hint="finished segments are kept and the same command continues",
            )
        _say(settings, f"{death.reason}: starting again ({sum(deaths.values())})")


def _say(settings: Settings, text: str) -> None:
    _show_cursor()
    shown = {"json": "json", "none": "none"}.get(settings.run.progress, "plain")
    open_progress(shown, sys.stderr).emit(Note(text, "warning"))


def _show_cursor() -> None:
    """A live display that ends at once leaves it hidden."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h")


class _Worker:
    """One process at work."""

    def __init__(self, task: _Task, death: Death | None, limit: HangLimit) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._limit = limit
        self._phase = "start"
        self.segments = 0
        # Not a daemon, for those may have no processes of their own (one for each device).
        self._process: BaseProcess = context.Process(target=_work, args=(theirs, task, death))
        main = threading.current_thread() is threading.main_thread()
        # A terminal's Ctrl-C goes to both: the worker, from its first instruction on, hears of it from us only.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
        try:
            self._process.start()
        finally:
            if before is not None:
                signal.signal(signal.SIGINT, before)
        theirs.close()

    def watch(self, stop: threading.Event) -> Report | Stereo3DError | Death:
        """What came of it. The process is gone afterwards."""
        try:
            return self._watch(stop)
        finally:
            self._process.join(10)
            self._process.kill()
            self._process.join(10)  # one that waits for a dead network drive cannot even be killed

    def _watch(self, stop: threading.Event) -> Report | Stereo3DError | Death:
        silent, told, last = 0.0, False, time.monotonic()
        while True:
            if stop.is_set() and not told:
                told = True
                with suppress(OSError):
                    self._connection.send("stop")
            message = self._message()
            # Steps are counted, not the clock: while the machine sleeps nobody can move.
            now = time.monotonic()
            silent, last = silent + min(now - last, 4 * _STEP), now
            if isinstance(message, _Beat):
                self._limit.heard(message.phase, silent if message.phase == self._phase else 0.0)
                self._phase, self.segments, silent = message.phase, message.segments, 0.0
            elif message is not None:
                outcome: Report | Stereo3DError | Death = message
                return outcome
            elif silent > self._limit.seconds(self._phase):
                self._process.kill()
                return Death(self._phase, f"nothing moved for {silent:.0f} s")

    def _message(self) -> Any:
        """What the worker says, None if nothing for a while, its death if it has died."""
        try:
            return self._connection.recv() if self._connection.poll(_STEP) else None
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
            return Death(self._phase, f"the process ended {how}")


class _Telling:
    """Shows events and sends signs of life, at most a few a second."""

    def __init__(self, shown: Progress, connection: Connection) -> None:
        self._shown = shown
        self._connection = connection
        self._lock = threading.Lock()
        self._phase, self._segments, self._told = "start", 0, 0.0

    def emit(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, Tick):
                self._segments = event.segments_done
            if isinstance(event, Phase):
                self._phase, self._told = event.name, 0.0
            self._shown.emit(event)
            if time.monotonic() - self._told >= _STEP:
                self._told = time.monotonic()
                with suppress(OSError):  # nobody listens: the listener below ends us
                    self._connection.send(_Beat(self._phase, self._segments))

    def close(self) -> None:
        self._shown.close()

    def send(self, outcome: object) -> None:
        with self._lock, suppress(OSError):
            self._connection.send(outcome)


def _work(connection: Connection, task: _Task, death: Death | None) -> None:
    """The worker's life."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    stop = threading.Event()
    progress = _Telling(open_progress(task.settings.run.progress), connection)
    threading.Thread(target=_listen, args=(connection, stop, progress), daemon=True).start()
    try:
        from stereo3d.job.convert import convert_film

        outcome: object = convert_film(task.source, task.output, task.settings, progress, stop, death)
    except Stereo3DError as error:
        outcome = type(error)(error.message, hint=error.hint)  # without its causes, which may not travel
    except Exception as error:  # noqa: BLE001 - it is told by the process that watches
        if os.environ.get("STEREO3D_DEBUG"):
            traceback.print_exc()
        outcome = JobError(
            f"internal error: {type(error).__name__}: {' '.join(str(error).split())}",
            hint="finished segments are kept and the same command continues; STEREO3D_DEBUG=1 shows the details for a report",
        )
    progress.close()
    progress.send(outcome)


def _listen(connection: Connection, stop: threading.Event, progress: _Telling) -> None:
    """Hear the wish to stop, and the end of the process that watches."""
    while True:
        try:
            connection.recv()
        except (EOFError, OSError):
            _show_cursor()
            os._exit(1)
        stop.set()
        progress.emit(Note(STOPPING, "warning"))
