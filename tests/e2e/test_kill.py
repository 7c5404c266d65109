"""SIGKILL at any instant: the same command finishes, with the same pictures, and no finished segment is built twice."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.films import audio_packets, command, environment, make_film, picture_hashes, picture_times, run_program

LAST_SIGNAL = getattr(signal, "SIGKILL", signal.SIGTERM)


def arguments(film: Path, output: Path) -> tuple[str | Path, ...]:
    return (
        "convert",
        film,
        "-o",
        output,
        "--model",
        "classic",
        "--fill",
        "temporal",
        "--progress",
        "plain",
        "--keep-work",
        "--overwrite",
    )


def finished(output: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every finished segment's file."""
    folder = Path(f"{output}.stereo3d") / "segments"
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.glob("*.mkv")} if folder.exists() else {}


def kill_and_continue(film: Path, folder: Path, kills: int, seed: int) -> None:
    whole = folder / "whole.mkv"
    began = time.monotonic()
    run_program(*arguments(film, whole))
    seconds = time.monotonic() - began
    chance = random.Random(seed)
    output = folder / "killed.mkv"
    before: dict[str, tuple[int, int]] = {}
    for _ in range(kills):
        process = subprocess.Popen(
            command(*arguments(film, output)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        )
        time.sleep(chance.uniform(0.2, seconds))
        process.send_signal(LAST_SIGNAL)
        process.wait(30)
        after = finished(output)
        assert before.items() <= after.items(), "a finished segment was built again"
        before = after
    run_program(*arguments(film, output))
    assert before.items() <= finished(output).items(), "a finished segment was built again"
    assert picture_hashes(output) == picture_hashes(whole)
    assert picture_times(output) == picture_times(whole)
    assert audio_packets(output) == audio_packets(whole) == audio_packets(film)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_three_kills(tmp_path: Path) -> None:
    kill_and_continue(make_film(tmp_path / "film.mkv", (260, 300, 60, 240)), tmp_path, kills=3, seed=5)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_ten_kills(tmp_path: Path, seed: int) -> None:
    shots = (900, 260, 300, 60, 240, 480, 100)  # one of them is divided
    kill_and_continue(make_film(tmp_path / "film.mkv", shots, seed=seed), tmp_path, kills=10, seed=seed)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are different here")
def test_ctrl_c_finishes_the_segment_and_says_how_to_go_on(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (260, 300, 300, 300, 300), size=(320, 192))
    output = tmp_path / "out.mkv"
    process = subprocess.Popen(command(*arguments(film, output)), stderr=subprocess.PIPE, text=True, env=environment())
    folder = Path(f"{output}.stereo3d") / "segments"
    while not list(folder.glob("*.part")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "the same command continues" in errors
    assert not output.exists()
    assert len(finished(output)) >= 1
    assert not list(folder.glob("*.part"))
    done = run_program(*arguments(film, output))
    assert "segments are done" in done.stderr
    shutil.rmtree(Path(f"{output}.stereo3d"))
