"""Events, and what people and programs see of them."""

from __future__ import annotations

import io
import json

import pytest

from stereo3d.job.ticker import Ticker
from stereo3d.pipeline.meter import Meter
from stereo3d.progress import Advance, Event, JsonLines, Note, Phase, PlainLines, Tick, clock, counted, open_progress

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


def test_the_ticker_follows_the_last_half_of_the_run_and_counts_what_was_kept() -> None:
    now = [0.0]
    recorder, meter = Recorder(), Meter()
    meter.add("depth", 9)
    meter.add("encode", 4)
    ends = range(10, 901, 10)
    ticker = Ticker(recorder, meter, frames=(100, 1000), segments=(1, 10), ends=ends, now=lambda: now[0])
    for _ in range(60):  # a minute at 1 fps, then a minute at 4 fps
        now[0] += 1
        ticker.add_frames(1)
    for _ in range(60):
        now[0] += 1
        ticker.add_frames(4)
    last = recorder.events[-1]
    assert isinstance(last, Tick)
    assert last.frames_done == 100 + 60 + 240
    assert last.fps == pytest.approx(4, rel=0.15)
    assert last.seconds_left == pytest.approx(150, rel=0.15)
    assert last.limited_by == "depth"
    assert ticker.fps() == pytest.approx(2.5)


def seconds_said(depth_fps: float, render_fps: float, shots: list[int]) -> tuple[list[float], float]:
    """(what is said to be the run's whole length, tick by tick; what it is) where a shot's frames come once its depth is there."""
    now, begun, said = 0.0, 0.0, []
    ends = [sum(shots[: n + 1]) for n in range(len(shots))]
    ticker = Ticker(Recorder(), Meter(), frames=(0, sum(shots)), segments=(0, 1), ends=ends, now=lambda: now)
    for shot in shots:
        begun += shot / depth_fps
        now = max(now, begun)
        for start in range(0, shot, 8):
            now += min(8, shot - start) / render_fps
            ticker.add_frames(min(8, shot - start))
            said.append(now + (ticker.seconds_left() or 0.0))
    return said, now


@pytest.mark.parametrize(("depth_fps", "render_fps"), [(0.1, 10), (1.5, 15), (60, 30), (25, 26)])
def test_a_rush_of_frames_whose_depth_took_long_is_no_pace(depth_fps: float, render_fps: float) -> None:
    shots = [120, 72, 96, 150, 48, 120, 90, 110] * 8
    said, whole = seconds_said(depth_fps, render_fps, shots)
    settled = said[len(said) // 10 :]
    assert all(0.85 * whole < one < 1.3 * whole for one in settled)
    assert all(0.5 * whole < one < 2.5 * whole for one in said)


def test_a_single_shot_is_told_by_its_frames() -> None:
    said, whole = seconds_said(10, 20, [400])
    assert all(one == pytest.approx(whole, rel=0.01) for one in said[1:])


def test_the_ticker_goes_on_after_frames_were_lost() -> None:
    now = [0.0]
    ticker = Ticker(Recorder(), Meter(), frames=(0, 100), segments=(0, 1), ends=[50, 100], now=lambda: now[0])
    for _ in range(6):
        now[0] += 1
        ticker.add_frames(5)
    ticker.rewind(0)
    assert ticker.seconds_left() is None
    for _ in range(15):
        now[0] += 1
        ticker.add_frames(5)
    assert ticker.seconds_left() == pytest.approx(5, rel=0.1)
    for _ in range(5):
        now[0] += 1
        ticker.add_frames(5)
    assert ticker.seconds_left() == 0


def test_one_is_not_many() -> None:
    assert [counted(n, "frame") for n in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
