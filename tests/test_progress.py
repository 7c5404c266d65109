"""Events, and what people and programs see of them."""

from __future__ import annotations

import io
import json

import pytest

from stereo3d.job.ticker import Ticker
from stereo3d.pipeline.meter import Meter
from stereo3d.progress import Advance, Event, JsonLines, Note, Phase, PlainLines, Tick, clock, open_progress

TICK = Tick(1200, 5000, 8.07, 470.9, 5, 21, "depth")


def test_plain_lines() -> None:
    out = io.StringIO()
    sink = PlainLines(out, interval=0)
    for event in (Phase("scan", "scanning"), Advance(3), TICK, Note("half", "warning"), Note("fine")):
        sink.emit(event)
    assert out.getvalue().splitlines() == [
        "scanning",
        "1200/5000 frames  24 %  8.1 fps  7:51 left  segments 5/21  limited by depth",
        "warning: half",
        "fine",
    ]


def test_plain_lines_are_not_flooded() -> None:
    out = io.StringIO()
    sink = PlainLines(out, interval=1000)
    sink.emit(Phase("convert", "converting"))
    for _ in range(50):
        sink.emit(TICK)
    assert out.getvalue() == "converting\n"


def test_json_lines() -> None:
    out = io.StringIO()
    JsonLines(out).emit(TICK)
    assert json.loads(out.getvalue()) == {
        "event": "tick",
        "frames_done": 1200,
        "frames_total": 5000,
        "fps": 8.07,
        "seconds_left": 470.9,
        "segments_done": 5,
        "segments_total": 21,
        "limited_by": "depth",
    }


def test_auto_is_plain_where_there_is_no_terminal() -> None:
    assert isinstance(open_progress("auto", io.StringIO()), PlainLines)


def test_rich_shows_everything_without_failing(capsys: pytest.CaptureFixture[str]) -> None:
    sink = open_progress("rich")
    for event in (
        Phase("scan", "scanning", 10),
        Advance(3),
        Phase("convert", "x", 5000),
        TICK,
        Note("[bold] stays", "warning"),
    ):
        sink.emit(event)
    sink.close()
    assert "[bold] stays" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass


def test_the_ticker_follows_the_last_half_minute_and_counts_what_was_kept() -> None:
    now = [0.0]
    recorder, meter = Recorder(), Meter()
    meter.add("depth", 9)
    meter.add("encode", 4)
    ticker = Ticker(recorder, meter, frames=(100, 1000), segments=(1, 10), now=lambda: now[0])
    for _ in range(60):  # a minute at 1 fps, then a minute at 4 fps
        now[0] += 1
        ticker.add_frames(1)
    for _ in range(60):
        now[0] += 1
        ticker.add_frames(4)
    last = recorder.events[-1]
    assert isinstance(last, Tick)
    assert last.frames_done == 100 + 60 + 240
    assert last.fps == pytest.approx(4)
    assert last.seconds_left == pytest.approx(150)
    assert last.limited_by == "depth"
    assert ticker.fps() == pytest.approx(2.5)
