"""Sources of every kind through decode, segments, join and mux: every frame at its time, everything else as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stereo3d.media.join import output_origin
from stereo3d.media.mux import OutputPlan
from stereo3d.media.verify import verify_output
from tests.media.conftest import Built, times_of
from tests.sources import FRAMES, Source, all_sources, table

MILLISECOND = Fraction(1, 1000)
# One of each codec, container, rate and colour, and the pairs that broke something once.
QUICK = {
    ("h264", "ts", "59.94", "8 bit 709"),
    ("h264", "avi", "23.976", "8 bit 709"),
    ("hevc", "mp4", "VFR", "10 bit PQ"),
    ("av1", "webm", "VFR", "10 bit 709"),
    ("mpeg2", "ts", "25", "8 bit 709"),
    ("vp9", "mkv", "23.976", "10 bit PQ"),
    ("prores", "mov", "VFR", "10 bit 709"),
}
SOURCES = [
    pytest.param(s, id=str(s), marks=() if (s.codec, s.container, s.rate, s.colour) in QUICK else pytest.mark.long)
    for s in all_sources()
    if not s.missing
]


def _first_picture(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def _packets(path: Path, kind: str) -> list[str]:
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        return [hashlib.md5(bytes(p)).hexdigest() for p in container.demux(streams) if p.size] if streams else []


def _tags(path: Path) -> tuple[str, list[str]]:
    with av.open(str(path)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
        return tags.get("title", ""), [s.metadata.get("language", "und") for s in container.streams.audio]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_arrives_whole(build: Callable[..., Built], tmp_path: Path, source: Source) -> None:
    path = source.make(tmp_path)
    film = build(path, cuts=(0, 7, 15))
    assert film.report.frames == FRAMES
    plan = OutputPlan(film.timeline, "sbs-full", origin=output_origin(film.timeline, cut=False))
    out, report = film.deliver("out.mkv", plan)
    verified = verify_output(out, film.segments, film.info, plan, report)
    assert (verified.frames, verified.audio_tracks, report.not_carried) == (FRAMES, 1, ())
    # What follows believes nothing of the above.
    times = times_of(out)
    assert len(times) == FRAMES
    assert max(abs(t - times[0] - meant) for t, meant in zip(times, source.times, strict=True)) <= MILLISECOND
    shift = plan.shift
    for number, index in ((0, film.info.video.index), (1, film.info.audio[0].index)):
        before = times_of(path, index)
        if source.container != "avi" or number:  # AVI tells no times of its own
            assert abs(times_of(out, number)[0] - before[0] - shift) <= MILLISECOND
    if source.container not in ("ts", "avi"):  # where sound is wrapped in headers of its own, verify_output unwraps it
        assert _packets(out, "audio") == _packets(path, "audio")
    if source.container in ("mkv", "webm"):
        assert _packets(out, "subtitle") == _packets(path, "subtitle") != []
    title, languages = _tags(path)
    assert _tags(out) == (title, languages)
    before, after = _first_picture(path), _first_picture(out)
    assert after.format.name == before.format.name
    for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
        assert getattr(before, name) in (getattr(after, name), 0, 2), name


def test_the_table_in_the_docs_is_of_these_sources() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "sources.md"
    assert table() in page.read_text(encoding="utf-8")
