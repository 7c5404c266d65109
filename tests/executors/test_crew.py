"""Several workers on one job: the same pictures, whoever dies, fails or hangs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from stereo3d.errors import JobError
from stereo3d.executors.crew import Crew, Failure, Line, Lost, Seat
from stereo3d.executors.hand import Hand
from stereo3d.executors.messages import Event, Made, Order, Ready, Said, Task, Worked
from stereo3d.executors.processes import DeviceSeats, ProcessLine
from stereo3d.pipeline.feed import Feed
from stereo3d.pipeline.meter import Meter
from tests.executors.conftest import LENGTHS, Work, places_in


class ThreadLine:
    """A hand in a thread of this process. ``trouble``: looks at what it says; may raise Lost, or be silent about it (None)."""

    def __init__(self, trouble: Callable[[Event], Event | None]) -> None:
        self._hand, self._trouble = Hand(), trouble
        self._closed = threading.Event()

    def begin(self, order: Order) -> None:
        self._hand.begin(order)

    def give(self, task: Task | None) -> None:
        self._hand.give(task)

    def event(self, seconds: float) -> Event | None:
        if self._closed.is_set():
            raise Lost("closed")
        event = self._hand.event(seconds)
        return None if event is None else self._trouble(event)

    def receive(self, made: Made, task: Task) -> None:
        assert [path for path, _ in made.files] == [task.picture]

    def close(self) -> None:
        self._closed.set()
        self._hand.give(None)


@dataclass
class ThreadSeat:
    name: str
    trouble: Callable[[Event], Event | None] = lambda event: event
    device: str = "cpu"
    gone: bool = False
    opened: int = 0

    def open(self) -> Line:
        self.opened += 1
        return ThreadLine(self.trouble)


@dataclass
class Seats:
    seats: list[Seat]
    closed: bool = False

    def now(self) -> Sequence[Seat]:
        return self.seats

    def close(self) -> None:
        self.closed = True


@dataclass
class Bench:
    """A crew and what it said."""

    work: Work
    seats: Seats
    said: list[str] = field(default_factory=list)
    meter: Meter = field(default_factory=Meter)
    drain: bool = False

    def crew(self) -> Crew:
        known = {"": self.work.recipe.model_identity}
        return Crew(self.seats, known, self.meter, self.said.append, lambda: self.drain)


def crew_of(work: Work, *seats: ThreadSeat) -> Bench:
    return Bench(work, Seats(list(seats)))


def test_processes_make_what_the_local_executor_makes_though_one_is_killed(work: Work, tmp_path: Path) -> None:
    seats = DeviceSeats(("cpu", "cpu"))
    assert [seat.name for seat in seats.now()] == ["cpu#0", "cpu#1"]
    meter, said = Meter(traces=True), list[str]()
    crew = Crew(seats, {"": work.recipe.model_identity}, meter, said.append, lambda: False)
    killed = threading.Event()

    def run(*args: object) -> object:
        for outcome in crew.run(*args):  # type: ignore[arg-type]
            if not killed.is_set():
                killed.set()
                line = crew._lines["cpu#0"]
                assert isinstance(line, ProcessLine)
                os.kill(line._process.pid or 0, signal.SIGKILL)
            yield outcome

    with closing(crew):
        work.check(run, tmp_path)  # type: ignore[arg-type]
        assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}.part" for n in range(len(LENGTHS))]
        again = tmp_path / "again"
        again.mkdir()
        work.check(crew.run, again)
    assert [line for line in said if "signal 9" in line]
    assert {span.worker for span in meter.take_spans()} == {"cpu#0", "cpu#1"}
    assert {"decode", "decode for depth", "depth", "render", "encode"} <= set(meter.busy())
    assert meter.memory.process > 1 << 20


def test_one_that_always_fails_is_left_out_and_the_job_goes_on(work: Work, tmp_path: Path) -> None:
    def broken(event: Event) -> Event | None:
        if isinstance(event, Worked) and event.frames:
            raise Lost("the card fell off")
        return event

    bench = crew_of(work, ThreadSeat("bad", broken), ThreadSeat("good"))
    bad = bench.seats.seats[0]
    with closing(bench.crew()) as crew:
        work.check(crew.run, tmp_path)
    assert isinstance(bad, ThreadSeat)
    assert bad.opened <= 3
    assert "bad: the card fell off" in bench.said
    assert bench.seats.closed


def test_one_that_hangs_spoils_nothing(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stereo3d.executors.handout._LATE", 0.1)

    def hanging(event: Event) -> Event | None:
        return None if isinstance(event, Made | Worked) else event

    bench = crew_of(work, ThreadSeat("hung", hanging), ThreadSeat("good"))
    with closing(bench.crew()) as crew:
        results = work.check(crew.run, tmp_path)
    assert len(results) == len(LENGTHS)


def test_another_version_and_other_weights_are_refused_and_another_kind_is_told(work: Work, tmp_path: Path) -> None:
    def other_weights(event: Event) -> Event | None:
        return replace(event, identities={"": "others"}) if isinstance(event, Ready) else event

    def other_kind(event: Event) -> Event | None:
        return replace(event, kind=("RTX 1", *event.kind[1:])) if isinstance(event, Ready) else event

    def other_version(event: Event) -> Event | None:
        return replace(event, program="stereo3d 0.0, pipeline 0") if isinstance(event, Ready) else event

    wrong, older = ThreadSeat("wrong", other_weights), ThreadSeat("older", other_version)
    bench = crew_of(work, wrong, older, ThreadSeat("first"), ThreadSeat("second", other_kind))
    with closing(bench.crew()) as crew:
        work.check(crew.run, tmp_path)
    assert "wrong: it has other weights for the film" in bench.said
    assert any(line.startswith("older: it has stereo3d 0.0, pipeline 0, this job ") for line in bench.said)
    (told,) = (line for line in bench.said if "last bits" in line)
    assert "RTX 1" in told
    assert "torch" not in told  # what they have in common


def test_a_segment_that_nobody_can_build_is_told_and_the_others_are_built(work: Work, tmp_path: Path) -> None:
    place = places_in(tmp_path)
    (tmp_path / "1.part.first.part").mkdir()  # nothing can be written there
    (tmp_path / "1.part.second.part").mkdir()
    bench = crew_of(work, ThreadSeat("first"), ThreadSeat("second"))
    with closing(bench.crew()) as crew:
        outcomes = list(crew.run(work.recipe, work.segments, place, lambda _count: None))
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert [failure.segment.number for failure in failures] == [1]
    assert failures[0].reason
    assert len(outcomes) == len(LENGTHS)


def test_what_is_in_work_is_finished_when_it_is_to_stop(work: Work, tmp_path: Path) -> None:
    bench = crew_of(work, ThreadSeat("only"))
    made = []
    with closing(bench.crew()) as crew:
        for outcome in crew.run(work.recipe, work.segments, places_in(tmp_path), lambda _count: None):
            made.append(outcome)
            bench.drain = True
        assert 0 < crew.workers <= 1
    assert 1 <= len(made) <= 3


def test_without_workers_it_says_why(work: Work, tmp_path: Path) -> None:
    def gone(event: Event) -> Event | None:
        raise Lost("no power")

    bench = crew_of(work, ThreadSeat("only", gone))
    with closing(bench.crew()) as crew, pytest.raises(JobError, match="no worker is left: no power"):
        list(crew.run(work.recipe, work.segments, places_in(tmp_path), lambda _count: None))


def test_a_seat_that_comes_later_joins_a_crew_that_is_never_silent(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stereo3d.executors.crew._LOOK_SECONDS", 0.3)
    over = time.monotonic() + 60
    late = ThreadSeat("late")

    class Talker(ThreadLine):
        """Talks, instead of working, until the other one has come."""

        def event(self, seconds: float) -> Event | None:
            if late.opened or time.monotonic() > over:
                return super().event(seconds)
            time.sleep(0.02)
            if late not in bench.seats.seats:
                bench.seats.seats.append(late)
            return Said("I could begin")

    class TalkersSeat(ThreadSeat):
        def open(self) -> Line:
            return Talker(self.trouble)

    bench = crew_of(work, TalkersSeat("talker"))
    with closing(bench.crew()) as crew:
        work.check(crew.run, tmp_path)
    assert late.opened == 1
    assert "talker: I could begin" in bench.said


def test_every_reader_of_a_feed_sees_all_segments_and_waits_for_none_that_is_known(work: Work) -> None:
    asked: list[int] = []
    feed = Feed(lambda: asked.append(1))
    feed.put(work.segments[0])
    first, second = iter(feed), iter(feed)
    assert next(first) == work.segments[0]
    ahead = threading.Thread(target=lambda: next(first, None))
    ahead.start()
    while len(asked) < 2:
        time.sleep(0.01)
    assert next(second) == work.segments[0]  # though the first reader is waiting
    feed.put(work.segments[1])
    ahead.join()
    assert next(second) == work.segments[1]
    feed.close()
    assert list(feed) == work.segments[:2]
