"""Writing the demo film: every frame, its time, its colour and the sound come back."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from stereo3d.demo import DemoFilm
from stereo3d.errors import InputError
from stereo3d.media.simple_writer import read_frame, write_film

NTSC = Fraction(24000, 1001)


def read_sound(path: Path) -> npt.NDArray[np.float64]:
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        assert rate == 48000
        parts = [frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)]
    return np.concatenate(parts) / 32767.0


@pytest.mark.parametrize(("suffix", "exact"), [("mp4", True), ("mkv", False)])
def test_round_trip(tmp_path: Path, suffix: str, exact: bool) -> None:
    film = DemoFilm(160, 90, frames_per_shot=4)
    path, sound = tmp_path / f"film.{suffix}", film.sound()
    assert write_film(path, film.pictures(), film.rate, sound) == film.frames

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == NTSC
        assert (stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt) == (
            160,
            90,
            "yuv420p",
        )
        context = stream.codec_context
        tags = (context.colorspace, context.color_range, context.color_primaries, context.color_trc)
        assert tags == (1, 1, 1, 1)
        times = [frame.pts * stream.time_base for frame in container.decode(video=0)]
    wanted = [k / NTSC for k in range(film.frames)]
    assert len(times) == film.frames
    if exact:
        assert times == wanted
    assert max(abs(a - b) for a, b in zip(times, wanted, strict=True)) <= Fraction(1, 2000)

    heard = read_sound(path)
    assert heard.shape == sound.shape
    assert np.abs(heard - sound).max() < 1 / 32767
    for index in (0, 5, film.frames - 1):
        error = read_frame(path, index).astype(np.float64) - film.rgb(index)
        assert 10 * np.log10(255**2 / np.mean(error**2)) > 28


def test_colours_are_bt709_studio_range(tmp_path: Path) -> None:
    """Code values by hand: Y = 16 + 219 (0.2126 R + 0.7152 G + 0.0722 B), ITU-R BT.709-6."""
    colours = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)], np.uint8)
    path = tmp_path / "colours.mp4"
    write_film(path, (np.broadcast_to(colour, (64, 96, 3)) for colour in colours), Fraction(25), crf=4)
    with av.open(str(path)) as container:
        luma = [int(frame.to_ndarray()[32, 48]) for frame in container.decode(video=0)]
    assert np.allclose(luma, 16 + 219 * (colours / 255.0) @ [0.2126, 0.7152, 0.0722], atol=1.01)
    for index, colour in enumerate(colours):
        assert np.abs(read_frame(path, index)[32, 48].astype(int) - colour).max() <= 3


def test_aac_and_silence(tmp_path: Path) -> None:
    pictures = [np.full((64, 96, 3), 40 * k, np.uint8) for k in range(5)]
    tone = 0.3 * np.sin(np.arange(9600) * 0.05).astype(np.float32)[:, None].repeat(2, axis=1)
    write_film(tmp_path / "aac.mp4", pictures, Fraction(25), tone, sound_codec="aac")
    write_film(tmp_path / "silent.mkv", pictures, Fraction(25))
    with av.open(str(tmp_path / "aac.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 9600
    with av.open(str(tmp_path / "silent.mkv")) as container:
        assert not container.streams.audio


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        write_film(tmp_path / "none.mkv", [], NTSC)
    write_film(tmp_path / "one.mkv", [np.zeros((64, 64, 3), np.uint8)], NTSC)
    with pytest.raises(InputError, match="has no frame 1"):
        read_frame(tmp_path / "one.mkv", 1)
