"""What the page says of conversions, from what lies on the disk."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from stereo3d.errors import JobError, UsageError
from stereo3d.job.pause import ask_to_pause, heeding_pause, is_pausing, is_worked_on
from stereo3d.job.shots_file import shots_file_of
from stereo3d.job.store import WorkFolder, work_folder_of
from stereo3d.progress import Silent
from stereo3d.settings import Settings
from stereo3d.ui import children, jobs
from stereo3d.ui.children import Run, drawer
from stereo3d.ui.said import said_in
from tests.films import make_film, run


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def started(output: Path, *said: str, settings: dict[str, Any] | None = None, pid: int = 2**22 - 1) -> None:
    """As if a page had started a run for this output, which said so much and is gone."""
    folder = drawer("runs", output)
    folder.mkdir(parents=True)
    about = {"source": str(output.with_name("film.mkv")), "output": str(output), "settings": settings or {}}
    (folder / "run.json").write_text(json.dumps({"about": about, "pid": pid, "born": 1.0}))
    (folder / "said").write_text("\n".join(said))


def event(kind: str, **values: Any) -> str:
    return json.dumps({"event": kind, **values})


TICK = {"frames_done": 30, "frames_total": 120, "fps": 6.0, "seconds_left": 15.0, "segments_done": 1, "segments_total": 4, "limited_by": "depth"}  # fmt: skip


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "said"
    lines = [
        event("phase", name="scan", text="scanning", total=100, done=0),
        event("advance", done=40),
        "{broken",
        "[1]",
        "warning: x",
    ]
    lines += [event("note", text="a", level="warning")] * 3 + [event("note", text="b", level="info")]
    log.write_text("x" * 50_000 + "\n" + "\n".join(lines))
    said = said_in(log)
    assert (said.phase["name"], said.done, said.notes, said.converts, said.failed) == ("scan", 40, ("a",), False, False)
    log.write_text("\n".join([*lines, event("phase", name="convert", text="converting"), event("tick", **TICK)]))
    assert said_in(log).converts
    assert said_in(log).tick["frames_done"] == 30
    log.write_text("error: the disk: is full\nhint: make room\n")
    assert (said_in(log).error, said_in(log).hint, said_in(log).failed) == ("the disk: is full", "make room", True)
    log.write_text("error: stopped with 1 of 4 segments done\nhint: the same command continues\n")
    assert not said_in(log).failed
    assert said_in(tmp_path / "none").phase == {}


def test_nothing_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert jobs.view_of(tmp_path / "film.3D.mkv", "0/film.3D.mkv") is None


def test_a_run_that_lives_and_one_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "film.3D.mkv"
    started(output, event("phase", name="convert", text="converting 120 frames"), event("tick", **TICK))
    monkeypatch.setattr(Run, "process", lambda _self: object())
    view = jobs.view_of(output, "0/film.3D.mkv")
    assert view is not None
    assert (view.state, view.share, view.fps, view.seconds_left, view.film) == ("running", 0.25, 6.0, 15.0, "film.mkv")
    assert view.can_end
    assert view.watchable
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    work_folder_of(output).mkdir()
    view = jobs.view_of(output, "0/film.3D.mkv")
    assert view is not None
    assert (view.state, view.can_continue, view.can_end, view.fps) == ("paused", True, False, None)


def test_a_run_that_failed_is_told_until_it_is_dismissed(tmp_path: Path) -> None:
    output = tmp_path / "film.3D.mkv"
    started(output, "error: no weights", "hint: fetch them")
    view = jobs.view_of(output, "0/film.3D.mkv")
    assert view is not None
    assert (view.state, view.error, view.hint) == ("failed", "no weights", "fetch them")
    assert list(jobs.begun_outputs()) == [output]
    jobs.dismiss(output)
    assert jobs.view_of(output, "0/film.3D.mkv") is None
    assert list(jobs.begun_outputs()) == []


def test_a_pid_that_is_somebody_elses_now_is_left_alone(tmp_path: Path) -> None:
    output = tmp_path / "film.3D.mkv"
    started(output, pid=os.getpid())  # with another time of birth
    with pytest.raises(JobError, match="started elsewhere"):
        jobs.pause(output, at_once=True)


def test_the_command_is_what_a_person_would_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(jobs, "start", lambda _folder, _about, words: called.append(words))
    film, output = tmp_path / "film.mkv", tmp_path / "a.mkv"
    flat = {
        "model": "classic",
        "strength": 3,
        "swap_eyes": True,
        "wait": False,
        "restart": True,
        "progress": "rich",
        "end": "2.5",
    }
    jobs.begin(film, output, Settings.from_flat(flat), [])
    assert called[0][:4] == ["convert", str(film), f"--output={output}", "--progress=json"]
    assert set(called[0][4:]) == {"--model=classic", "--strength=3.0", "--swap-eyes", "--no-wait", "--end=2.5"}
    from stereo3d.cli import _parser

    given = vars(_parser().parse_args(called[0]))
    assert (given["model"], given["strength"], given["swap_eyes"], given["wait"]) == ("classic", "3.0", True, False)
    view = jobs.JobView("0/b.mkv", "b.mkv", "film.mkv", "pausing")
    with pytest.raises(JobError, match=r"b\.mkv is being made"):
        jobs.begin(film, output, Settings(), [view])


def test_going_on_keeps_the_settings_and_restarts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(jobs, "start", lambda _folder, _about, words: called.append(words))
    output = tmp_path / "film.3D.mkv"
    with pytest.raises(UsageError, match="no job"):
        jobs.go_on(output, [])
    started(output, settings={"strength": 1.5, "restart": True, "stop_after": "5"})
    jobs.go_on(output, [])
    assert called[0][4:] == ["--strength=1.5"]


def test_a_finished_film_goes_on_when_its_shots_are_to_be_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made it: the settings are those that it has."""
    film, output = make_film(tmp_path / "film.mkv", (20, 20)), tmp_path / "film.3D.mkv"
    run("convert", film, "-o", output, "--model", "classic", "--strength", "4")
    view = jobs.view_of(output, "0/film.3D.mkv")
    assert view is not None
    assert (view.state, view.can_continue) == ("done", False)
    shots_file_of(output).write_text("shot 2: strength 1\n")
    view = jobs.view_of(output, "0/film.3D.mkv")
    assert view is not None
    assert (view.state, view.can_continue) == ("done", True)
    called: list[list[str]] = []
    monkeypatch.setattr(jobs, "start", lambda _folder, _about, words: called.append(words))
    jobs.go_on(output, [])
    assert {"--model=classic", "--strength=4.0"} <= set(called[0])
    run(*called[0])
    view = jobs.view_of(output, "0/film.3D.mkv")
    assert view is not None
    assert (view.state, view.can_continue) == ("done", False)


def test_a_pause_is_heard_by_who_works_and_by_nobody_else(tmp_path: Path) -> None:
    output = tmp_path / "film.3D.mkv"
    assert not is_worked_on(output)
    with pytest.raises(UsageError, match="nobody works"):
        ask_to_pause(output)
    folder, stop = WorkFolder(work_folder_of(output)), threading.Event()
    try:
        (folder.path / "pause").touch()  # from before
        with heeding_pause(output, stop, Silent()):
            assert not is_pausing(output)
            assert is_worked_on(output)
            ask_to_pause(output)
            assert is_pausing(output)
            assert stop.wait(60)
        assert not is_pausing(output)
    finally:
        folder.close()
    assert not is_worked_on(output)
    WorkFolder(work_folder_of(output)).close()  # looking leaves no lock behind


def test_a_child_is_known_again_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "drawer"
    (tmp_path / "home/stereo3d").mkdir(parents=True)
    (tmp_path / "home/stereo3d/__init__.py").touch()
    (tmp_path / "home/stereo3d/__main__.py").write_text(
        "import sys, time\nprint(sys.argv[1:], flush=True)\ntime.sleep(600)\n"
    )
    monkeypatch.setattr(children, "_HOME", tmp_path / "home")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    children.start(folder, {"film": "x"}, ["shots", "a b.mkv"])
    run = Run.of(folder)
    assert run is not None
    assert run.about == {"film": "x"}
    while run.process() is not None and not run.out.read_text():
        time.sleep(0.05)
    assert run.out.read_text().strip() == "['shots', 'a b.mkv']"
    assert children.end(run)
    assert run.process() is None
    assert not children.end(run)


@pytest.mark.skipif(os.name == "nt", reason="there a process cannot be told to tidy up")
def test_what_is_ended_tidily_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, left = tmp_path / "drawer", tmp_path / "left"
    (tmp_path / "home/stereo3d").mkdir(parents=True)
    left.mkdir()
    (tmp_path / "home/stereo3d/__init__.py").touch()
    (tmp_path / "home/stereo3d/__main__.py").write_text(
        "import subprocess, sys, tempfile\nwith tempfile.TemporaryDirectory(dir=sys.argv[1]):\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "    print(child.pid, flush=True)\n    child.wait()\n    child.wait()\n"
    )
    monkeypatch.setattr(children, "_HOME", tmp_path / "home")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    children.start(folder, {"film": "x"}, [str(left)])
    run = Run.of(folder)
    assert run is not None
    while run.process() is not None and not run.out.read_text().strip():
        time.sleep(0.05)
    child = psutil.Process(int(run.out.read_text()))
    assert list(left.iterdir())
    assert children.end(run, tidily=True)
    assert run.process() is None
    assert list(left.iterdir()) == []
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_command_that_fails_is_told_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="there is neither") as raised:
        children.call(["status", str(tmp_path / "none.mkv")], 60)
    assert raised.value.hint
