"""The incremental build as a user meets it: edit a file, run again, and only what was touched is made anew."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import pytest

from tests.films import audio_packets, make_film, picture_times, run

# Thirty shots of two seconds: six segments of five shots.
SHOTS = (24,) * 30
RATE = Fraction(12)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", SHOTS, rate=RATE)


def convert(film: Path, output: Path, *options: str) -> dict[str, object]:
    done = run("convert", film, "-o", output, "--model", "classic", "--progress", "json", *options)
    return {**json.loads(done.stdout.splitlines()[-1]), "stderr": done.stderr}


def plan(film: Path, output: Path, *options: str) -> dict[str, object]:
    return convert(film, output, "--dry-run", *options)


def packets(path: Path) -> list[bytes]:
    """The picture's packets, in file order."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_one_shots_strength_after_all_was_done_rebuilds_one_segment_and_splices_it(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    before = plan(film, output)
    assert (before["shots"], before["segments"], before["segments_kept"]) == (30, 6, 0)
    first = convert(film, output)
    assert (first["segments_built"], first["segments_kept"]) == (6, 0)
    assert not list(tmp_path.glob("*.stereo3d"))
    old, times = packets(output), picture_times(output)

    (tmp_path / "out.mkv.shots.yaml").write_text("# the balcony\nshot 8: strength 6\n")
    outlook = plan(film, output)
    assert (outlook["segments_kept"], outlook["shots_to_do"]) == (5, [[6, 10]])
    assert outlook["own_settings"] == ["shot 8: strength 6"]
    second = convert(film, output)
    assert (second["segments_built"], second["segments_kept"]) == (1, 5)
    assert "1 of 6 segments to redo, 5 kept" in str(second["stderr"])

    new = packets(output)
    assert picture_times(output) == times
    assert audio_packets(output) == audio_packets(film)
    same = [a == b for a, b in zip(old, new, strict=True)]
    assert all(same[:120])
    assert all(same[240:])
    assert not all(same[120:240])
    assert not list(tmp_path.glob("*.stereo3d"))

    (tmp_path / "out.mkv.shots.yaml").unlink()
    third = convert(film, output)
    assert (third["segments_built"], third["segments_kept"]) == (1, 5)
    assert packets(output) == old


def test_a_finished_film_is_finished_and_a_changed_option_wants_to_be_said_twice(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    short = ("--end", "4")
    convert(film, output, *short)
    again = convert(film, output, *short)
    assert "finished by an earlier run" in str(again["stderr"])
    other = run("convert", film, "-o", output, "--model", "classic", *short, "--strength", "1", check=False)
    assert other.returncode == 1
    assert "--overwrite" in other.stderr
    changed = convert(film, output, *short, "--strength", "1", "--overwrite")
    assert "strength 2.5 -> 1" in str(changed["stderr"])
    assert "scanning" not in str(changed["stderr"])  # the survey of the first run is still true


def test_an_output_that_was_touched_is_not_believed(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    convert(film, output, "--end", "21")
    old = packets(output)
    with av.open(str(output)) as container:
        packet = [p for p in container.demux(video=0) if p.size][130]
        place = packet.pos + packet.size // 2
    content = bytearray(output.read_bytes())
    content[place] ^= 1
    output.write_bytes(content)
    report = convert(film, output, "--end", "21", "--overwrite")
    assert (report["segments_built"], report["segments_kept"]) == (1, 2)
    assert packets(output) == old


def test_shots_lists_a_finished_film_without_a_look_at_it_and_makes_thumbnails(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    (tmp_path / "out.mkv.shots.yaml").write_text("shots 2-3: strength 1\n")
    convert(film, output, "--end", "6")
    listed = run("shots", output, "--json", "--thumbs", tmp_path / "thumbs")
    shots = json.loads(listed.stdout)["shots"]
    assert [(s["number"], s["start"], s["end"], s["own"]) for s in shots] == [
        (1, 0, 24, ""), (2, 24, 48, "strength 1"), (3, 48, 72, "strength 1"),
    ]  # fmt: skip
    assert "scanning" not in listed.stderr
    names = sorted(p.name for p in (tmp_path / "thumbs").iterdir())
    assert names == ["shot-0001.jpg", "shot-0002.jpg", "shot-0003.jpg"]
    assert shots[0]["thumb"] == str(tmp_path / "thumbs" / "shot-0001.jpg")
    assert cv2.imread(shots[1]["thumb"]).shape[0] == 96
    part = json.loads(run("shots", film, "--json", "--start", "3", "--end", "6").stdout)["shots"]
    assert [(s["start"], s["end"]) for s in part] == [(0, 12), (12, 36)]


def test_flat_shots_are_the_source_twice(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    (tmp_path / "out.mkv.shots.yaml").write_text("shots 1, 3: flat\nshot 2:\n  strength: 8\n  zero-parallax: 0\n")
    convert(film, output, "--end", "6", "--codec", "ffv1")
    with av.open(str(output)) as container:
        frames = [frame.to_ndarray()[:96] for frame in container.decode(video=0)]
    flat = [bool((frame[:, :160] == frame[:, 160:]).all()) for frame in frames]
    assert flat == [True] * 24 + [False] * 24 + [True] * 24


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shot 2: strenght 1\n", "line 1: 'strenght' is no option of a shot; did you mean 'strength'?"),
        ("\nshot 2: strength 99\n", "line 2: --strength '99'"),
        ("shot 2: flat\nshots 40: flat\n", "line 2: there is no shot 40: the film has 3"),
        ("shot 2: flat\nshots 3-1: flat\n", "line 2: '3-1' is no range"),
        ("scene 2: flat\n", "line 1: 'scene 2' names no shots"),
        ("shot 2: strength: 1\n", "line 1: mapping values are not allowed here"),
        ("- shot 2\n", "line 1: there must be"),
        ("shot 2:\n", "line 1: nothing is said"),
        ("shot 2: model nonesuch\n", "nonesuch"),
    ],
)
def test_a_file_of_shots_that_cannot_be_meant(film: Path, tmp_path: Path, text: str, says: str) -> None:
    output = tmp_path / "out.mkv"
    (tmp_path / "out.mkv.shots.yaml").write_text(text)
    done = run("convert", film, "-o", output, "--model", "classic", "--end", "6", check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert "hint: " in done.stderr
    assert not output.exists()
