"""An output of a given size: with sound, in several segments, kept when only one shot changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.films import make_film, picture_hashes, run


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """21 s in two segments."""
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (250, 250))


def _convert(film: Path, out: Path, *options: str, code: int = 0) -> str:
    preset = () if "ffv1" in options else ("--encoder-preset", "ultrafast")
    words = ("convert", film, "-o", out, "--model", "classic", *preset, *options)
    done = run(*words, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_the_whole_output_is_as_large_as_asked_for(film: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    _convert(film, out, "--target-size", "900kB")
    assert abs(out.stat().st_size / 900_000 - 1) < 0.03


def test_only_what_changed_is_made_anew_and_the_size_stays(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    _convert(film, out, "--target-size", "900kB")
    before = picture_hashes(out)
    (tmp_path / "out.mkv.shots.yaml").write_text("shots 3-4: strength 1\n")
    said = _convert(film, out, "--target-size", "900kB")
    assert "to redo, 1 kept" in said, said
    after = picture_hashes(out)
    assert before[:250] == after[:250]
    assert before[250:] != after[250:]
    assert abs(out.stat().st_size / 900_000 - 1) < 0.03


def test_sizes_that_cannot_be(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    said = _convert(film, out, "--target-size", "100kB", code=2)
    assert "sound and everything else alone take" in said
    assert "too little for its size" in _convert(film, out, "--target-size", "364kB", code=2)
    assert "lossless" in _convert(film, out, "--target-size", "1MB", "--codec", "ffv1", code=2)
    assert "exclude one another" in _convert(film, out, "--target-size", "1MB", "--crf", "20", code=2)
    assert not out.exists()


def test_pictures_that_need_less_are_said_to(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    said = _convert(film, out, "--target-size", "1GB", "--end", "2", code=3)
    assert "its pictures need no more at their best" in said
    assert json.loads((tmp_path / "out.mkv.report.json").read_text())["report"]["losses"]
