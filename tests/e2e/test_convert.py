"""The program as a user runs it, on generated films."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.films import (
    audio_packets,
    first_audio_time,
    make_film,
    picture_hashes,
    picture_size,
    picture_times,
    planes,
    run,
    run_program,
)

SHOTS = (40, 30, 26)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "a film.mkv", SHOTS)


def convert(film: Path, output: Path, *options: str, model: str = "classic") -> dict[str, object]:
    done = run("convert", film, "-o", output, "--model", model, "--progress", "json", *options)
    return json.loads(done.stdout)


def test_a_film_becomes_a_film_twice_as_wide_with_its_times_and_its_sound(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    done = run_program("convert", film, "-o", output, "--model", "classic", "--progress", "json")
    report = json.loads(done.stdout)
    assert report["exit_code"] == 0
    assert report["frames"] == sum(SHOTS)
    assert picture_size(output) == (320, 96)
    before, after = picture_times(film), picture_times(output)
    assert len(before) == len(after) == sum(SHOTS)
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= Fraction(1, 2000)
    assert audio_packets(output) == audio_packets(film)
    assert abs(first_audio_time(output)[0] - first_audio_time(film)[0]) <= Fraction(1, 1000)
    assert not list(tmp_path.glob("*.stereo3d"))


def test_without_strength_each_eye_is_the_source_bit_for_bit(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    convert(film, output, "--strength", "0", "--codec", "ffv1", "--end", "1")
    for source, packed in zip(planes(film, 24), planes(output), strict=True):
        for plane, both in zip(source, packed, strict=True):
            assert np.array_equal(both, np.concatenate([plane, plane], 1))


def test_strength_moves_the_eyes_apart_and_swap_exchanges_them(film: Path, tmp_path: Path) -> None:
    options = ("--codec", "ffv1", "--end", "0.5", "--strength", "6")
    convert(film, tmp_path / "a.mkv", *options)
    convert(film, tmp_path / "b.mkv", *options, "--swap-eyes")
    for a, b in zip(planes(tmp_path / "a.mkv"), planes(tmp_path / "b.mkv"), strict=True):
        left, right = np.split(a[0], 2, 1)
        assert np.abs(left.astype(int) - right).mean() > 1
        assert np.array_equal(b[0], np.concatenate([right, left], 1))


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (("--layout", "sbs-half"), (160, 96)),
        (("--layout", "ou-full"), (160, 192)),
        (("--layout", "ou-half"), (160, 96)),
        (("--height", "64"), (2 * 106, 64)),
        (("--canvas", "200x128"), (400, 128)),
        (("--canvas", "1:1"), (320, 160)),
    ],
)
def test_layouts_and_sizes(film: Path, tmp_path: Path, options: tuple[str, ...], size: tuple[int, int]) -> None:
    output = tmp_path / "out.mkv"
    convert(film, output, "--end", "0.2", *options)
    assert picture_size(output) == size


def test_a_range_is_cut_exactly(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    convert(film, output, "--start", "1", "--end", "2", "--codec", "ffv1", "--strength", "0")
    source, cut = planes(film), planes(output)
    assert len(cut) == 24
    assert np.array_equal(cut[0][0][:, :160], source[24][0])
    assert np.array_equal(cut[-1][0][:, :160], source[47][0])


def test_max_fps_drops_frames_by_time(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    convert(film, output, "--max-fps", "12")
    before, after = picture_times(film), picture_times(output)
    assert len(after) == 48
    assert set(after) <= set(before)


def test_mp4(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    convert(film, output, "--end", "1")
    assert picture_times(output) == picture_times(film)[:24]
    assert audio_packets(output)[0] == audio_packets(film)[0][: len(audio_packets(output)[0])]


def test_mp4_keeps_the_last_packet_of_sound_that_matroska_gave_no_duration(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (610,))  # so long that FFmpeg does not guess it from a look ahead
    output = tmp_path / "out.mp4"
    convert(film, output, "--max-fps", "1")
    assert audio_packets(output) == audio_packets(film)


def test_the_same_command_twice_says_that_the_output_exists(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    convert(film, output, "--end", "0.2")
    before = output.read_bytes()
    done = run("convert", film, "-o", output, "--model", "classic", check=False)
    assert done.returncode == 1
    assert "exists already" in done.stderr
    assert "--overwrite" in done.stderr
    assert output.read_bytes() == before
    convert(film, output, "--end", "0.4", "--overwrite")
    assert len(picture_hashes(output)) == 10


def test_killed_between_publishing_and_cleaning_up_the_same_command_is_content(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    options = ("--end", "0.3")
    convert(film, output, *options, "--keep-work")  # stands for a process killed before it removed its work folder
    report = convert(film, output, *options)
    assert report["exit_code"] == 0
    assert report["frames"] == 8
    assert not list(tmp_path.glob("*.stereo3d"))
    convert(film, output, *options, "--overwrite", "--keep-work")
    other = run("convert", film, "-o", output, "--model", "classic", "--end", "0.2", check=False)
    assert "exists already" in other.stderr


def test_kept_work_is_used_again_and_restart_forgets_it(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    first = convert(film, output, "--keep-work")
    again = convert(film, output, "--keep-work", "--overwrite")
    assert (first["segments_kept"], again["segments_kept"]) == (0, first["segments_built"])
    other = convert(film, output, "--keep-work", "--overwrite", "--strength", "1")
    assert other["segments_kept"] == 0
    fresh = convert(film, output, "--overwrite", "--restart")
    assert fresh["segments_kept"] == 0


def test_status(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    nothing = run("status", output, check=False)
    assert nothing.returncode == 2
    convert(film, output, "--keep-work")
    status = json.loads(run("status", output, "--json").stdout)
    assert status["segments_done"] == status["segments_total"] >= 1
    assert status["frames_done"] == sum(SHOTS)
    assert "segments done" in run("status", tmp_path / "out.mkv.stereo3d").stdout


def test_a_picture_stays_a_picture(film: Path, tmp_path: Path) -> None:
    with av.open(str(film)) as container:
        cv2.imwrite(str(tmp_path / "still.png"), next(container.decode(video=0)).to_ndarray(format="bgr24"))
    report = convert(tmp_path / "still.png", tmp_path / "out.png")
    assert report["frames"] == 1
    assert cv2.imread(str(tmp_path / "out.png")).shape == (96, 320, 3)


def test_a_folder_of_numbered_pictures_becomes_a_film(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(1, 13):
        picture = np.full((90, 160, 3), 10 * number, np.uint8)
        cv2.imwrite(str(folder / f"shot_{number}.png"), picture)
    output = tmp_path / "out.mkv"
    convert(folder, output)
    assert len(picture_times(output)) == 12
    assert picture_times(output)[11] == pytest.approx(11 / 24, abs=0.0006)
    levels = [float(p[0].mean()) for p in planes(output)]
    assert levels == sorted(levels)


def test_preset(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    convert(film, output, "--preset", "tv-3d", "--end", "0.2")
    assert picture_size(output)[0] == pytest.approx(96 * 16 / 9, abs=2)
