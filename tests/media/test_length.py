"""A film's length and frame rate, looked up: headers that lie, files that are cut off."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stereo3d.media.length import with_true_length
from stereo3d.media.probe import probe
from tests.films import make_film

FRAMES, RATE = 480, Fraction(24)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("length") / "film.mp4"
    return make_film(place, (FRAMES // 4,) * 4, rate=RATE, keyframes=24, size=(96, 64))


def copied(film: Path, out: Path, *, slower: int = 1) -> Path:
    """The same packets in another container, their times stretched."""
    with av.open(str(film)) as source, av.open(str(out), "w") as target:
        streams = [s for s in source.streams if slower == 1 or s.type == "video"]
        copies = {s.index: target.add_stream_from_template(s, opaque=True) for s in streams}
        for packet in source.demux(streams):
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts, packet.duration = packet.pts * slower, packet.dts * slower, 0
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
    return out


def cut(film: Path, share: float, out: Path) -> Path:
    content = film.read_bytes()
    out.write_bytes(content[: int(share * len(content))])
    return out


def seconds_and_frames(path: Path) -> tuple[float, int]:
    found = with_true_length(probe(path))
    assert found is not None
    assert found.duration is not None
    return float(found.duration), found.video.frames_hint


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_the_length_is_the_pictures(film: Path, tmp_path: Path, suffix: str) -> None:
    seconds, frames = seconds_and_frames(copied(film, tmp_path / f"film{suffix}"))
    assert seconds == pytest.approx(20, abs=0.05)
    assert abs(frames - FRAMES) <= 2


def test_an_avi_counts_ticks_not_frames(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.avi", (60, 60), rate=RATE, keyframes=24, sound=False)
    seconds, frames = seconds_and_frames(film)
    assert seconds == pytest.approx(5, abs=0.1)
    assert abs(frames - 120) <= 2


def test_a_rate_that_the_header_has_wrong_is_counted(film: Path) -> None:
    said = probe(film)
    lying = replace(said, video=replace(said.video, average_rate=Fraction(600), frames_hint=12_000))
    found = with_true_length(lying)
    assert found is not None
    assert found.video.average_rate == RATE
    assert found.video.frames_hint == FRAMES


@pytest.mark.parametrize("said", [None, Fraction(7), Fraction(900)])
def test_a_length_that_the_header_has_wrong_is_looked_up(film: Path, tmp_path: Path, said: Fraction | None) -> None:
    found = with_true_length(replace(probe(copied(film, tmp_path / "film.mkv")), duration=said))
    assert found is not None
    assert float(found.duration or 0) == pytest.approx(20, abs=0.05)


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_of_a_film_that_is_cut_off_what_is_there_counts(film: Path, tmp_path: Path, suffix: str) -> None:
    whole = copied(film, tmp_path / f"film{suffix}")
    seconds, frames = seconds_and_frames(cut(whole, 0.5, tmp_path / f"cut{suffix}"))
    assert 7 < seconds < 13
    assert frames == pytest.approx(24 * seconds, abs=3)


def test_an_index_may_promise_what_is_not_there(film: Path, tmp_path: Path) -> None:
    whole = tmp_path / "first.mp4"
    with av.open(str(film)) as source, av.open(str(whole), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    torn = cut(whole, 0.5, tmp_path / "torn.mp4")
    assert probe(torn).video.frames_hint == FRAMES
    seconds, frames = seconds_and_frames(torn)
    assert 7 < seconds < 13
    assert frames == pytest.approx(24 * seconds, abs=3)


def test_times_far_apart_are_no_hole_in_the_count(film: Path, tmp_path: Path) -> None:
    seconds, frames = seconds_and_frames(copied(film, tmp_path / "slow.mkv", slower=8))
    assert seconds == pytest.approx(160, abs=1)
    assert abs(frames - FRAMES) <= 5


def test_a_single_frame_is_one_frame(tmp_path: Path) -> None:
    assert seconds_and_frames(make_film(tmp_path / "one.mp4", (1,), rate=RATE, sound=False)) == (
        pytest.approx(1 / 24),
        1,
    )


def test_where_nothing_can_be_looked_up_the_header_is_all_there_is(film: Path, tmp_path: Path) -> None:
    assert with_true_length(replace(probe(film), path=tmp_path / "gone.mp4")) is None
