"""The same promises on real films, where they are at hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from stereo3d.media.mux import OutputPlan
from stereo3d.media.verify import verify_output
from tests.media.conftest import Built, pixels, scanned

CLIPS = Path(__file__).parents[2].parent / "shared" / "data" / "video"
NAMES = ["bigbuckbunny", "bikes", "chaplin", "fades", "nasa_13013", "nasa_13013_hdr", "sam2_02_cups"]


def _clip(name: str) -> Path:
    path = CLIPS / f"{name}.mp4"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_runs_are_exact(name: str) -> None:
    info, report = scanned(_clip(name))
    assert report.irregular == report.corrupt_packets == 0
    assert report.seekable
    assert not report.truncated
    choose = random.Random(3)
    middle = choose.randrange(report.frames - 30)
    whole = pixels(info, report, middle, middle + 30, threads=2)
    for start in (middle, middle + 11, middle + 29):
        assert np.array_equal(pixels(info, report, start, start + 1)[0], whole[start - middle])


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("name", ["nasa_13013", "nasa_13013_hdr", "chaplin"])
def test_delivery_is_whole(build: Callable[..., Built], name: str, suffix: str) -> None:
    film = build(_clip(name), "hevc" if "hdr" in name else "h264", cuts=(0, 100, 151))
    plan = OutputPlan(film.timeline, "sbs-full")
    out, report = film.deliver(f"out{suffix}", plan)
    verified = verify_output(out, film.segments, film.info, plan, report)
    assert (verified.frames, verified.audio_tracks) == (film.report.frames, len(film.info.audio))
    assert not report.not_carried
    assert [s.stream.index for s in report.carried] == (
        [1, 2, 3, 4, 5] if name == "nasa_13013" else [1] if film.info.audio else []
    )


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_timecode_track_becomes_a_tag(build: Callable[..., Built], suffix: str) -> None:
    film = build(_clip("sam2_02_cups"), "h264", cuts=(0, 100, 151))
    plan = OutputPlan(film.timeline, "sbs-full")
    out, report = film.deliver(f"out{suffix}", plan)
    verify_output(out, film.segments, film.info, plan, report)
    assert not report.not_carried
    with av.open(str(out)) as container:
        tags = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
        assert tags["timecode"] == "00:00:00:00"
