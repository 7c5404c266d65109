"""Several workers on one job: each has a seat (a device here, a share of a machine elsewhere) and takes segments as it can.

A worker that fails, dies or hangs loses what it had in its hands and no more: others build it, and its seat gets a fresh
worker, three times in a row at most. A seat that is slow gets fewer segments.
"""

from __future__ import annotations

import glob
import queue
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from stereo3d.errors import JobError
from stereo3d.executors.hand import program
from stereo3d.executors.handout import Handout
from stereo3d.executors.messages import Broken, Ended, Event, Made, Order, Ready, Said, Task, Wants, Worked
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.recipe import Ends, Places, Recipe, SegmentResult
from stereo3d.plan.segments import Segment

__all__ = ["Crew", "Failure", "Line", "Lost", "Outcome", "Seat", "Seats"]

_STEP = 0.2
_LOOK_SECONDS = 3.0
_STRIKES = 3


class Lost(Exception):
    """A worker is gone, or what it sent is damaged."""


class Line(Protocol):
    """The way to one worker. Used by one thread, but for :meth:`close`."""

    def begin(self, order: Order) -> None: ...

    def give(self, task: Task | None) -> None: ...

    def event(self, seconds: float) -> Event | None:
        """What it says next, None if nothing for so long. Raises Lost."""

    def receive(self, made: Made, task: Task) -> None:
        """Bring a segment's files to the places of ``task``, whole and flushed. Raises Lost."""

    def close(self) -> None:
        """End the worker, whatever it is doing."""


class Seat(Protocol):
    """Where a worker may sit. ``name``: for people, unlike any other. ``device``: as torch names it there. ``gone``: nobody can sit
    here any more."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def gone(self) -> bool: ...

    def open(self) -> Line:
        """A fresh worker. Raises Lost."""


class Seats(Protocol):
    """All seats of a job; machines may come and go."""

    def now(self) -> Sequence[Seat]:
        """Those that there are; asked every few seconds."""

    def close(self) -> None:
        """The job needs them no more."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A segment that cannot be built by any worker. ``frame``: the output frame at which it failed last, -1 where nobody knows."""

    segment: Segment
    reason: str
    frame: int


Outcome = SegmentResult | Failure


@dataclass
class _Run:
    """What the threads of one run share. ``heard``: what is for the thread that asked for the run."""

    recipe: Recipe
    handout: Handout
    places: Places
    heard: queue.Queue[Outcome | int | str] = field(default_factory=queue.Queue)
    over: threading.Event = field(default_factory=threading.Event)
    drain: Callable[[], bool] = lambda: False
    reason: str = ""


class Crew:
    """``identities``: what the models must be, by name.
    ``say``: one line for the user, in the thread that runs."""

    isolates = True
    """A segment that cannot be built is told as a :class:`Failure`, and the others go on."""

    def __init__(
        self,
        seats: Seats,
        identities: Mapping[str, str],
        meter: Meter,
        say: Callable[[str], None],
        drain: Callable[[], bool],
    ) -> None:
        """``drain``: whether what is in work is to be finished and nothing else begun."""
        self._seats, self._identities, self._meter, self._say = seats, dict(identities), meter, say
        self._drain = drain
        self._lines: dict[str, Line] = {}
        self._kinds: dict[str, tuple[str, ...]] = {}
        self._ends: Ends | None = None
        self._began, self._present = time.monotonic(), 0.0
        self._lock = threading.Lock()

    def run(
        self, recipe: Recipe, segments: Sequence[Segment], places: Places, on_frames: Callable[[int], None]
    ) -> Generator[Outcome, None, None]:
        """Build segments, in the order in which they get done; each result's files at ``places`` are complete and flushed when it
        is yielded. Closing the iterator drops what is in work. ``on_frames`` is told how many frames were just encoded (less than
        none: they were lost). Raises JobError when no worker is left."""
        run = _Run(recipe, Handout(segments, in_order=not recipe.seekable), places, drain=self._drain)
        threads: dict[str, threading.Thread] = {}
        try:
            while True:
                self._staff(run, threads)
                yield from self._heard(run, on_frames)
                if run.handout.done or not any(thread.is_alive() for thread in threads.values()):
                    break
        finally:
            run.over.set()
            for thread in threads.values():
                thread.join(2 * _STEP)
            for name, thread in threads.items():
                if thread.is_alive():
                    self._drop(name)
                    thread.join()
        yield from self._heard(run, on_frames)
        if not run.handout.done and not self._drain():
            raise JobError(f"no worker is left: {run.reason or 'none could be started'}", hint="see the lines above")

    @property
    def ends(self) -> Ends:
        """What all workers have in common (of the first, until another one says less)."""
        return self._ends or Ends()

    @property
    def workers(self) -> float:
        """How many there were so far, on average: they come and go."""
        return self._present / max(time.monotonic() - self._began, 1e-9)

    def close(self) -> None:
        """Send all workers home."""
        for name in list(self._lines):
            self._drop(name)
        self._seats.close()

    def _staff(self, run: _Run, threads: dict[str, threading.Thread]) -> None:
        """A thread for each seat that has none yet."""
        for seat in self._seats.now():
            if seat.name not in threads and not self._drain():
                thread = threading.Thread(target=self._serve, args=(seat, run), name=seat.name, daemon=True)
                threads[seat.name] = thread
                thread.start()
        alive = {name for name, thread in threads.items() if thread.is_alive()}
        for segment in run.handout.hopeless(alive):
            run.heard.put(Failure(segment, run.reason, -1))

    def _heard(self, run: _Run, on_frames: Callable[[int], None]) -> Generator[Outcome, None, None]:
        """What came in, for some seconds or until nothing is left to be done."""
        until = time.monotonic() + _LOOK_SECONDS
        while run.over.is_set() or time.monotonic() < until:
            try:
                item = run.heard.get(timeout=0 if run.over.is_set() else _STEP)
            except queue.Empty:
                if run.over.is_set() or run.handout.done:
                    return
                continue
            if isinstance(item, int):
                on_frames(item)
            elif isinstance(item, str):
                self._say(item)
            else:
                yield item

    def _serve(self, seat: Seat, run: _Run) -> None:
        """One seat's thread: workers, one after the other, until the run is over."""
        strikes = 0
        while not run.over.is_set() and not run.handout.done and not seat.gone:
            shift = _Shift(seat, run, self._check, self._meter)
            try:
                line = self._lines.get(seat.name) or seat.open()
                self._lines[seat.name] = line
                self._work(shift, line)
                return
            except Lost as lost:
                self._drop(seat.name)
                if run.over.is_set():
                    return
                strikes = 1 if shift.built else strikes + 1
                run.reason = str(lost)
                shift.give_back(died=not shift.told)
                run.heard.put(f"{seat.name}: {lost}")
                if strikes >= _STRIKES:
                    run.heard.put(f"{seat.name} is left out: it failed {strikes} times in a row")
                    return
                run.over.wait(strikes)

    def _work(self, shift: _Shift, line: Line) -> None:
        began = time.monotonic()
        try:
            shift.work(line)
        finally:
            with self._lock:
                self._present += time.monotonic() - began

    def _check(self, seat: Seat, ready: Ready) -> str:
        """A line about a worker whose pictures may differ. Raises Lost where they would."""
        if ready.program != program():
            raise Lost(f"it has {ready.program}, this job {program()}: install the same version there")
        for name, identity in self._identities.items():
            if ready.identities.get(name, identity) != identity:
                raise Lost(f"it has other weights for {name or 'the film'}")
        before = self._ends or ready.ends
        self._ends = Ends(before.decode and ready.ends.decode, before.encode and ready.ends.encode)
        first = next(iter(self._kinds.values()), ready.kind)
        known = self._kinds.get(seat.name)
        self._kinds[seat.name] = ready.kind
        if ready.kind == first or known == ready.kind:
            return ""
        theirs, ours = (
            ", ".join(word for word in one if word not in other)
            for one, other in ((ready.kind, first), (first, ready.kind))
        )
        return f"{seat.name} has {theirs}, the first worker {ours}: its pictures may differ in their last bits"

    def _drop(self, name: str) -> None:
        line = self._lines.pop(name, None)
        if line is not None:
            line.close()


class _Shift:
    """One worker's part of a run. ``built``: how many segments; ``told``: it said itself what was wrong."""

    def __init__(self, seat: Seat, run: _Run, check: Callable[[Seat, Ready], str], meter: Meter) -> None:
        self._seat, self._run, self._check, self._meter = seat, run, check, meter
        self._tasks: list[Task] = []
        self._frames = 0
        self.built, self.told = 0, False

    def work(self, line: Line) -> None:
        """Until there is nothing more to do for it. Raises Lost."""
        wants = False
        line.begin(Order(replace(self._run.recipe, device=self._seat.device), self._meter.traces))
        while not isinstance(event := line.event(_STEP), Ended):
            wants = wants or isinstance(event, Wants)
            if event is not None:
                self._hear(event, line)
            if wants and self._answered(line):
                wants = False

    def _answered(self, line: Line) -> bool:
        run = self._run
        if run.over.is_set() or run.handout.done or run.drain():
            line.give(None)
            return True
        segment = run.handout.next_for(self._seat.name)
        if segment is None:
            return False
        mine = f".{self._seat.name.replace(':', '-')}.part"
        picture, depth = run.places.picture(segment), run.places.depth(segment)
        task = Task(segment, picture.with_name(picture.name + mine), depth.with_name(depth.name + mine))
        self._tasks.append(task)
        line.give(task)
        return True

    def _hear(self, event: Event, line: Line) -> None:
        heard = self._run.heard
        if isinstance(event, Ready):
            if line_for_user := self._check(self._seat, event):
                heard.put(line_for_user)
        elif isinstance(event, Said):
            heard.put(f"{self._seat.name}: {event.text}")
        elif isinstance(event, Worked):
            self._meter.take_over(self._seat.name, event.spent, event.spans)
            self._meter.hold(event.memory)
            self._frames += event.frames
            if event.frames:
                heard.put(event.frames)
        elif isinstance(event, Made):
            self._take(event, line)
        elif isinstance(event, Broken):
            self.told = True
            raise Lost(event.reason)

    def _take(self, made: Made, line: Line) -> None:
        task = self._tasks[0]
        line.receive(made, task)
        self._tasks.pop(0)
        self._frames = 0
        self.built += 1
        segment = task.segment
        if not self._run.handout.made(self._seat.name, segment):
            self._run.heard.put(-len(segment))  # another one was first
            _remove(task)
            return
        task.picture.replace(self._run.places.picture(segment))
        if task.depth.exists():
            task.depth.replace(self._run.places.depth(segment))
        self._run.heard.put(made.result)

    def give_back(self, *, died: bool) -> None:
        """What the worker had in its hands goes to others."""
        self._run.heard.put(-self._frames)
        for task in self._tasks:
            _remove(task)
        in_work = self._tasks[0].segment if self._tasks else None
        given_up = self._run.handout.lost(self._seat.name, in_work, died=died)
        if given_up is not None:
            self._run.heard.put(Failure(given_up, self._run.reason, given_up.start + self._frames))


def _remove(task: Task) -> None:
    """A worker's files of a segment, finished or not."""
    for place in (task.picture, task.depth):
        for path in place.parent.glob(f"{glob.escape(place.name)}*"):
            with suppress(OSError):
                path.unlink()
