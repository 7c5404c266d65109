"""SIGKILL at any instant: the same command finishes, with the same pictures, and no finished segment is built twice."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import psutil
import pytest

from stereo3d.job.prepare import EARLY_FRAMES
from tests.faults import PLACES, Faults
from tests.films import audio_packets, command, environment, make_film, picture_hashes, picture_times, run_program

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")

RATE = Fraction(1)  # ten frames are a segment: what is killed is the bookkeeping, not the arithmetic
VICTIMS = ("both", "worker", "watcher")

Finished = dict[str, tuple[int, int]]


def words(film: Path, output: Path) -> tuple[str | Path, ...]:
    return ("convert", film, "-o", output, "--model", "classic", "--fill", "temporal", "--progress", "plain")


def finished(output: Path) -> Finished:
    """Inode and time of every finished segment's file, and of the output."""
    files = [*(Path(f"{output}.stereo3d") / "segments").glob("*.mkv"), output]
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in files if p.is_file()}


def alive(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass
class Job:
    """One film that is killed again and again. ``kills``: how often, by place and victim."""

    film: Path
    output: Path
    faults: Faults
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    _process: subprocess.Popen[str] | None = None
    _before: Finished = field(default_factory=dict)

    def running(self) -> subprocess.Popen[str]:
        """The watching process; the same command is given again where it has ended."""
        if self._process is None or self._process.poll() is not None:
            nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._process = self.faults.start(*words(self.film, self.output), **nowhere)
        return self._process

    def kill_at(self, place: str, victim: str) -> None:
        """Kill the watching process, the working one or both while the work stands still at a place."""
        self.faults.aim(place)
        worker = self.faults.there(self.running())
        assert worker is not None, f"ended with {self.running().returncode} before {place}"
        self._kill(place, victim, [worker])

    def kill_after(self, seconds: float, victim: str) -> bool:
        """Kill them after so long; False where they had come to their end before that."""
        process = self.running()
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return False
        self._kill("random", victim, self._workers(process.pid))
        return True

    def _workers(self, process: int) -> list[int]:
        """Beside them there is only the process that counts what they share."""
        found = []
        for child in psutil.Process(process).children():
            with suppress(psutil.NoSuchProcess):
                found += [child.pid] if "spawn_main" in " ".join(child.cmdline()) else []
        return found

    def _kill(self, place: str, victim: str, workers: Sequence[int]) -> None:
        self.look()
        self.kills[place, victim] += 1
        process = self.running()
        for worker in workers if victim != "watcher" else ():
            with suppress(psutil.NoSuchProcess):
                psutil.Process(worker).kill()
        if victim != "worker":
            process.kill()
            process.wait(120)
        end = time.monotonic() + 120
        while any(map(alive, workers)):  # a worker goes with the process that watches it
            assert time.monotonic() < end, "a worker outlives the process that watches it"
            time.sleep(0.02)
        self.look()

    def look(self) -> None:
        """What was finished is untouched."""
        now = finished(self.output)
        folder = Path(f"{self.output}.stereo3d")
        # Once the output has its name, the segments may go.
        gone = {name for name in self._before if self.output.name in now and name not in now}
        assert {k: v for k, v in self._before.items() if k not in gone}.items() <= now.items(), "built again"
        self._before = now if folder.is_dir() or now else self._before

    def finish(self, whole: Path) -> None:
        """Let it come to its end, and compare."""
        process = self._process or self.running()
        for _ in range(4):  # killed often enough in one phase the watching process gives up: the same command goes on
            if process.wait(250) == 0:
                break
            process = self.running()
        assert process.returncode == 0
        self.look()
        assert not Path(f"{self.output}.stereo3d").exists()
        assert picture_hashes(self.output) == picture_hashes(whole)
        assert picture_times(self.output) == picture_times(whole)
        assert audio_packets(self.output) == audio_packets(whole) == audio_packets(self.film)
        self.output.unlink()
        self._process, self._before = None, {}


def uninterrupted(folder: Path, shots: tuple[int, ...], seed: int = 1) -> tuple[Path, Path, float]:
    """(film, its conversion, seconds that took)."""
    film = make_film(folder / "film.mkv", shots, rate=RATE, seed=seed)
    began = time.monotonic()
    run_program(*words(film, folder / "whole.mkv"))
    return film, folder / "whole.mkv", time.monotonic() - began


def test_five_kills(tmp_path: Path) -> None:
    film, whole, _ = uninterrupted(tmp_path, (12, 12))
    job = Job(film, tmp_path / "out.mkv", Faults(tmp_path / "faults"))
    for place, victim in (
        ("survey", "both"),
        ("segment", "watcher"),
        ("after record", "worker"),
        ("after mux", "both"),
        ("before output", "both"),
    ):
        job.kill_at(place, victim)
    job.finish(whole)


def aims(chance: random.Random, seed: int) -> Iterator[tuple[str, str]]:
    """All places in their order, victims in turn; after a worker's death alone the same process goes on."""
    for number, place in enumerate(PLACES):
        yield place, VICTIMS[(number + seed) % 3]
        if place == "segment" and chance.random() < 0.5:
            yield place, "both"


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(4))
def test_a_hundred_kills(tmp_path: Path, seed: int, record_property: pytest.RecordProperty) -> None:
    """A quarter of them: every place once, and random instants up to 25."""
    chance = random.Random(seed)
    film, whole, seconds = uninterrupted(tmp_path, (12, 36, 12, 6, 15), seed)  # one shot is divided
    output, faults = tmp_path / "out.mkv", Faults(tmp_path / "faults")
    aimed = Job(film, output, faults)
    for place, victim in aims(chance, seed):
        aimed.kill_at(place, victim)
    aimed.finish(whole)
    Path(f"{output}.report.json").unlink()
    anyhow = Job(film, output, faults)
    while anyhow.kills.total() + aimed.kills.total() < 25:
        if not anyhow.kill_after(chance.uniform(0.1, 0.7) * seconds, chance.choice(("both", "watcher"))):
            anyhow.finish(whole)  # and again from the beginning
            seconds *= 0.7
            Path(f"{output}.report.json").unlink()
    anyhow.finish(whole)
    kills = aimed.kills + anyhow.kills
    assert kills.total() == 25
    for (place, victim), count in kills.items():
        record_property(f"{place}: {victim}", count)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_kills_while_the_film_is_scanned(tmp_path: Path) -> None:
    """Long enough for segments to be built beside the scan."""
    film = make_film(tmp_path / "film.mkv", (130,) * 40, rate=Fraction(24), size=(96, 64))
    assert sum((130,) * 40) > EARLY_FRAMES
    run_program(*words(film, tmp_path / "whole.mkv"))
    chance, job = random.Random(3), Job(film, tmp_path / "out.mkv", Faults(tmp_path / "faults"))
    while job.kills.total() < 8:
        assert job.kill_after(chance.uniform(3, 9), chance.choice(("both", "watcher")))
    job.finish(tmp_path / "whole.mkv")
    assert not [p for p in psutil.process_iter(["cmdline"]) if "stereo3d.job.surveying" in (p.info["cmdline"] or ())]


def test_a_second_ctrl_c_stops_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    film, whole, _ = uninterrupted(tmp_path, (12, 12))
    output, faults = tmp_path / "out.mkv", Faults(tmp_path / "faults")
    faults.aim("after segment")
    process = faults.start(*words(film, output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    worker = faults.there(process)
    assert worker is not None
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(2)  # so that they are heard as two
    assert process.wait(120) == 130
    end = time.monotonic() + 120
    while alive(worker):
        assert time.monotonic() < end
        time.sleep(0.05)
    before = finished(output)
    assert len(before) == 1
    Job(film, output, faults, _before=before).finish(whole)


def test_ctrl_c_finishes_the_segment_and_says_how_to_go_on(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (44,) * 5, rate=Fraction(4), size=(320, 192))
    output = tmp_path / "out.mkv"
    process = subprocess.Popen(command(*words(film, output)), stderr=subprocess.PIPE, text=True, env=environment())
    folder = Path(f"{output}.stereo3d") / "segments"
    while not list(folder.glob("*.part")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=250)
    assert process.returncode == 130, errors
    assert "the same command continues" in errors
    assert not output.exists()
    assert len(finished(output)) >= 1
    assert not list(folder.glob("*.part"))
    done = run_program(*words(film, output), "--keep-work")
    assert "segments are done" in done.stderr
    shutil.rmtree(Path(f"{output}.stereo3d"))
