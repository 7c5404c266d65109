"""What happens at night to the places that a job reads from and writes to, with the real program."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.night import clean, same, words
from tests.faults import Faults
from tests.films import run, run_program


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "stereo3d-test", str(place)]
    if os.name == "nt" or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def waits_and_goes_on(night_film: Path, output: Path, ballast: Path) -> None:
    """Convert, and make room a second after the program said that it waits for it."""
    said = []
    with Faults(ballast.parent.parent / "none", "").start(*words(night_film, output)) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if "the disk is full" in line:
                time.sleep(1)
                assert process.poll() is None
                ballast.unlink()
    assert process.returncode == 0, "".join(said)
    assert "Traceback" not in "".join(said)
    assert "there is room again: going on\n" in said


def test_a_full_disk_is_waited_for_and_without_waiting_it_is_a_clean_end(
    night_film: Path, night_whole: Path, small_disk: Path
) -> None:
    output = small_disk / "out.mkv"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(5_600_000))
    stopped = Faults(small_disk.parent / "none", "").run(*words(night_film, output, "--no-wait"))
    clean(stopped)
    assert stopped.returncode == 1
    assert "will be needed" in stopped.stderr
    assert "hint: make room" in stopped.stderr

    waits_and_goes_on(night_film, output, ballast)
    same(output, night_whole)


@pytest.mark.long
def test_the_disk_fills_while_the_result_is_joined(night_film: Path, night_whole: Path, small_disk: Path) -> None:
    output = small_disk / "out.mkv"
    run(*words(night_film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    free = shutil.disk_usage(small_disk).free
    size = sum(p.stat().st_size for p in Path(f"{output}.stereo3d/segments").iterdir())
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(free - size * 3 // 2))  # the join has room, the rest has not
    waits_and_goes_on(night_film, output, ballast)
    same(output, night_whole)


def test_an_unreadable_directory(night_film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    code = """
def refuse(module):
    mkdir = Path.mkdir

    def refusing(self, *arguments, **options):
        if "out.mkv.stereo3d" in str(self):
            raise PermissionError(13, "Permission denied", str(self))
        return mkdir(self, *arguments, **options)

    Path.mkdir = refusing


AFTER["stereo3d.job.store"] = refuse
"""
    done = Faults(tmp_path / "faults", code).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 1
    assert "cannot create the work folder" in done.stderr
    assert "Permission denied" in done.stderr
    if os.name != "nt" and os.geteuid() != 0:
        folder = tmp_path / "closed"
        folder.mkdir()
        shutil.copy(night_film, folder / "film.mkv")
        folder.chmod(0o000)
        done = run_program(*words(folder / "film.mkv", output), check=False)
        folder.chmod(0o700)
        clean(done)
        assert done.returncode == 1
