"""Memory does not grow with the length of the film."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.films import command, environment, make_film


def peak(film: Path, output: Path) -> int:
    """Peak resident memory of one conversion, in the unit of the platform."""
    process = subprocess.Popen(
        command("convert", film, "-o", output, "--model", "classic", "--progress", "none"), env=environment()
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # subprocess did not see it end
    assert process.returncode == 0
    return usage.ru_maxrss


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="wait4 is POSIX")
def test_3000_frames_need_no_more_than_600(tmp_path: Path) -> None:
    size = (480, 272)
    short = make_film(tmp_path / "short.mkv", (350, 250), size=size)
    long = make_film(tmp_path / "long.mkv", (350, 250) * 5, size=size)
    first = peak(short, tmp_path / "a.mkv")
    second = peak(long, tmp_path / "b.mkv")
    assert second < 1.10 * first, f"600 frames: {first}, 3000 frames: {second}"
