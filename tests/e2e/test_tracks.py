"""Which tracks come along, and sound that the container cannot hold, by its clicks."""

from __future__ import annotations

import subprocess
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stereo3d.media.tools import ffmpeg_exe
from tests.films import make_film, run

RATE = 48000
CLICKS = [0.25, 0.75, 1.25, 1.75]


def _ffmpeg(*words: object) -> None:
    subprocess.run([ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, words)], check=True)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2.4 s with three sound tracks (eng: clicks that begin late; deu: clicks; none: a tone) and two of subtitles."""
    folder = tmp_path_factory.mktemp("film")
    picture = make_film(folder / "picture.mkv", (60,), rate=Fraction(25), size=(96, 64))
    sound = np.zeros(2 * RATE)
    sound[[round(RATE * at) for at in CLICKS]] = 0.9
    with wave.open(str(folder / "clicks.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    (folder / "s.srt").write_text("1\n00:00:00,500 --> 00:00:01,000\nHello\n")
    path = folder / "film.mkv"
    _ffmpeg("-i", picture, "-itsoffset", "0.433", "-i", folder / "clicks.wav", "-i", folder / "clicks.wav", "-i", folder / "s.srt",
            *(w for m in ("0:v", "1", "2", "0:a", "3", "3") for w in ("-map", m)), "-c", "copy", "-c:a:1", "flac",
            "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu",
            "-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=deu", path)  # fmt: skip
    return path


def _clicks(path: Path, track: int = 0) -> list[float]:
    """Seconds of the first sample of each click."""
    found: list[float] = []
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[track]):
            samples = frame.to_ndarray().reshape(-1).astype(float)
            loud = np.flatnonzero(np.abs(samples) > (8000 if frame.format.name.startswith("s16") else 0.25))
            times = [float(frame.pts * frame.time_base) + at / frame.sample_rate for at in loud]
            found += [t for n, t in enumerate(times) if not found or t - (times[n - 1] if n else found[-1]) > 0.1]
    return found


def _convert(film: Path, out: Path, *options: str, code: int = 0) -> str:
    words = ("convert", film, "-o", out, "--model", "classic", "--encoder-preset", "ultrafast", *options)
    done = run(*words, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr


def _tracks(path: Path) -> list[tuple[str, str, str]]:
    with av.open(str(path)) as container:
        return [
            (s.type, s.codec_context.codec.canonical_name, s.metadata.get("language", "und"))
            for s in container.streams
            if s.type != "video"
        ]


@pytest.mark.parametrize("codec", ["aac", "eac3", "opus", "flac"])
@pytest.mark.parametrize("start", [0.0, 0.6])
def test_encoded_sound_stays_in_time_to_the_millisecond(film: Path, tmp_path: Path, codec: str, start: float) -> None:
    out = tmp_path / "out.mp4"
    _convert(film, out, "--audio", "1", "--audio-codec", codec, "--start", str(start), "--end", "2")
    assert _tracks(out)[0] == ("audio", codec, "eng")
    meant = [at + 0.433 - start for at in CLICKS if start <= at + 0.433 < 2]
    assert _clicks(out) == pytest.approx(meant, abs=0.001)


def test_what_fits_is_copied_whatever_the_rest_becomes(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    _convert(film, out, "--audio-codec", "ac3")
    sound = [("audio", "ac3", "eng"), ("audio", "flac", "deu"), ("audio", "aac", "und")]
    assert [t for t in _tracks(out) if t[0] == "audio"] == sound
    said = _convert(film, tmp_path / "left.mp4", code=3)
    assert "pcm_s16le" in said
    assert "--audio-codec aac" in said


def test_chosen_tracks_come_along_in_their_order(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    said = _convert(film, out, "--audio", "deu,1", "--subs", "2")
    assert "lost" not in said
    assert _tracks(out) == [
        ("audio", "pcm_s16le", "eng"),
        ("audio", "flac", "deu"),
        *(("subtitle", codec, "deu") for codec in ("subrip", "ass")),
    ]
    _convert(film, tmp_path / "silent.mkv", "--audio", "none", "--subs", "none")
    assert _tracks(tmp_path / "silent.mkv") == []


def test_tracks_that_are_not_there_are_refused_at_once(film: Path, tmp_path: Path) -> None:
    said = _convert(film, tmp_path / "out.mkv", "--audio", "fra", code=2)
    assert "there is no track 'fra'" in said
    assert "1 (eng), 2 (deu), 3 (und)" in said
    assert "no track '3'" in _convert(film, tmp_path / "out.mkv", "--subs", "eng,3", code=2)
    assert not list(tmp_path.iterdir())
