"""Several devices, through the whole program: a job begun on one goes on on two, and the film is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.films import make_film, picture_hashes, run, run_program

OPTIONS = ("--model", "classic", "--codec", "ffv1", "--report", "json")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three segments."""
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (244, 244, 244), size=(96, 64), sound=False)


def test_begun_on_one_processor_and_finished_by_two_processes(film: Path, tmp_path: Path) -> None:
    alone, both = tmp_path / "alone.mkv", tmp_path / "both.mkv"
    run("convert", film, "-o", alone, *OPTIONS)
    stopped = run("convert", film, "-o", both, *OPTIONS, "--stop-after", "0.01", check=False)
    assert stopped.returncode == 130
    trace = tmp_path / "trace.json"
    # In the watched process, which may have processes of its own.
    done = run_program(
        "convert", film, "-o", both, *OPTIONS, "--device", "cpu,cpu", "--trace", trace, "--progress", "plain"
    )
    assert picture_hashes(both) == picture_hashes(alone)
    assert "busy: decode for depth" in done.stderr
    assert "memory:" in done.stderr
    names = {e["args"]["name"] for e in json.loads(trace.read_text())["traceEvents"] if e["name"] == "process_name"}
    assert names <= {"cpu#0", "cpu#1"}
    assert names
    report = json.loads((tmp_path / "both.mkv.report.json").read_text())["report"]
    stages = {stage["stage"]: stage for stage in report["load"]["stages"]}
    assert {"decode", "depth", "render", "encode"} <= set(stages)
    assert all(0 <= stage["busy"] <= 1.1 for stage in stages.values())
    assert report["load"]["memory"] > 1 << 26


@pytest.mark.parametrize(
    ("device", "complaint"), [("cuda:all", "CUDA"), ("cpu;cpu", "--device"), ("cuda:0,cpu", "--device")]
)
def test_devices_that_are_not_there_are_refused_in_one_line(
    film: Path, tmp_path: Path, device: str, complaint: str
) -> None:
    done = run("convert", film, "-o", tmp_path / "o.mkv", *OPTIONS, "--device", device, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "hint:" in done.stderr


def test_a_cluster_that_is_not_there_is_refused_in_one_line(film: Path, tmp_path: Path) -> None:
    words = ("convert", film, "-o", tmp_path / "o.mkv", *OPTIONS, "--no-watch", "--cluster", "ray://127.0.0.1:1")
    done = run_program(*words, check=False)
    assert done.returncode == 2
    assert "--cluster" in done.stderr
