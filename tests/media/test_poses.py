"""Films that change their pixels' shape or their turn on the way, as television does between programmes: every picture upright."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stereo3d.media.decode import decode
from stereo3d.media.probe import probe
from stereo3d.media.tools import ffmpeg_exe
from tests.media.conftest import scanned

FRAMES = 12  # a part


def _part(path: Path, *encoder: object) -> bytes:
    """A white square in the middle of each picture, as it is coded: 48 of 144 pixels wide, 48 of 96 high."""
    drawn = "color=black:size=144x96:rate=25,drawbox=x=48:y=24:w=48:h=48:color=white:t=fill"
    words = [
        "-v",
        "error",
        "-nostdin",
        "-y",
        "-f",
        "lavfi",
        "-i",
        drawn,
        "-frames:v",
        FRAMES,
        "-g",
        6,
        "-bf",
        2,
        *encoder,
        path,
    ]
    subprocess.run([ffmpeg_exe(), *map(str, words)], check=True)
    return path.read_bytes()


def _squares(path: Path) -> list[tuple[int, int]]:
    """(width, height) of the white square in each picture."""
    info, report = scanned(path)
    assert report.frames == 3 * FRAMES
    sizes = []
    for batch in decode(info, report.timeline, 0, report.frames, batch=5, seekable=report.seekable):
        for luma in batch.planes[0].numpy():
            white = luma > 128
            sizes.append((int(white.any(0).sum()), int(white.any(1).sum())))
    return sizes


def test_a_programme_that_goes_from_4_3_to_16_9_and_back(tmp_path: Path) -> None:
    path = tmp_path / "film.ts"
    shapes = ("4:3", "16:9", "4:3")
    parts = [_part(tmp_path / f"{n}.ts", "-c:v", "mpeg2video", "-q:v", 1, "-aspect", a) for n, a in enumerate(shapes)]
    path.write_bytes(b"".join(parts))
    info = probe(path)
    assert info.video.sar == Fraction(8, 9)
    assert (info.video.out_width, info.video.out_height) == (144, 108)
    sizes = _squares(path)
    narrow, wide = sizes[:FRAMES], sizes[FRAMES : 2 * FRAMES]
    assert np.abs(np.array(narrow + sizes[2 * FRAMES :]) - (48, 54)).max() <= 2
    # 16:9 in a picture of 4:3: as wide, less high
    assert np.abs(np.array(wide) - (48, 81 / 2)).max() <= 2


@pytest.mark.parametrize(
    ("turn", "size"), [("rotate=90:display_orientation=insert", (32, 32)), ("sample_aspect_ratio=2/1", (48, 24))]
)
def test_a_stream_that_is_turned_or_stretched_in_between(tmp_path: Path, turn: str, size: tuple[int, int]) -> None:
    path = tmp_path / "film.h264"
    plain = "sample_aspect_ratio=1/1"
    parts = [
        _part(
            tmp_path / f"{n}.h264",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-bsf:v",
            f"h264_metadata={change}",
            "-g",
            FRAMES,
        )
        for n, change in enumerate((plain, turn, plain))
    ]
    path.write_bytes(b"".join(parts))
    sizes = np.array(_squares(path))
    assert np.abs(sizes[:FRAMES] - 48).max() <= 2
    assert np.abs(sizes[2 * FRAMES :] - 48).max() <= 2
    assert np.abs(sizes[FRAMES : 2 * FRAMES] - size).max() <= 2
