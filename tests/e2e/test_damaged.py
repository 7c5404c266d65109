"""Sources that are damaged or odd: the outcome that docs/reference/sources.md states, from the command line; and its tests exist."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from stereo3d.media.tools import ffmpeg_exe
from tests.films import REPO, make_film, picture_times, run


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (100,), rate=Fraction(25), size=(96, 64))


def _as(film: Path, path: Path, *options: str) -> bytearray:
    subprocess.run([ffmpeg_exe(), "-v", "error", "-i", str(film), "-c", "copy", *options, str(path)], check=True)
    return bytearray(path.read_bytes())


def _convert(source: Path, code: int) -> tuple[int, str]:
    """(pictures in the output, what was said)."""
    out = source.with_name("out.mkv")
    done = run("convert", source, "-o", out, "--model", "classic", "--encoder-preset", "ultrafast", check=False)
    assert done.returncode == code, done.stderr
    return len(picture_times(out)), done.stderr


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [("cut.mp4", ("-movflags", "+faststart"), 3), ("cut.mkv", (), 3), ("cut.ts", (), 0)],
)
def test_a_film_that_was_cut_off(film: Path, tmp_path: Path, name: str, options: tuple[str, ...], code: int) -> None:
    path = tmp_path / name
    data = _as(film, path, *options)
    path.write_bytes(data[: len(data) // 2])
    pictures, said = _convert(path, code)
    assert 10 < pictures < 75
    assert ("it is truncated" in said) == (code == 3)  # nobody can know where a transport stream should end


@pytest.mark.parametrize("name", ["garbage.mp4", "garbage.mkv"])
def test_garbage_inside(film: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = _as(film, path)
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(range(250)) * 12
    path.write_bytes(data)
    pictures, said = _convert(path, 3)
    assert pictures > 45  # Matroska loses what is left of the cluster
    assert "lost or replaced: " in said


def test_every_test_that_the_page_names_exists() -> None:
    page = (REPO / "docs" / "reference" / "sources.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+/test_\w+\.py)::(test_\w+)`", page)
    assert len(named) > 20
    for file, test in named:
        assert f"def {test}(" in (REPO / "tests" / file).read_text(encoding="utf-8"), (file, test)
