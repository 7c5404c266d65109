"""Interlaced films at both their rates, through the program."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.films import audio_packets, picture_times, run
from tests.media.conftest import ffmpeg


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=160x96:rate=50:duration=1", "-f", "lavfi", "-i", "sine=duration=1",
           "-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "3",
           "-c:a", "flac", path)  # fmt: skip
    return path


def test_changing_ones_mind_makes_another_film(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    options = (
        "--model",
        "classic",
        "--encoder-preset",
        "ultrafast",
        "--keep-work",
        "--overwrite",
        "--progress",
        "none",
    )
    run("convert", film, "-o", out, *options)
    frames = picture_times(out)
    run("convert", film, "-o", out, *options, "--deinterlace", "field")
    fields = picture_times(out)
    assert (len(frames), len(fields)) == (25, 50)
    assert fields[::2] == frames
    assert all(abs(b - a - 0.02) < 0.0011 for a, b in pairwise(map(float, fields)))
    assert audio_packets(out) == audio_packets(film)


def test_max_fps_knows_the_rate_of_the_fields(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    options = ("--model", "classic", "--encoder-preset", "ultrafast", "--deinterlace", "field", "--max-fps", "25")
    run("convert", film, "-o", out, *options)
    assert len(picture_times(out)) == 25
