"""Every layout through the program, on a film of a few frames, looked at with PyAV alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stereo3d.layouts import LAYOUTS
from stereo3d.media.tools import ffmpeg_exe
from tests.films import make_film, picture_size, planes, run

SIZE = (128, 64)
OTHER_SIZES = {
    "sbs-full": (256, 64), "ou-full": (128, 128), "cross-eyed": (256, 64), "2d+depth": (256, 64), "vr180": (416, 208),
}  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (4,), size=SIZE, sound=False)


def convert(film: Path, output: Path, layout: str, *options: str) -> list[list[np.ndarray]]:
    """The planes of what came out."""
    run("convert", film, "-o", output, "--model", "classic", "--progress", "none", "--layout", layout, *options)
    return planes(output)


@pytest.fixture(scope="module")
def eyes(film: Path) -> tuple[list[list[np.ndarray]], list[list[np.ndarray]]]:
    """(left, right) of a strong effect, lossless."""
    pictures = convert(film, film.with_name("eyes.mkv"), "sbs-full", "--strength", "8", "--codec", "ffv1")
    halves = [[np.split(plane, 2, 1) for plane in picture] for picture in pictures]
    left, right = ([[pair[eye] for pair in picture] for picture in halves] for eye in (0, 1))
    assert max(np.abs(a[0].astype(int) - b[0]).mean() for a, b in zip(left, right, strict=True)) > 1
    return left, right


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_arrives_with_its_size_and_tags(film: Path, tmp_path: Path, layout: str, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    convert(film, output, layout, "--end", "0.1", "--encoder-preset", "ultrafast")
    assert picture_size(output) == OTHER_SIZES.get(layout, SIZE)
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        tag = stream.metadata.get("stereo_mode", "")
        frame = next(container.decode(stream))
        found = {entry.type.name for entry in frame.side_data}
    assert tag == (LAYOUTS[layout].modes[layout == "cross-eyed"] if suffix == ".mkv" else "")
    assert ("SPHERICAL" in found) == (layout == "vr180")
    assert frame.format.name == "yuv420p"


def test_rows_and_pixels_are_those_of_the_eyes(
    film: Path, tmp_path: Path, eyes: tuple[list[list[np.ndarray]], list[list[np.ndarray]]]
) -> None:
    options = ("--strength", "8", "--codec", "ffv1")
    by_rows = convert(film, tmp_path / "rows.mkv", "interlaced", *options)
    by_pixels = convert(film, tmp_path / "pixels.mkv", "checkerboard", *options)
    turn = np.indices(SIZE[::-1]).sum(0) % 2 == 0
    for rows, pixels, left, right in zip(by_rows, by_pixels, *eyes, strict=True):
        assert np.array_equal(rows[0][::2], left[0][::2])
        assert np.array_equal(rows[0][1::2], right[0][1::2])
        assert np.array_equal(pixels[0], np.where(turn, left[0], right[0]))
        for number in (1, 2):
            mean = (left[number].astype(int) + right[number] + 1) // 2
            assert np.array_equal(rows[number], mean)
            assert np.array_equal(pixels[number], mean)


@pytest.mark.parametrize("layout", ["interlaced", "checkerboard", "anaglyph-colour"])
def test_without_strength_the_picture_is_the_source(film: Path, tmp_path: Path, layout: str) -> None:
    pictures = convert(film, tmp_path / "out.mkv", layout, "--strength", "0", "--codec", "ffv1")
    # An anaglyph goes through RGB: colours that RGB cannot hold, such as a sharp film's overshoots, are clipped.
    for source, out in zip(planes(film), pictures, strict=True):
        for plane, same in zip(source, out, strict=True):
            if layout == "anaglyph-colour":
                assert (plane == same).mean() > 0.5
                assert np.median(np.abs(plane.astype(int) - same)) == 0
            else:
                assert np.array_equal(plane, same)


def test_each_glass_shows_its_eye(
    film: Path, tmp_path: Path, eyes: tuple[list[list[np.ndarray]], list[list[np.ndarray]]]
) -> None:
    def luma(picture: list[np.ndarray], red: bool) -> np.ndarray:
        """Red, or the mean of green and blue, of BT.601 studio-range planes."""
        y, cb, cr = (cv2.resize(p, SIZE, interpolation=cv2.INTER_NEAREST).astype(float) - o for p, o in zip(picture, (16, 128, 128), strict=True))  # fmt: skip
        y = y * 255 / 219
        return y + 1.596 * cr if red else y + (-0.813 * cr - 0.392 * cb + 2.017 * cb) / 2

    options = ("--strength", "8", "--codec", "ffv1")
    plain = convert(film, tmp_path / "a.mkv", "anaglyph-grey", *options)
    swapped = convert(film, tmp_path / "b.mkv", "anaglyph-grey", "--swap-eyes", *options)
    for pictures, (first, second) in ((plain, eyes), (swapped, eyes[::-1])):
        for picture, one, two in zip(pictures, first, second, strict=True):
            own = [np.abs(luma(picture, red) - (eye[0].astype(float) - 16) * 255 / 219).mean() for red, eye in ((True, one), (False, two))]  # fmt: skip
            other = [np.abs(luma(picture, red) - (eye[0].astype(float) - 16) * 255 / 219).mean() for red, eye in ((True, two), (False, one))]  # fmt: skip
            assert max(own) < min(other)


def test_the_source_beside_its_depth(film: Path, tmp_path: Path) -> None:
    pictures = convert(film, tmp_path / "out.mkv", "2d+depth", "--codec", "ffv1")
    for source, out in zip(planes(film), pictures, strict=True):
        left, right = zip(*(np.split(plane, 2, 1) for plane in out), strict=True)
        assert all(map(np.array_equal, left, source))
        assert all((plane == 128).all() for plane in right[1:])
        assert np.ptp(right[0]) > 100


def test_hdr_stays_hdr_in_an_anaglyph(film: Path, tmp_path: Path) -> None:
    source = tmp_path / "hdr.mkv"
    tags = "setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    words = ["-i", film, "-frames:v", "2", "-vf", f"format=yuv420p10le,{tags}", "-c:v", "ffv1", source]
    subprocess.run([ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *map(str, words)], check=True)
    out = tmp_path / "out.mkv"
    convert(source, out, "anaglyph", "--codec", "ffv1")
    with av.open(str(out)) as container:
        frame = next(container.decode(video=0))
    assert frame.format.name == "yuv420p10le"
    assert (frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range) == (16, 9, 9, 1)


def test_a_grey_picture_becomes_a_coloured_anaglyph(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    grey = cv2.resize(random.integers(0, 255, (9, 16), dtype=np.uint8), SIZE, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    run("convert", tmp_path / "a.png", "--model", "classic", "--layout", "anaglyph", "--strength", "8")
    out = cv2.imread(str(tmp_path / "a.3D.ANAGLYPH.png"))
    assert out.shape == (64, 128, 3)
    assert np.ptp(out.astype(int), axis=2).max() > 40


def test_a_larger_field_of_view_gives_a_coarser_sphere(film: Path, tmp_path: Path) -> None:
    convert(film, tmp_path / "out.mkv", "vr180", "--fov", "120", "--end", "0.1")
    assert picture_size(tmp_path / "out.mkv") == (256, 128)


def test_what_cannot_be_meant_is_refused(film: Path) -> None:
    for options, says in ((("--layout", "2d+depth", "--swap-eyes"), "no eyes"), (("--fov", "200"), "150")):
        done = run("convert", film, *options, check=False)
        assert done.returncode == 2
        assert says in done.stderr
