"""The exact times of all frames, and what a pass finds wrong."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.media.conftest import Clip, ffmpeg, scanned, times_of


@pytest.mark.parametrize("name", ["main", "open_gop", "vfr", "vfr_mp4", "ntsc", "ten_bit", "ts61", "ts"])
def test_times_are_the_packets_times(clip: Clip, name: str) -> None:
    info, report = scanned(clip(name))
    assert [p * info.video.time_base for p in report.timeline.pts] == times_of(clip(name))
    assert report.irregular == report.corrupt_packets == 0
    assert report.seekable
    assert not report.truncated


def test_ntsc_and_vfr_are_what_they_were_made_to_be(clip: Clip) -> None:
    _, ntsc = scanned(clip("ntsc"))
    assert {(b - a) * ntsc.timeline.time_base for a, b in pairwise(ntsc.timeline.pts)} == {Fraction(1001, 24000)}
    _, vfr = scanned(clip("vfr"))
    assert len({b - a for a, b in pairwise(vfr.timeline.pts)}) > 2


def test_small_pictures(clip: Clip) -> None:
    from stereo3d.media.probe import probe
    from stereo3d.media.scan import scan

    with scan(probe(clip("main")), threads=1) as work:
        frames = list(work)
    assert [f.index for f in frames] == list(range(75))
    assert {f.small.shape for f in frames} == {(90, 160, 3)}
    assert frames[0].small.std() > 20
    with av.open(str(clip("main"))) as container:
        wanted = next(container.decode(video=0)).to_ndarray(format="bgr24").astype(int)
    assert abs(wanted - frames[0].small).mean() < 3


def test_a_transport_stream_keeps_its_late_start(clip: Clip) -> None:
    _, report = scanned(clip("ts61"))
    assert report.timeline.pts[0] * report.timeline.time_base > 61


def test_times_that_are_made_up(clip: Clip) -> None:
    _, raw = scanned(clip("raw"))
    assert raw.irregular == raw.frames == 75
    assert [p * raw.timeline.time_base for p in raw.timeline.pts] == [Fraction(n, 25) for n in range(75)]
    assert not raw.seekable
    _, negative = scanned(clip("negative"))
    assert [p * negative.timeline.time_base for p in negative.timeline.pts] == [
        Fraction(n, 25) - Fraction(1, 2) for n in range(75)
    ]


def test_avi_takes_decoding_times(clip: Clip) -> None:
    _, report = scanned(clip("avi"))
    assert {b - a for a, b in pairwise(report.timeline.pts)} == {1}
    assert report.seekable


def test_an_edit_list_hides_frames(clip: Clip) -> None:
    _, report = scanned(clip("edit_list"))
    assert 45 <= report.frames < 75
    assert report.timeline.pts[0] == 0


def test_a_stream_that_begins_anew(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "joined.ts"
    path.write_bytes(clip("ts61").read_bytes() + clip("ts").read_bytes())
    _, report = scanned(path)
    assert report.frames == 150
    assert report.irregular >= 70
    assert not report.seekable
    assert all(b > a for a, b in pairwise(report.timeline.pts))
    assert report.found == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("name", ["faststart", "mkv"])
def test_truncated(clip: Clip, tmp_path: Path, name: str) -> None:
    whole = clip(name).read_bytes()
    path = tmp_path / clip(name).name
    path.write_bytes(whole[: len(whole) // 2])
    _, report = scanned(path)
    assert report.truncated
    assert 5 < report.frames < 60
    assert report.expected is not None
    assert report.expected - report.found > 1


@pytest.mark.parametrize("name", ["main", "mkv"])
def test_garbage_inside_is_survived(clip: Clip, tmp_path: Path, name: str) -> None:
    data = bytearray(clip(name).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(range(200)) * 2
    path = tmp_path / clip(name).name
    path.write_bytes(data)
    _, report = scanned(path)
    assert report.frames > 40
    assert not report.truncated
    assert report.corrupt_packets or report.corrupt_frames or report.frames < 75


def test_the_report_waits_for_the_end(clip: Clip) -> None:
    from stereo3d.media.probe import probe
    from stereo3d.media.scan import scan

    work = scan(probe(clip("main")), threads=1)
    next(iter(work))
    with pytest.raises(RuntimeError, match="not been read"):
        _ = work.report
    work.close()


def test_a_hole_in_picture_and_sound_is_found_however_short(clip: Clip, tmp_path: Path) -> None:
    """Matroska's reader passes over what it cannot make sense of; half a second is lost without an error."""
    assert scanned(clip("mkv"))[1].holes == ()
    both, one = tmp_path / "both.mkv", tmp_path / "one.mkv"
    drop = "noise=drop=between(pts*tb\\,1.6\\,1.99)"
    ffmpeg("-i", clip("mkv"), "-c", "copy", "-bsf:v", drop, "-bsf:a", drop, both)
    ffmpeg("-i", clip("mkv"), "-c", "copy", "-bsf:v", drop, one)
    report = scanned(both)[1]
    assert len(report.holes) == 1
    assert 0.3 < report.holes[0][1] < 0.7
    assert scanned(one)[1].holes == ()  # a pause of the picture alone may be meant


def test_an_avi_cut_off_in_the_middle_is_truncated(clip: Clip, tmp_path: Path) -> None:
    assert not scanned(clip("avi"))[1].truncated
    short = tmp_path / "short.avi"
    data = clip("avi").read_bytes()
    short.write_bytes(data[: len(data) // 3])
    report = scanned(short)[1]
    assert report.truncated
    assert report.expected == 3


def test_a_short_end_and_a_short_hole_together_are_no_whole_film(clip: Clip, tmp_path: Path) -> None:
    """Each alone lacks less than a second."""
    whole = clip("vfr")
    with av.open(str(whole)) as source:
        video = source.streams.video[0]
        packets = [p for p in source.demux(video) if p.size]
        tag = video.metadata["DURATION"]
        end = max(p.pts for p in packets) * packets[0].time_base

        def cut(name: str, *, hole: bool) -> Path:
            path = tmp_path / name
            with av.open(str(path), "w", format="matroska") as target:
                stream = target.add_stream_from_template(video)
                for packet in packets:
                    seconds = packet.pts * video.time_base
                    if seconds < end - Fraction(7, 10) and not (hole and Fraction(2, 10) < seconds < Fraction(7, 10)):
                        packet.stream = stream
                        target.mux_one(packet)
            data = path.read_bytes()
            at = data.rindex(b"00:00:0")
            path.write_bytes(data[:at] + tag.encode() + data[at + len(tag) :])
            return path

        assert not scanned(cut("end.mkv", hole=False))[1].truncated
        assert scanned(cut("both.mkv", hole=True))[1].truncated
