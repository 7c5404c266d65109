"""Joins, the final file, and that verification believes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stereo3d.errors import OutputError, UsageError, VerificationError
from stereo3d.frames import Timeline
from stereo3d.layouts import LAYOUTS
from stereo3d.media.join import Sink, join, output_origin
from stereo3d.media.mux import OutputPlan, Span, mux
from stereo3d.media.probe import probe
from stereo3d.media.split import packets_sha256
from stereo3d.media.stereo_box import write_stereo_boxes
from stereo3d.media.verify import verify_output
from tests.media.conftest import Built, Clip, ffmpeg, times_of

Build = Callable[..., Built]


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "ffv1"])
@pytest.mark.parametrize("name", ["vfr", "vfr_mp4", "ts61"])
def test_joined_times_are_exact(build: Build, codec: str, name: str) -> None:
    film = build(name, codec)
    out = film.folder / "joined.mp4"
    result = join(film.segments, film.timeline, film.cuts, out)
    assert result.packets == film.report.frames
    assert times_of(out) == [p * film.timeline.time_base for p in film.timeline.pts]
    with av.open(str(out)) as container:
        shown = [f.pts * f.time_base for f in container.decode(video=0)]
    assert shown == times_of(out)


def test_a_lost_frame_or_foreign_segment_is_found(build: Build) -> None:
    film = build("main")
    out = film.folder / "joined.mp4"
    with pytest.raises(VerificationError, match="frames, not"):
        join(film.segments, film.timeline, (0, 18, 40), out)
    other = replace(film.spec, crf=30, options=(("preset", "slow"), ("crf", "30")))
    foreign = Built(film.info, film.report, film.folder / "..", other, (0,)).segments[0]
    part = Timeline(film.timeline.pts + tuple(p + 10**6 for p in film.timeline.pts), film.timeline.time_base, 512)
    with pytest.raises(VerificationError, match="other settings"):
        join([*film.segments, foreign], part, (*film.cuts, 75), out)
    assert not out.exists()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize(
    "name",
    [
        "main",
        "open_gop",
        "vfr",
        "vfr_mp4",
        "ntsc",
        "delayed",
        "silent",
        "ts61",
        "ts",
        "avi",
        "raw",
        "edit_list",
        "negative",
    ],
)
def test_every_source_arrives_whole(build: Build, name: str, suffix: str) -> None:
    film = build(name)
    plan = OutputPlan(film.timeline, "sbs-full", origin=output_origin(film.timeline, cut=False))
    out, report = film.deliver(f"out{suffix}", plan)
    verified = verify_output(out, film.segments, film.info, plan, report)
    assert verified.frames == film.report.frames
    assert verified.audio_tracks == len(film.info.audio)
    assert (verified.audio_packets > 50) == bool(film.info.audio)
    assert verified.stereo == "left_right"
    if film.info.audio and not plan.origin:
        before = times_of(film.info.path, film.info.audio[0].index)[0]
        assert abs(times_of(out, 1)[0] - before) <= Fraction(1, 1000)


def test_a_clock_that_begins_anew(build: Build, clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "joined.ts"
    path.write_bytes(clip("ts61").read_bytes() + clip("ts").read_bytes())
    film = build(path)
    plan = OutputPlan(film.timeline, "sbs-full", repair_times=film.report.irregular > 0)
    out, report = film.deliver("out.mkv", plan)
    verify_output(out, film.segments, film.info, plan, report)
    picture, sound = times_of(out), times_of(out, 1)
    assert abs(picture[-1] - sound[-1]) < Fraction(1, 5)
    assert picture[-1] - picture[0] < 7


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_cut_takes_its_sound_along(build: Build, suffix: str) -> None:
    whole = build("delayed")
    pts = whole.timeline.pts[25:60]
    step = whole.timeline.time_base
    part = Timeline(pts, step, whole.timeline.pts[60] - pts[-1])
    film = Built(whole.info, replace(whole.report, timeline=part), whole.folder, whole.spec, (0, 20))
    span = Span(pts[0] * step, (pts[-1] + part.last_duration) * step)
    plan = OutputPlan(part, "sbs-full", origin=output_origin(part, cut=True), span=span)
    out, report = film.deliver(f"cut{suffix}", plan)
    verified = verify_output(out, film.segments, film.info, plan, report)
    sound = times_of(out, 1)
    assert times_of(out)[0] == 0
    assert 0 <= sound[0] < Fraction(1, 40)
    assert Fraction(135, 100) < sound[-1] < Fraction(14, 10)
    assert verified.audio_packets == len(sound) < 70


def _rich(clip: Clip, folder: Path) -> Path:
    (folder / "s.srt").write_text(
        "1\n00:00:00,500 --> 00:00:01,000\nHello\n\n2\n00:00:01,500 --> 00:00:02,000\nThere\n"
    )
    (folder / "font.ttf").write_bytes(b"\0\1\0\0" + bytes(400))
    (folder / "meta.txt").write_text(
        ";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1200\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1200\nEND=3000\ntitle=Two\n"
    )
    ffmpeg(*["-f", "lavfi", "-i", "testsrc2=size=64x64:duration=0.04", "-frames:v", "1"], folder / "cover.png")
    path = folder / "rich.mkv"
    ffmpeg("-i", clip("main"), "-i", folder / "s.srt", "-i", folder / "meta.txt", "-map", "0:v", "-map", "0:a", "-map", "0:a",
           "-map", "1", "-map_metadata", "2", "-map_chapters", "2", "-c:v", "copy", "-c:a:0", "copy", "-c:a:1", "pcm_s16le",
           "-c:s", "srt", "-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=eng", "-metadata:s:a:1", "title=Comments",
           "-metadata:s:s:0", "language=deu", "-disposition:a:0", "default+original", "-disposition:a:1", "comment",
           "-disposition:s:0", "forced", "-attach", folder / "font.ttf", "-metadata:s:t:0", "mimetype=font/ttf",
           "-attach", folder / "cover.png", "-metadata:s:t:1", "mimetype=image/png", "-metadata:s:t:1", "filename=cover.png",
           path)  # fmt: skip
    return path


def test_everything_comes_along_in_matroska(build: Build, clip: Clip, tmp_path: Path) -> None:
    film = build(_rich(clip, tmp_path))
    plan = OutputPlan(film.timeline, "sbs-half")
    out, report = film.deliver("out.mkv", plan)
    verified = verify_output(out, film.segments, film.info, plan, report)
    assert (verified.audio_tracks, report.not_carried) == (2, ())
    before, after = probe(film.info.path), probe(out)
    assert after.video.codec == "h264"
    assert [replace(s, index=0) for s in after.audio] == [replace(s, index=0) for s in before.audio]
    assert after.audio[1].dispositions == ("comment",)
    assert sorted((s.kind, s.codec, s.language, s.title) for s in after.others) == sorted(
        (s.kind, s.codec, s.language, s.title) for s in before.others
    )
    with av.open(str(out)) as container:
        assert container.metadata["title"] == "A film"
        assert [c["metadata"]["title"] for c in container.chapters()] == ["One", "Two"]
        assert container.streams.video[0].sample_aspect_ratio == 2
    assert not list(film.folder.glob(".*cover*"))


def test_mp4_says_what_it_cannot_carry(build: Build, clip: Clip, tmp_path: Path) -> None:
    film = build(_rich(clip, tmp_path))
    plan = OutputPlan(film.timeline, "ou-full")
    out, report = film.deliver("out.mp4", plan)
    verified = verify_output(out, film.segments, film.info, plan, report)
    assert verified.stereo == "top_bottom"
    assert sorted(c.stream.kind for c in report.carried) == ["audio", "cover", "subtitle"]
    lost = [str(n) for n in report.not_carried]
    assert any("attachment" in n for n in lost)
    assert any("pcm_s16le" in n for n in lost)
    subtitle = [s for s in probe(out).others if s.kind == "subtitle"]
    assert [(s.codec, s.language) for s in subtitle] == [("mov_text", "deu")]


def test_sound_that_matroska_cannot_hold_is_kept_without_loss(build: Build, clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "latm.ts"
    ffmpeg("-i", clip("main"), "-c", "copy", "-mpegts_flags", "latm", path)
    film = build(path)
    plan = OutputPlan(film.timeline, "sbs-full")
    out, report = film.deliver("out.mkv", plan)
    assert [(c.stream.codec, c.codec) for c in report.carried] == [("aac_latm", "flac")]
    assert [s.codec for s in probe(out).audio] == ["flac"]
    assert "flac" in str(report.not_carried[0])
    assert verify_output(out, film.segments, film.info, plan, report).audio_tracks == 0


# (layout, eyes swapped, Matroska's StereoMode, MP4's st3d, width over height of the pixels as FFmpeg reads Matroska)
TAGS = [
    ("sbs-full", False, "left_right", "left_right", 1),
    ("sbs-full", True, "right_left", "right_left", 1),
    ("sbs-half", False, "left_right", "left_right", 2),
    ("ou-full", True, "bottom_top", "", 1),
    ("ou-half", False, "top_bottom", "top_bottom", Fraction(1, 2)),
    ("cross-eyed", False, "right_left", "right_left", 1),
    ("cross-eyed", True, "left_right", "left_right", 1),
    ("anaglyph", False, "anaglyph_cyan_red", "", 1),
    ("anaglyph", True, "", "", 1),
    ("anaglyph-green-magenta", False, "anaglyph_green_magenta", "", 1),
    ("anaglyph-amber-blue", False, "", "", 1),
    ("anaglyph-colour", False, "anaglyph_cyan_red", "", 1),
    ("anaglyph-half-colour", False, "anaglyph_cyan_red", "", 1),
    ("anaglyph-grey", False, "anaglyph_cyan_red", "", 1),
    ("interlaced", False, "row_interleaved_lr", "", 1),
    ("interlaced", True, "row_interleaved_rl", "", 1),
    ("checkerboard", False, "checkerboard_lr", "", 1),
    ("checkerboard", True, "checkerboard_rl", "", 1),
    ("vr180", False, "left_right", "left_right", 1),
    ("vr180", True, "right_left", "right_left", 1),
    ("2d+depth", False, "", "", 1),
    ("", False, "", "", 1),
]


@pytest.mark.parametrize(("layout", "swap", "matroska", "mp4", "shape"), TAGS)
def test_stereo_tags(build: Build, layout: str, swap: bool, matroska: str, mp4: str, shape: Fraction) -> None:
    film = build("silent", "hevc", cuts=(0, 10))
    for name, wanted in (("out.mkv", matroska), ("out.mp4", mp4)):
        plan = OutputPlan(film.timeline, layout, swap)
        out, report = film.deliver(name, plan)
        verified = verify_output(out, film.segments, film.info, plan, report)
        assert (verified.stereo, verified.sphere) == (wanted, layout == "vr180")
        with av.open(str(out)) as container:
            stream = container.streams.video[0]
            if name == "out.mkv":
                assert stream.metadata.get("stereo_mode", "") == matroska
                assert (stream.sample_aspect_ratio or 1) == shape
            frame = next(container.decode(stream))
            kinds = {entry.type.name for entry in frame.side_data}
            assert ("SPHERICAL" in kinds) == (layout == "vr180")


def test_every_layout_has_its_tags_tested() -> None:
    assert {row[0] for row in TAGS} == {*LAYOUTS, ""}


def test_the_boxes_are_those_of_the_description(build: Build) -> None:
    film = build("silent", "hevc", cuts=(0, 10))
    out, _ = film.deliver("out.mp4", OutputPlan(film.timeline, "vr180", swap_eyes=True))
    data = out.read_bytes()
    at = data.index(b"st3d")
    assert data[at - 4 : at + 9] == bytes([0, 0, 0, 13]) + b"st3d" + bytes([0, 0, 0, 0, 4])
    assert data[at + 13 : at + 17] == b"sv3d"
    at = data.index(b"equi")  # size, kind, version, then what is cut off: top, bottom, left, right
    assert data[at - 4 : at] == bytes([0, 0, 0, 28])
    assert data[at + 8 : at + 24] == bytes(8) + 2 * bytes([0x40, 0, 0, 0])
    assert data[data.index(b"svhd") + 8 :].startswith(b"stereo3d ")


@pytest.mark.parametrize("layout", ["sbs-full", "ou-half", "vr180", "anaglyph"])
def test_the_index_of_an_mp4_comes_first(build: Build, layout: str) -> None:
    film = build("main")
    plan = OutputPlan(film.timeline, layout)
    out, report = film.deliver("out.mp4", plan)
    verify_output(out, film.segments, film.info, plan, report)
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"VideoHandler\0" in data  # the room for the boxes is used up


def test_an_index_without_room_for_the_box_is_refused(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(clip("faststart").read_bytes())
    with pytest.raises(OutputError, match="no room"):
        write_stereo_boxes(path, "left_right")
    assert path.read_bytes() == clip("faststart").read_bytes()


def test_half_a_sphere_in_the_lossless_codec(build: Build) -> None:
    film = build("silent", "ffv1", cuts=(0, 10))
    plan = OutputPlan(film.timeline, "vr180")
    out, report = film.deliver("out.mkv", plan)
    assert verify_output(out, film.segments, film.info, plan, report).sphere


def test_outputs_that_cannot_be(build: Build) -> None:
    film = build("silent", "ffv1", cuts=(0, 10))
    plan = OutputPlan(film.timeline)
    for name in ("out.avi", "out.mp4"):
        with pytest.raises(UsageError) as caught:
            film.deliver(name, plan)
        assert "mkv" in caught.value.hint
    (film.folder / "out.mkv").mkdir()
    with pytest.raises(OutputError, match="ffmpeg ended with"):
        film.deliver("out.mkv", plan)


def test_verification_believes_nothing(build: Build) -> None:
    film = build("main")
    plan = OutputPlan(film.timeline, "sbs-full")
    out, report = film.deliver("out.mkv", plan)
    verify_output(out, film.segments, film.info, plan, report)

    def refused(words: str, **changed: object) -> None:
        arguments = {
            "out": out,
            "segments": film.segments,
            "info": film.info,
            "plan": plan,
            "report": report,
            **changed,
        }
        with pytest.raises(VerificationError, match=words):
            verify_output(**arguments)

    late = film.folder / "late.mkv"
    ffmpeg("-i", out, "-itsoffset", "0.02", "-i", out, "-map", "0:v", "-map", "1:a", "-c", "copy", "-copyts", late)
    refused("off by", out=late)
    short = film.folder / "short.mkv"
    ffmpeg("-i", out, "-map", "0:v", "-map", "0:a", "-c", "copy", "-bsf:a", "noise=drop=eq(n\\,40)", short)
    refused("packets that are not the source's", out=short)
    refused("are not those of", segments=[film.segments[1], film.segments[0], film.segments[2]])
    pts = list(film.timeline.pts)
    pts[30] += 100
    refused("frame 30 is at", plan=replace(plan, timeline=replace(film.timeline, pts=tuple(pts))))
    refused("stereo tag", plan=replace(plan, swap_eyes=True))
    refused("not tagged as half a sphere", plan=replace(plan, layout="vr180"))
    refused("has 75 frames, not 74", plan=replace(plan, timeline=replace(film.timeline, pts=film.timeline.pts[:-1])))
    last = film.segments[-1].with_name("last.mkv")
    ffmpeg("-i", film.segments[-1], "-c", "copy", "-frames:v", "30", last)
    refused("75 frames, its segments have 70", segments=[*film.segments[:2], last])
    refused("are not those of 000", segments=[*film.segments, film.segments[0]])
    out.write_bytes(out.read_bytes()[: out.stat().st_size // 2])
    refused("frames, not")


def test_what_was_recorded_of_a_segment_decides(build: Build) -> None:
    film = build("main")
    plan = OutputPlan(film.timeline, "sbs-full")
    out, report = film.deliver("out.mkv", plan)
    recorded = [packets_sha256(path) for path in film.segments]
    verify_output(out, film.segments, film.info, plan, report, recorded)
    verify_output(out, film.segments, film.info, plan, report, ["", recorded[1], ""])  # it is read again
    other = [recorded[0], recorded[2], recorded[2]]
    with pytest.raises(VerificationError, match=r"pictures 17\.\.39 are not those of 001\.mkv"):
        verify_output(out, film.segments, film.info, plan, report, other)


def test_one_flipped_bit_is_found(build: Build) -> None:
    film = build("main")
    plan = OutputPlan(film.timeline, "sbs-full")
    out, report = film.deliver("out.mkv", plan)
    recorded = [packets_sha256(path) for path in film.segments]
    with av.open(str(out)) as container:
        packet = [p for p in container.demux(video=0) if p.size][30]
        place, size = packet.pos, packet.size
    with out.open("rb+") as file:
        file.seek(place + size // 2)
        byte = file.read(1)[0]
        file.seek(place + size // 2)
        file.write(bytes([byte ^ 4]))
    with pytest.raises(VerificationError, match="are not those of 001"):
        verify_output(out, film.segments, film.info, plan, report, recorded)


def test_an_error_while_the_picture_is_written_leaves_nothing(build: Build) -> None:
    film = build("main")
    plan, out = OutputPlan(film.timeline, "sbs-full"), film.folder / "out.mkv"

    def breaks_off(pipe: Sink) -> None:
        pipe.write(bytes(100))
        raise VerificationError("a segment is gone")

    with pytest.raises(VerificationError, match="a segment is gone"):
        mux(film.segments[0], breaks_off, film.info, out, plan)
    assert not out.exists()


def test_what_ffmpeg_says_is_told_when_it_ends_before_all_was_written(build: Build) -> None:
    film = build("main")
    plan, out = OutputPlan(film.timeline, "sbs-full"), film.folder / "out.mkv"

    def nonsense(pipe: Sink) -> None:
        for _ in range(100):
            pipe.write(b"no movie" * 10_000)

    with pytest.raises(OutputError, match=r"ffmpeg ended with \d+: .*(Invalid data|moov)"):
        mux(film.segments[0], nonsense, film.info, out, plan)
    assert not out.exists()
