"""What probing says of good and of hostile sources."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stereo3d.errors import InputError
from stereo3d.frames import Colour
from stereo3d.media import probe as room
from stereo3d.media.formats import carried_format
from stereo3d.media.pictures import numbered_pictures
from stereo3d.media.probe import probe, readable_packets
from tests.media.conftest import Clip, ffmpeg


def test_a_film_with_sound(clip: Clip) -> None:
    info = probe(clip("main"))
    video = info.video
    assert (info.kind, video.codec, video.width, video.height) == ("film", "h264", 160, 90)
    assert (video.time_base, video.average_rate, video.sar) == (Fraction(1, 12800), 25, 1)
    assert [s.codec for s in info.audio] == ["aac"]
    assert info.duration == pytest.approx(3, abs=0.05)
    assert video.format.colour == Colour(6, 6, 6, False)


@pytest.mark.parametrize(
    ("name", "size", "turned"),
    [
        ("anamorphic", (256, 144), (0, False)),
        ("tall_pixels", (180, 288), (0, False)),
        ("odd", (162, 92), (0, False)),
        ("rotated", (90, 160), (90, False)),
        ("mirrored", (90, 160), (270, True)),
    ],
)
def test_upright_square_even(clip: Clip, name: str, size: tuple[int, int], turned: tuple[int, bool]) -> None:
    video = probe(clip(name)).video
    assert (video.out_width, video.out_height) == size
    assert (video.rotation, video.hflip) == turned


def test_hdr_metadata_and_tags(clip: Clip) -> None:
    video = probe(clip("hdr")).video
    assert video.format.colour == Colour(9, 16, 9, False)
    assert video.format.name == "yuv420p10le"
    assert video.hdr is not None
    assert video.hdr.mastering[:2] == (Fraction(17, 25), Fraction(8, 25))
    assert video.hdr.mastering[8:] == (Fraction(1, 10000), 1000)
    assert (video.hdr.max_cll, video.hdr.max_fall) == (1000, 400)


def test_interlaced_and_full_range(clip: Clip) -> None:
    assert probe(clip("interlaced")).video.interlaced
    assert not probe(clip("main")).video.interlaced
    full = probe(clip("full_range")).video.format
    assert (full.name, full.colour.full_range) == ("yuv420p", True)


@pytest.mark.parametrize(
    ("name", "carried"),
    [
        ("yuv420p", "yuv420p"), ("yuvj422p", "yuv422p"), ("yuv444p12le", "yuv444p12le"), ("nv12", "yuv420p"),
        ("p010le", "yuv420p10le"), ("p210le", "yuv422p10le"), ("yuyv422", "yuv422p"), ("yuv411p", "yuv420p"),
        ("yuv410p", "yuv420p"), ("yuv440p", "yuv444p"), ("yuva444p10le", "yuv444p10le"), ("yuv420p9le", "yuv420p10le"),
        ("yuv420p16le", "yuv420p12le"), ("rgb24", "gbrp"), ("rgba", "gbrp"), ("pal8", "gbrp"), ("rgb48le", "gbrp12le"),
        ("gbrp10le", "gbrp10le"), ("gray", "gray"), ("ya8", "gray"), ("gray10le", "gray10le"), ("monob", "gray"),
    ],
)  # fmt: skip
def test_carried_formats(name: str, carried: str) -> None:
    assert carried_format(name, Colour(), height=480, still=False).name == carried


@pytest.mark.parametrize(("height", "matrix"), [(719, 6), (720, 1), (2160, 1)])
def test_untagged_colour_follows_the_size(height: int, matrix: int) -> None:
    assert carried_format("yuv420p", Colour(), height=height, still=False).colour.matrix == matrix
    assert (
        carried_format("yuv420p", Colour(matrix=9, primaries=9, transfer=16), height=height, still=False).colour.matrix
        == 9
    )


def test_hostile_sources(clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "empty.mkv").touch()
    (tmp_path / "notes.mp4").write_text("not a film\n" * 500)
    data = clip("main").read_bytes()
    (tmp_path / "no_moov.mp4").write_bytes(data[: data.index(b"moov") - 4])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "cover.png").touch()
    expected = {
        tmp_path / "absent.mkv": "does not exist",
        tmp_path / "empty.mkv": "0 bytes",
        tmp_path / "notes.mp4": "cannot be read",
        tmp_path / "no_moov.mp4": "cannot be read",
        tmp_path / "folder": "without numbered pictures",
        clip("sound"): "has sound",
    }
    for path, words in expected.items():
        with pytest.raises(InputError, match=words) as caught:
            probe(path)
        assert caught.value.hint, path
    with pytest.raises(InputError) as caught:
        probe(tmp_path / "no_moov.mp4")
    assert "moov" in caught.value.hint


class _Broken:
    """A container that FFmpeg gives up on after some packets, as it does where sizes in an AVI's header make no sense."""

    name = "broken"

    def demux(self, streams: object) -> Iterator[int]:
        yield from range(3)
        raise av.error.MemoryError(12, "Cannot allocate memory")


def test_what_can_be_read_is_read(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(readable_packets(_Broken(), [])) == [0, 1, 2]
    monkeypatch.setattr(room, "readable_packets", lambda *_: iter(()))
    with pytest.raises(InputError, match="none of its frames") as caught:
        probe(clip("avi"))
    assert caught.value.hint


def test_cover_art_is_not_the_film(clip: Clip, tmp_path: Path) -> None:
    ffmpeg(*["-f", "lavfi", "-i", "testsrc2=size=64x64:duration=0.04", "-frames:v", "1"], tmp_path / "cover.png")
    covered = tmp_path / "covered.mp4"
    ffmpeg("-i", tmp_path / "cover.png", "-i", clip("main"), "-map", "0:v", "-map", "1", "-c", "copy",
           "-disposition:0", "attached_pic", covered)  # fmt: skip
    info = probe(covered)
    assert (info.video.width, info.video.height) == (160, 90)
    assert [s.kind for s in info.others] == ["cover"]
    only = tmp_path / "album.m4a"
    ffmpeg("-i", clip("sound"), "-i", tmp_path / "cover.png", "-map", "0", "-map", "1", "-c", "copy",
           "-disposition:1", "attached_pic", only)  # fmt: skip
    with pytest.raises(InputError, match="only cover art"):
        probe(only)


def test_pictures_are_sorted_by_number(tmp_path: Path) -> None:
    for name in ("shot 10.png", "shot 9.png", "shot 100.png", "cover.jpg", "extra1.jpg", "shot.png"):
        (tmp_path / name).touch()
    assert [p.name for p in numbered_pictures(tmp_path)] == ["shot 9.png", "shot 10.png", "shot 100.png"]


def test_a_folder_and_a_picture_are_films(tmp_path: Path) -> None:
    ffmpeg(*["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=24", "-frames:v", "3"], tmp_path / "f_%03d.png")
    info = probe(tmp_path, rate=Fraction(30000, 1001))
    assert (info.kind, info.video.frames_hint, info.video.time_base) == ("folder", 3, Fraction(1001, 30000))
    assert info.video.format.name == "gbrp"
    one = probe(tmp_path / "f_002.png")
    assert (one.kind, len(one.pictures), one.duration) == ("picture", 1, Fraction(1, 24))
