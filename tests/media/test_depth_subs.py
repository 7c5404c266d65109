"""Subtitles for both eyes: drawn by libass, which knows nothing of us, and looked at."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stereo3d.frames import Timeline
from stereo3d.layouts import LAYOUTS
from stereo3d.media.ass import Box, Event, Eyes, Script
from stereo3d.media.depth_subs import eyes_of, write_depth_subs
from stereo3d.media.mux import OutputPlan, Span
from stereo3d.media.probe import probe
from stereo3d.media.tools import ffmpeg_exe

EYE = 640, 360
SHAPES = {"sbs-full": (1280, 360), "sbs-half": (640, 360), "ou-full": (640, 720), "ou-half": (640, 360)}
STYLES = """[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,60,&H00FFFFFF,&H000000FF,&H00FFFFFF,&H00000000,0,0,0,0,100,100,0,0,1,6,0,2,10,10,30,1
Style: Side,Arial,60,&H00FFFFFF,&H000000FF,&H00FFFFFF,&H00000000,1,0,0,0,100,100,0,0,1,6,0,4,40,10,30,1
"""
HEAD = f"[Script Info]\nScriptType: v4.00+\nPlayResX: 1280\nPlayResY: 720\n\n{STYLES}\n[Events]\n"
SCRIPT = (
    HEAD
    + """Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.20,0:00:00.90,Default,,0,0,0,,Below {\\i1}all{\\i0}
Dialogue: 0,0:00:01.00,0:00:01.90,Side,,0,0,0,,Middle
Dialogue: 3,0:00:02.00,0:00:02.90,Default,,0,0,0,,{\\pos(300,200)\\bord9}Here
Dialogue: 0,0:00:03.00,0:00:03.90,Default,,0,0,0,,{\\an8}Above
"""
)
TIMES = {"Below": 0.5, "Middle": 1.5, "Here": 2.5, "Above": 3.5}
PLAN = OutputPlan(Timeline(tuple(range(0, 4000, 40)), Fraction(1, 1000), 40), "sbs-full")


def _ffmpeg(*words: object) -> None:
    subprocess.run([ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, words)], check=True)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds with an ASS track, an SRT track to the millisecond, and one of pictures."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "a.ass").write_text(SCRIPT)
    (folder / "b.srt").write_text(
        "1\n00:00:00,123 --> 00:00:01,456\n<i>Hello</i>\n\n2\n00:00:02,007 --> 00:00:03,000\nyou\n"
    )
    path = folder / "film.mkv"
    _ffmpeg("-f", "lavfi", "-i", "color=black:size=640x360:rate=25:duration=4", "-i", folder / "a.ass", "-i", folder / "b.srt",
            "-map", 0, "-map", 1, "-map", 2, "-c:s", "copy", "-metadata:s:s:0", "language=jpn", "-metadata:s:s:0", "title=Signs",
            "-metadata:s:s:1", "language=eng", path)  # fmt: skip
    return path


def _eyes(layout: str, *, swap: bool = False) -> Eyes:
    eyes = eyes_of(LAYOUTS[layout], SHAPES[layout], swap)
    assert eyes is not None
    return eyes


def _write(film: Path, out: Path, layout: str, parallax: float, *, swap: bool = False) -> Path:
    write_depth_subs(probe(film), PLAN, _eyes(layout, swap=swap), lambda *_: parallax, out)
    return out


def _drawn(subs: Path, layout: str, seconds: float, track: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What libass draws for the first and the second eye, each as it is to be shown."""
    (width, height), raw = SHAPES[layout], subs.with_suffix(".raw")
    source = f"color=black:size={width}x{height}:rate=10:duration=4"
    shown = f"subtitles=filename={subs}:si={track},trim=start={seconds}:end={seconds + 0.05},format=gray"
    _ffmpeg("-f", "lavfi", "-i", source, "-vf", shown, "-f", "rawvideo", raw)
    picture = np.frombuffer(raw.read_bytes(), np.uint8)[: width * height].reshape(height, width)
    first, second = np.split(picture, 2, 1 if _eyes(layout).beside else 0)
    rows, columns = EYE[1] // first.shape[0], EYE[0] // first.shape[1]
    grown = [eye.repeat(rows, 0).repeat(columns, 1) for eye in (first, second)]
    if max(map(np.max, grown)) < 100:
        pytest.skip("libass finds no font here")
    return grown[0], grown[1]


def _bounds(eye: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero((eye > 100).any(1)), np.flatnonzero((eye > 100).any(0))
    return np.array([columns[0], columns[-1], rows[0], rows[-1]])


@pytest.mark.parametrize("layout", SHAPES)
@pytest.mark.parametrize("text", TIMES)
def test_each_eye_sees_the_text_where_it_was_and_in_front_by_the_parallax(
    film: Path, tmp_path: Path, layout: str, text: str
) -> None:
    subs = _write(film, tmp_path / "s.mkv", layout, 2.5)
    left, right = (_bounds(eye) for eye in _drawn(subs, layout, TIMES[text]))
    # In front of the screen: the left eye sees it farther right. 2.5 % of 640 are 16 pixels.
    assert left[:2] - right[:2] == pytest.approx([16, 16], abs=2)
    assert abs(left[2:] - right[2:]).max() <= 1
    flat = _write(film, tmp_path / "f.mkv", "sbs-full", 0)
    meant, _ = (_bounds(eye) for eye in _drawn(flat, "sbs-full", TIMES[text]))
    aside = 8 if text == "Middle" else 0  # what begins at the left keeps off it by half of the parallax
    assert (left + right)[:2] / 2 == pytest.approx(meant[:2] + aside, abs=3)
    assert left[2:] == pytest.approx(meant[2:], abs=3)


def test_swapped_eyes_are_the_other_way_round(film: Path, tmp_path: Path) -> None:
    first, second = (
        _bounds(e) for e in _drawn(_write(film, tmp_path / "s.mkv", "sbs-full", 2.5, swap=True), "sbs-full", 0.5)
    )
    assert second[:2] - first[:2] == pytest.approx([16, 16], abs=2)


def test_an_eye_without_the_other_is_the_original(film: Path, tmp_path: Path) -> None:
    subs = _write(film, tmp_path / "s.mkv", "ou-full", 0)
    raw = tmp_path / "o.raw"
    _ffmpeg("-f", "lavfi", "-i", "color=black:size=640x360:rate=10:duration=4", "-vf",
            f"subtitles=filename={film}:si=0,trim=start=2.5:end=2.55,format=gray", "-f", "rawvideo", raw)  # fmt: skip
    original = np.frombuffer(raw.read_bytes(), np.uint8)[: 640 * 360].reshape(360, 640)
    for eye in _drawn(subs, "ou-full", 2.5):
        assert np.abs(eye.astype(int) - original).max() <= 2


def _packets(path: Path, track: int) -> list[tuple[int, int, str]]:
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[track]
        return [(p.pts, p.duration, bytes(p).decode()) for p in container.demux(stream) if p.size]


def test_times_are_the_originals_to_the_millisecond_and_names_say_what_it_is(film: Path, tmp_path: Path) -> None:
    subs = _write(film, tmp_path / "s.mkv", "sbs-half", 1)
    for track in (0, 1):
        times = [(at, length) for at, length, _ in _packets(film, track)]
        assert [(at, length) for at, length, _ in _packets(subs, track)] == [t for t in times for _ in range(2)]
    assert [at for at, _, _ in _packets(subs, 1)] == [123, 123, 2007, 2007]
    with av.open(str(subs)) as container:
        named = [(s.metadata["language"], s.metadata["title"]) for s in container.streams]
        assert named == [("jpn", "Signs (3D)"), ("eng", "3D")]
        style = container.streams[0].codec_context.extradata.decode()
    assert "Style: Side,Arial,60,&H00FFFFFF,&H000000FF,&H00FFFFFF,&H00000000,1,0,0,0,50,100" in style
    orders = [text.split(",")[0] for _, _, text in _packets(subs, 0)]
    assert len(set(orders)) == len(orders)


def test_what_lies_outside_the_part_is_left_out(film: Path, tmp_path: Path) -> None:
    plan = OutputPlan(PLAN.timeline, "sbs-full", origin=1000, span=Span(Fraction(1), Fraction(3)))
    write_depth_subs(probe(film), plan, _eyes("sbs-full"), lambda *_: 1.0, tmp_path / "s.mkv")
    assert [at for at, _, _ in _packets(tmp_path / "s.mkv", 0)] == [0, 0, 1000, 1000]
    assert [at for at, _, _ in _packets(tmp_path / "s.mkv", 1)] == [1007, 1007]


def test_the_nearest_thing_is_asked_for_where_and_when_the_text_is(film: Path, tmp_path: Path) -> None:
    asked: list[tuple[float, float, Box]] = []

    def nearest(begin: Fraction, end: Fraction, box: Box) -> float:
        asked.append((float(begin), float(end), box))
        return 0.0

    write_depth_subs(probe(film), PLAN, _eyes("sbs-full"), nearest, tmp_path / "s.mkv")
    below, middle, here, above = (a for a in asked if a[:2] in ((0.2, 0.9), (1.0, 1.9), (2.0, 2.9), (3.0, 3.9)))
    assert below[2].top > 0.8
    assert above[2].bottom < 0.2
    assert middle[2].left < 0.05 < middle[2].right < 0.5
    assert (here[2].left + here[2].right) / 2 == pytest.approx(300 / 1280)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\\move(0,10,1280,20,5,9)}a", "\\move(1280,10,2560,20,5,9)"),
        ("{\\t(0,9,\\clip(0,0,10,10))}a", "\\clip(1280,0,1290,10)"),
        ("{\\iclip(2,m 2 4 l 6 8)}a", "\\iclip(2,m 2562 4 l 2566 8)"),
        ("{\\org(5,6)\\frz20}a", "\\org(1285,6)\\frz20"),
        ("{\\fs40\\fscx120\\fscy90\\fs+2}a", "\\fs40\\fscx120\\fscy90\\fs+2"),
        ("{\\k20}la {unclosed", "{\\k20}la {unclosed"),
    ],
)
def test_tags_with_places_move_and_others_stay(text: str, said: str) -> None:
    event = Event("0", "Default", "", (0, 0, 0), "", text)
    first, second = Script(HEAD, 720, own=True).both(event, Eyes((2560, 720), True), 0.0)
    assert said in second.text
    assert text in first.text


def test_half_layouts_stretch_letters_and_outlines_grow_with_the_screen() -> None:
    event = Event("0", "Default", "", (0, 0, 0), "", "{\\fscx120\\bord4\\fs40}a")
    first, _ = Script(HEAD, 1440, own=True).both(event, Eyes((1280, 720), True, Fraction(1, 2)), 0.0)
    assert first.text == "{\\fscx60\\bord2\\fs40}a"


def test_the_picture_that_a_script_was_made_for_is_now_the_packed_one() -> None:
    head = HEAD.replace("\n\n[V4+", "\nLayoutResX: 1920\nLayoutResY: 1080\n\n[V4+", 1)
    said = Script(head, 1080, own=True).header(Eyes((3840, 1080), True)).splitlines()
    assert [line for line in said if "Res" in line] == [
        "PlayResX: 2560",
        "PlayResY: 720",
        "LayoutResX: 3840",
        "LayoutResY: 1080",
    ]


@pytest.mark.parametrize("header", ["", "[Script Info]\n[V4 Styles]\nFormat: Name\n", "[V4+ Styles]\nStyle: x\n"])
def test_headers_that_are_none_of_ass_are_refused(header: str) -> None:
    with pytest.raises(ValueError, match="styles"):
        Script(header, 64, own=True)


@pytest.mark.parametrize("name", ["anaglyph", "interlaced", "checkerboard", "vr180", "2d+depth"])
def test_other_layouts_have_no_place_for_it(name: str) -> None:
    assert eyes_of(LAYOUTS[name], (64, 64), False) is None
