"""A source with everything: nothing missing, as readers that are none of ours see it; and pictures to the last bit."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from stereo3d.media.tools import ffmpeg_exe
from tests.films import planes, run

FORMATS = [f"yuv{chroma}p{bits}" for chroma in (420, 422, 444) for bits in ("", "10le", "12le")]
OTHERS = ["gray", "gray10le", "gray12le", "gbrp", "gbrp10le", "gbrp12le"]


def _ffmpeg(*words: object) -> None:
    subprocess.run([ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, words)], check=True)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 video, 3 audio and 3 subtitle tracks, chapters, two fonts, a cover, tags, languages, titles, dispositions."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,400\nHello\n")
    (folder / "a.ttf").write_bytes(b"\0\1\0\0" + bytes(300))
    (folder / "b.otf").write_bytes(b"OTTO" + bytes(500))
    _ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x64:duration=0.04", "-frames:v", 1, folder / "cover.jpg")
    (folder / "meta.txt").write_text(
        ";FFMETADATA1\ntitle=A film\nDIRECTOR=Somebody\nDATE_RELEASED=1999\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=300\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=300\nEND=1000\ntitle=Two\n"
    )
    path = folder / "film.mkv"
    picture = ["-f", "lavfi", "-i", "testsrc2=size=160x96:rate=24:duration=1"]
    small = ["-f", "lavfi", "-i", "testsrc=size=96x64:rate=24:duration=1"]
    tone = ["-f", "lavfi", "-i", "sine=duration=1"]
    maps = [w for m in ("0:v", "2:a", "3:s", "2:a", "1:v", "2:a", "3:s", "3:s") for w in ("-map", m)]
    names = {"a:0": ("eng", "Main"), "a:1": ("deu", "Kommentar"), "a:2": ("fra", ""), "s:0": ("eng", "Full"), "s:1": ("deu", ""), "s:2": ("jpn", "Signs")}  # fmt: skip
    tags = [w for s, (lang, title) in names.items() for w in (f"-metadata:s:{s}", f"language={lang}", f"-metadata:s:{s}", f"title={title}")]  # fmt: skip
    _ffmpeg(*picture, *small, *tone, "-i", folder / "s.srt", "-i", folder / "meta.txt", *maps, "-map_metadata", 4, "-map_chapters", 4,
            "-c:v", "libx264", "-preset", "ultrafast", "-c:a:0", "flac", "-c:a:1", "aac", "-c:a:2", "libopus", "-c:s:0", "ass",
            "-c:s:1", "srt", "-c:s:2", "webvtt", *tags, "-metadata:s:v:0", "language=eng", "-metadata:s:v:1", "title=Other angle",
            "-disposition:v:0", "default", "-disposition:v:1", "0", "-disposition:a:0", "default", "-disposition:a:1", "comment",
            "-disposition:s:0", "default+forced", "-disposition:s:1", "0", "-disposition:s:2", "hearing_impaired",
            *(w for n, (f, m) in enumerate((("a.ttf", "font/ttf"), ("b.otf", "font/otf"), ("cover.jpg", "image/jpeg")))
              for w in ("-attach", folder / f, f"-metadata:s:t:{n}", f"mimetype={m}", f"-metadata:s:t:{n}", f"filename={f}")),
            path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def converted(film: Path) -> Path:
    out = film.with_name("out.mkv")
    run("convert", film, "-o", out, "--model", "classic", "--encoder-preset", "ultrafast")
    return out


def _streams(path: Path) -> list[tuple[object, ...]]:
    with av.open(str(path)) as container:
        return [
            (
                s.type,
                s.codec_context.codec.canonical_name if s.codec_context else "",
                {k: v for k, v in s.metadata.items() if k in ("language", "title", "filename", "mimetype")},
                str(s.disposition),
            )
            for s in container.streams
        ]


def test_every_track_comes_along_in_its_order(film: Path, converted: Path) -> None:
    before, after = _streams(film), _streams(converted)
    assert len(before) == 11
    # After all tracks, the subtitles once more, for both eyes; what is attached is no track.
    assert before[1:8] == after[1:8]
    assert before[8:] == after[11:]
    added = [(kind, codec, names.get("language"), names.get("title")) for kind, codec, names, _ in after[8:11]]
    assert added == [
        ("subtitle", "ass", *named) for named in (("eng", "Full (3D)"), ("deu", "3D"), ("jpn", "Signs (3D)"))
    ]
    assert (after[0][0], after[0][2]) == ("video", before[0][2])


def test_packets_chapters_and_tags_are_the_same(film: Path, converted: Path) -> None:
    with av.open(str(film)) as a, av.open(str(converted)) as b:
        assert a.chapters() == b.chapters()
        assert len(a.chapters()) == 2
        tags = {k: v for k, v in a.metadata.items() if k.lower() not in ("encoder", "duration")}
        assert tags.items() <= b.metadata.items()
        assert "DIRECTOR" in tags
        for index in range(1, 8):
            _ = a.seek(0), b.seek(0)
            one, two = ([(p.pts, bytes(p)) for p in c.demux(c.streams[index]) if p.size] for c in (a, b))
            assert one == two != [], index
        fonts = [[bytes(s.data) for s in c.streams if s.type == "attachment"] for c in (a, b)]
        assert fonts[0] == fonts[1]


@pytest.mark.skipif(shutil.which("mkvmerge") is None, reason="needs mkvmerge (Debian: mkvtoolnix)")
def test_mkvmerge_sees_everything(film: Path, converted: Path) -> None:
    def look(path: Path) -> dict[str, object]:
        listing = subprocess.run(["mkvmerge", "-J", str(path)], capture_output=True, check=True).stdout
        return dict(json.loads(listing))

    named = ("language", "track_name", "default_track", "forced_track", "flag_commentary", "flag_hearing_impaired", "codec_id", "codec_private_data")  # fmt: skip

    def tracks(seen: dict[str, object]) -> list[tuple[object, ...]]:
        return [(t["type"], t["codec"], *(t["properties"].get(name) for name in named)) for t in seen["tracks"][1:]]

    before, after = look(film), look(converted)
    assert len(tracks(before)) == 7
    assert tracks(after)[:7] == tracks(before)
    assert [track[:4] for track in tracks(after)[7:]] == [
        ("subtitles", "SubStationAlpha", language, name)
        for language, name in (("eng", "Full (3D)"), ("ger", "3D"), ("jpn", "Signs (3D)"))
    ]
    assert before["global_tags"] == after["global_tags"]
    assert after["container"]["properties"]["title"] == "A film"
    assert after["errors"] == after["warnings"] == []
    assert after["tracks"][0]["properties"]["stereo_mode"] == 1
    assert [(f["file_name"], f["content_type"], f["size"]) for f in before["attachments"]] == [
        (f["file_name"], f["content_type"], f["size"]) for f in after["attachments"]
    ]
    assert before["chapters"] == after["chapters"]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe")
def test_ffprobe_sees_everything(film: Path, converted: Path) -> None:
    def look(path: Path) -> list[tuple[object, ...]]:
        words = ["ffprobe", "-v", "error", "-show_streams", "-show_chapters", "-show_format", "-of", "json", str(path)]
        listing = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
        kept = ("language", "title", "filename", "mimetype")
        streams = [
            (s["codec_type"], s.get("codec_name"), {k: v for k, v in s.get("tags", {}).items() if k in kept}, s["disposition"])
            for s in listing["streams"][1:]
            if not s.get("tags", {}).get("title", "").endswith("3D)") and s.get("tags", {}).get("title") != "3D"
        ]  # fmt: skip
        tags = {k: v for k, v in listing["format"]["tags"].items() if k.lower() not in ("encoder", "duration")}
        return [*streams, *((c["start_time"], c["end_time"], c["tags"]) for c in listing["chapters"]), (tags,)]

    assert look(film) == look(converted)
    assert len(look(film)) == 10 + 2 + 1


@pytest.mark.parametrize("name", [*FORMATS, *OTHERS])
def test_without_strength_every_format_is_the_source_bit_for_bit(tmp_path: Path, name: str) -> None:
    source, out = tmp_path / "source.mkv", tmp_path / "out.mkv"
    noise = "testsrc2=size=96x64:rate=24:duration=0.13,noise=alls=40:allf=t"
    _ffmpeg("-f", "lavfi", "-i", noise, "-pix_fmt", name, "-c:v", "ffv1", "-level", 3, source)
    run("convert", source, "-o", out, "--model", "classic", "--strength", "0", "--codec", "ffv1")
    before, after = _pictures(source, name), _pictures(out, name)
    assert len(before) == len(after) >= 3
    for source_planes, packed in zip(before, after, strict=True):
        for plane, both in zip(source_planes, packed, strict=True):
            assert np.array_equal(both, np.concatenate([plane, plane], 1))


def _pictures(path: Path, name: str) -> list[list[np.ndarray]]:
    """Planes of all pictures; 8-bit RGB lies packed in ffv1 and is taken apart."""
    if name != "gbrp":
        return planes(path)
    with av.open(str(path)) as container:
        return [[*np.moveaxis(f.to_ndarray(format="rgb24"), 2, 0)] for f in container.decode(video=0)]
