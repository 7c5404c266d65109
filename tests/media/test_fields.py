"""A frame for each field: times, and the same pictures wherever one begins to read."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from stereo3d.errors import UsageError
from stereo3d.frames import Timeline
from stereo3d.media.decode import decode
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.media.scan import ScanReport, scan
from stereo3d.media.wanted import wanted
from stereo3d.settings import Settings
from tests.media.conftest import Clip, ffmpeg, pixels


def _scanned(info: MediaInfo) -> ScanReport:
    work = scan(info, threads=1)
    for _ in work:
        pass
    return work.report


@pytest.fixture(params=["ts", "mkv", "mp4"])
def source(request: pytest.FixtureRequest, clip: Clip) -> MediaInfo:
    path = clip("interlaced")
    if request.param != "ts":
        again = path.with_suffix(f".{request.param}")
        if not again.exists():
            ffmpeg("-i", path, "-c", "copy", again)
        path = again
    return probe(path)


def test_fields_double_the_frames_at_even_steps(source: MediaInfo) -> None:
    frames = _scanned(source)
    info = wanted(source, Settings.from_flat({"deinterlace": "field"}))
    fields = _scanned(info)
    assert fields.frames == 2 * frames.frames
    assert fields.timeline.pts[::2] == frames.timeline.pts
    half = frames.timeline.duration(0, 10) / 20 / fields.timeline.time_base
    assert all(abs(b - a - half) <= 1 for a, b in pairwise(fields.timeline.pts))
    assert abs(fields.found - frames.found) <= half * fields.timeline.time_base
    assert info.video.shown_rate == 2 * source.video.average_rate


def test_every_field_is_decoded_at_its_time_from_wherever(source: MediaInfo) -> None:
    info = wanted(source, Settings.from_flat({"deinterlace": "field"}))
    report = _scanned(info)
    replaced: list[object] = []
    whole = pixels(info, report, on_replaced=replaced.append)
    assert (len(whole), replaced) == (report.frames, [])
    assert sum(not np.array_equal(a, b) for a, b in pairwise(whole)) > 0.9 * len(whole)
    for start in (1, 23, 24, 25, 40, 47, report.frames - 1):
        part = pixels(info, report, start, min(start + 3, report.frames), on_replaced=replaced.append)
        for a, b in zip(part, whole[start : start + 3], strict=True):
            assert np.array_equal(a, b), start
    assert replaced == []


def test_off_leaves_the_combs(source: MediaInfo) -> None:
    info = wanted(source, Settings.from_flat({"deinterlace": "off"}))
    report = _scanned(info)
    timeline: Timeline = report.timeline
    combs = next(decode(info, timeline, 10, 11, batch=1, threads=1)).planes[0][0].numpy().astype(int)
    clean = next(decode(source, timeline, 10, 11, batch=1, threads=1)).planes[0][0].numpy().astype(int)

    def roughness(picture: np.ndarray) -> float:
        return float(np.abs(2 * picture[1:-1] - picture[:-2] - picture[2:]).mean())

    assert roughness(combs) > 1.1 * roughness(clean)


def test_progressive_films_do_not_care(clip: Clip) -> None:
    info = probe(clip("main"))
    for how in ("frame", "field", "off"):
        assert wanted(info, Settings.from_flat({"deinterlace": how})) == info
    with pytest.raises(UsageError):
        Settings.from_flat({"deinterlace": "both"})
    assert replace(info.video, fields=True).shown_rate == 50
