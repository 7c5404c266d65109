"""An HDR film as an SDR one, through the program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from stereo3d.media.tools import ffmpeg_exe
from tests.films import picture_times, planes, run


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of HDR10 with black bars above and below."""
    path = tmp_path_factory.mktemp("film") / "hdr.mkv"
    tags = "setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    picture = f"format=yuv420p10le,{tags},drawbox=h=16:t=fill:color=black,drawbox=y=80:h=16:t=fill:color=black"
    master = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    x265 = f"log-level=none:hdr10=1:master-display={master}:max-cll=1000,400:colorprim=9:transfer=16:colormatrix=9"
    words = ["-f", "lavfi", "-i", "testsrc2=size=160x96:rate=24:duration=0.5", "-vf", picture, "-c:v", "libx265"]
    words += ["-preset", "ultrafast", "-x265-params", x265, path]
    subprocess.run([ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, words)], check=True)
    return path


def test_the_film_is_sdr_through_and_through(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    run("convert", film, "-o", out, "--model", "classic", "--sdr", "--encoder-preset", "ultrafast")
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert stream.codec_context.codec.canonical_name == "h264"
    assert frame.format.name == "yuv420p"
    assert (frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range) == (1, 1, 1, 1)
    kinds = {entry.type.name for entry in frame.side_data}
    assert not kinds & {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
    assert picture_times(out) == picture_times(film)


def test_without_strength_the_eyes_are_alike_and_the_bars_stay_black(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    run("convert", film, "-o", out, "--model", "classic", "--sdr", "--codec", "ffv1", "--strength", "0", "--end", "0.2")
    for picture in planes(out):
        left, right = np.split(picture[0], 2, 1)
        assert np.array_equal(left, right)
        assert left[:14].max() <= 18
        assert left[20:76].mean() > 40


def test_an_sdr_film_is_left_as_it_is(film: Path, tmp_path: Path) -> None:
    sdr = tmp_path / "sdr.mkv"
    words = ["-f", "lavfi", "-i", "testsrc2=size=160x96:rate=24:duration=0.2", "-pix_fmt", "yuv420p", "-c:v", "ffv1"]
    subprocess.run([ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *words, str(sdr)], check=True)
    out = tmp_path / "out.mkv"
    run("convert", sdr, "-o", out, "--model", "classic", "--sdr", "--codec", "ffv1", "--strength", "0")
    for source, packed in zip(planes(sdr), planes(out), strict=True):
        for plane, both in zip(source, packed, strict=True):
            assert np.array_equal(both, np.concatenate([plane, plane], 1))
