"""Comfort through the whole program: what it decides is in the pictures and in the report."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import stereo3d
from stereo3d.cli import main
from stereo3d.job.report import Report
from tests.films import planes

SIZE = (320, 192)
SCENE, CARD = 30, 30


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene, a title card, a scene."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    width, height = SIZE
    title = np.zeros((height, width, 3), np.uint8)
    cv2.putText(title, "The Long Ride", (40, 105), cv2.FONT_HERSHEY_COMPLEX, 1, (230, 220, 210), 2, cv2.LINE_AA)
    texture = np.random.default_rng(1).integers(30, 220, (height // 8, width // 2, 3), dtype=np.uint8)
    texture = cv2.resize(texture, (width * 2, height), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(2 * SCENE + CARD):
            card = SCENE <= number < SCENE + CARD
            picture = title if card else np.ascontiguousarray(texture[:, number * 3 : number * 3 + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def convert(film: Path, output: Path, **options: object) -> Report:
    report = stereo3d.convert(film, output, model="classic", codec="ffv1", **options)
    assert report.exit_code == 0, report.text()
    return report


def eyes(output: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The luma of the left and of the right eye, frame by frame."""
    pictures = [picture[0] for picture in planes(output)]
    return [p[:, : SIZE[0]] for p in pictures], [p[:, SIZE[0] :] for p in pictures]


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b)


def test_a_title_card_stays_flat_and_the_report_says_so(film: Path, tmp_path: Path) -> None:
    report = convert(film, tmp_path / "out.mkv")
    source = [picture[0] for picture in planes(film)]
    left, right = eyes(tmp_path / "out.mkv")
    flat = [same(a, s) and same(b, s) for a, b, s in zip(left, right, source, strict=True)]
    assert flat == [SCENE <= n < SCENE + CARD for n in range(len(source))]
    assert report.comfort is not None
    assert report.comfort.flat == ((SCENE / 24, (SCENE + CARD) / 24),)
    assert "kept flat" in report.text()
    assert '"flat": [[1.25, 2.5]]' in report.to_json()


def test_credits_may_be_deep(film: Path, tmp_path: Path) -> None:
    report = convert(film, tmp_path / "out.mkv", credits="deep", zero_parallax=0, start="1.25", end="2.5")
    left, right = eyes(tmp_path / "out.mkv")
    assert not same(left[10], right[10])
    assert report.comfort is not None
    assert not report.comfort.flat


def test_a_cinema_limits_the_strength_and_the_report_says_so(film: Path, tmp_path: Path) -> None:
    report = convert(film, tmp_path / "out.mkv", screen_width="cinema", strength=5, end="1")
    assert report.comfort is not None
    ((start, end, strength),) = report.comfort.limited
    assert (start, end) == (0, 1)
    assert 0.63 <= strength < 5
    assert report.comfort.behind <= 0.631
    assert "strength limited for the screen in 1 shot, " in report.text()
    free = convert(film, tmp_path / "free.mkv", strength=5, end="1")
    assert free.comfort is not None
    assert free.comfort.behind > 0.7
    assert not free.comfort.limited


def test_the_eye_that_is_not_made_is_the_source(film: Path, tmp_path: Path) -> None:
    source = [picture[0] for picture in planes(film, 12)]
    for made, kept in (("right", 0), ("left", 1)):
        convert(film, tmp_path / f"{made}.mkv", synthetic_view=made, end="0.5")
        both = eyes(tmp_path / f"{made}.mkv")
        assert all(same(a, s) for a, s in zip(both[kept], source, strict=True))
        assert not any(same(a, s) for a, s in zip(both[1 - kept], source, strict=True))


def test_a_floating_window_is_black_at_the_outer_edges(film: Path, tmp_path: Path) -> None:
    convert(film, tmp_path / "out.mkv", window="float", zero_parallax=0, strength=6, end="1")
    left, right = eyes(tmp_path / "out.mkv")
    columns = [int((picture == 16).all(0).sum()) for picture in (left[5], right[5])]
    assert all(2 <= count <= 0.06 * SIZE[0] + 2 for count in columns)
    assert (left[5][:, : columns[0]] == 16).all()
    assert (right[5][:, -columns[1] :] == 16).all()


@pytest.mark.parametrize(
    ("option", "value"), [("--screen-width", "huge"), ("--screen-width", "0"), ("--eye-distance", "63m"), ("--window", "x")]
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(tmp_path / "no.mkv"), option, value]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith(f"error: {option} ")
    assert errors[1].startswith("hint: ")
