"""Text subtitles in depth, from the command line: an extra track beside the originals, where it can be."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stereo3d.media.tools import ffmpeg_exe
from tests.films import make_film, run


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    picture = make_film(folder / "picture.mkv", (30,), rate=Fraction(25), size=(96, 64))
    (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:01,003\nHello\n")
    words = [
        "-i",
        picture,
        "-i",
        folder / "s.srt",
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-metadata:s:s:0",
        "language=deu",
    ]
    subprocess.run(
        [ffmpeg_exe(), "-v", "error", *map(str, words), "-disposition:s:0", "default", str(folder / "film.mkv")],
        check=True,
    )
    return folder / "film.mkv"


def _convert(film: Path, out: Path, *options: str) -> Path:
    run("convert", film, "-o", out, "--model", "classic", "--encoder-preset", "ultrafast", *options)
    return out


def _subs(path: Path) -> list[tuple[str, str, str, int]]:
    with av.open(str(path)) as container:
        return [
            (
                s.codec_context.codec.canonical_name,
                s.metadata["language"],
                s.metadata.get("title", ""),
                int(s.disposition),
            )
            for s in container.streams.subtitles
        ]


def _lines(path: Path, track: int) -> list[tuple[int, int, str]]:
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[track]
        return [(p.pts, p.duration, bytes(p).decode()) for p in container.demux(stream) if p.size]


def _parallax(path: Path) -> int:
    """Units (of 1920 to an eye) that the text is in front of the screen."""
    (_, _, first), (_, _, second) = _lines(path, 1)
    left, right = (list(map(int, re.findall(r",(\d+),(\d+),\d+,,", text)[0])) for text in (first, second))
    assert left[0] - 50 == right[1] - 50
    return left[0] - 50


def test_an_extra_track_is_in_front_and_the_original_stays(film: Path, tmp_path: Path) -> None:
    out = _convert(film, tmp_path / "out.mkv")
    assert _subs(out) == [("subrip", "deu", "", 1), ("ass", "deu", "3D", 0)]
    assert _lines(out, 0) == _lines(film, 0)
    assert [line[:2] for line in _lines(out, 1)] == [(100, 903)] * 2
    strong = _convert(film, tmp_path / "strong.mkv", "--strength", "6", "--window", "off")
    assert 0 <= _parallax(out) < _parallax(strong) <= 0.02 * 1920 + 1
    flat = _convert(film, tmp_path / "flat.mkv", "--strength", "0")
    assert _parallax(flat) <= 3


def test_a_cut_film_has_them_at_its_own_times(film: Path, tmp_path: Path) -> None:
    out = _convert(film, tmp_path / "out.mkv", "--start", "0.08", "--end", "1")
    assert [line[0] for line in _lines(out, 0)] == [20]
    assert [line[0] for line in _lines(out, 1)] == [20, 20]


@pytest.mark.parametrize(
    ("options", "name"), [(("--no-subs-3d",), "out.mkv"), (("--layout", "anaglyph"), "out.mkv"), ((), "out.mp4")]
)
def test_it_is_left_out_where_it_is_not_wanted_or_cannot_be(
    film: Path, tmp_path: Path, options: tuple[str, ...], name: str
) -> None:
    assert len(_subs(_convert(film, tmp_path / name, *options))) == 1
