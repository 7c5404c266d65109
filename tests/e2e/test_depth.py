"""Depth as a thing of its own: kept, rendered from, shown."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import stereo3d
from stereo3d.cli import main
from stereo3d.errors import UsageError
from stereo3d.job.report import Report
from tests.films import (
    audio_packets,
    command,
    environment,
    make_film,
    picture_hashes,
    picture_size,
    picture_times,
    planes,
    run,
)

SHOTS = (30, 18, 16)
SIZE = (320, 192)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", SHOTS, size=SIZE)


@pytest.fixture(scope="module")
def direct(film: Path) -> Path:
    """The film converted with its depth kept beside, in both ways of keeping."""
    for codec in ("ffv1", "hevc"):
        output = film.with_name(f"{codec}.mkv")
        convert(film, output, model="classic", keep_depth=True, depth_codec=codec)
    return film.with_name("hevc.mkv")


def convert(film: Path, output: Path, **options: object) -> Report:
    report = stereo3d.convert(film, output, codec="ffv1", **options)
    assert report.exit_code == 0, report.text()
    return report


def psnr(a: Path, b: Path) -> float:
    """Of luma over all pictures, which must be equally many."""
    errors = [float(((x[0].astype(float) - y[0]) ** 2).mean()) for x, y in zip(planes(a), planes(b), strict=True)]
    return 10 * float(np.log10(255**2 / max(np.mean(errors), 1e-9)))


def grey(path: Path) -> np.ndarray:
    """[n, h, w] of all pictures, in 0..1."""
    pictures = np.stack([picture[0] for picture in planes(path)])
    return pictures / (65535 if pictures.max() > 4095 else 4095)


def refused(film: Path, output: Path, depth: Path, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        stereo3d.convert(film, output, depth_from=str(depth))
    assert says in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint
    assert caught.value.exit_code == 2
    assert not output.exists()


def test_kept_depth_has_the_films_times_and_says_what_it_is(film: Path, direct: Path) -> None:
    for output in (direct, film.with_name("ffv1.mkv")):
        depth = output.with_suffix(".depth.mkv")
        assert picture_times(depth) == picture_times(film)
        with av.open(str(depth)) as container:
            mark = json.loads(container.metadata["STEREO3D_DEPTH"])
            assert not container.streams.audio
            assert container.streams.video[0].codec_context.color_range == 2
        assert mark["model"] == "classic"
        assert mark["near"] == 1
        assert [frame for frame, _ in mark["screens"]] == [0, 30, 48]
    exact, small = grey(film.with_name("ffv1.depth.mkv")), grey(direct.with_suffix(".depth.mkv"))
    assert np.abs(exact - small).mean() < 1e-3
    assert min(len(np.unique(picture)) for picture in small) > 2000
    assert direct.with_suffix(".depth.mkv").stat().st_size < film.with_name("ffv1.depth.mkv").stat().st_size / 3


def test_rendering_from_kept_depth_gives_the_same_pictures(film: Path, direct: Path, tmp_path: Path) -> None:
    convert(film, tmp_path / "small.mkv", depth_from=str(direct.with_suffix(".depth.mkv")))
    assert psnr(direct, tmp_path / "small.mkv") > 50
    assert audio_packets(tmp_path / "small.mkv") == audio_packets(film)
    convert(film, tmp_path / "exact.mkv", depth_from=str(film.with_name("ffv1.depth.mkv")))
    assert picture_hashes(tmp_path / "exact.mkv") == picture_hashes(direct)


def test_a_part_is_rendered_from_the_whole_films_depth(film: Path, direct: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.mkv"
    convert(film, part, depth_from=str(film.with_name("ffv1.depth.mkv")), start="0.5", end="2")
    assert picture_hashes(part) == picture_hashes(direct)[12:48]


def test_depth_of_another_length_shape_or_kind_is_refused(film: Path, direct: Path, tmp_path: Path) -> None:
    out, depth = tmp_path / "out.mkv", direct.with_suffix(".depth.mkv")
    for shots in ((30, 18, 15), (30, 18, 17)):
        other = make_film(tmp_path / "other.mkv", shots, size=SIZE, sound=False)
        refused(other, out, depth, f"64 pictures do not match the {sum(shots)} frames of the film")
    square = make_film(tmp_path / "square.mkv", (4,), size=(192, 192), sound=False)
    refused(square, out, depth, "another shape")
    refused(film, out, tmp_path / "no.mkv", "does not exist")
    (tmp_path / "text.mkv").write_text("Dear diary\n" * 99)
    refused(film, out, tmp_path / "text.mkv", "cannot be read")
    (tmp_path / "empty").mkdir()
    refused(film, out, tmp_path / "empty", "without numbered pictures")
    refused(film, out, film, "in colour")


def test_depth_of_other_tools(film: Path, direct: Path, tmp_path: Path) -> None:
    exact = grey(film.with_name("ffv1.depth.mkv"))
    folder, eight = tmp_path / "depth", tmp_path / "depth.mp4"
    folder.mkdir()
    with av.open(str(eight), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "4", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number, depth in enumerate(exact):
            codes = np.rint(depth * 65535).astype(np.uint16)
            cv2.imwrite(str(folder / f"{number:05}.png"), codes)
            large = cv2.resize(codes, SIZE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="gray16le")))
        container.mux(stream.encode(None))
    convert(film, tmp_path / "folder.mkv", depth_from=str(folder), fill="spatial")
    assert psnr(direct, tmp_path / "folder.mkv") > 60
    convert(film, tmp_path / "eight.mkv", depth_from=str(eight))
    convert(film, tmp_path / "inverted.mkv", depth_from=str(eight), depth_invert=True)
    flat = tmp_path / "flat.mkv"
    convert(film, flat, depth_from=str(eight), strength=0)
    assert psnr(direct, tmp_path / "eight.mkv") > psnr(direct, flat) + 6
    assert psnr(direct, tmp_path / "inverted.mkv") < psnr(direct, flat) + 1


def test_depth_alone_in_grey_and_in_colours(film: Path, direct: Path, tmp_path: Path) -> None:
    options = ("--model", "classic", "--progress", "none")
    run("depth", film, "-o", tmp_path / "d.mkv", *options)
    assert picture_hashes(tmp_path / "d.mkv") == picture_hashes(direct.with_suffix(".depth.mkv"))
    assert picture_times(tmp_path / "d.mkv") == picture_times(film)
    assert main(["depth", str(film), "-o", str(tmp_path / "jet.mkv"), "--colormap", "jet", *options]) == 0
    assert picture_size(tmp_path / "jet.mkv") == SIZE
    assert audio_packets(tmp_path / "jet.mkv") == audio_packets(film)
    assert max(abs(a - b) for a, b in zip(picture_times(tmp_path / "jet.mkv"), picture_times(film), strict=True)) <= (
        Fraction(1, 2000)
    )
    with av.open(str(tmp_path / "jet.mkv")) as container:
        frame = next(container.decode(video=0))
        assert "stereo_mode" not in container.streams.video[0].metadata
        picture = frame.to_ndarray(format="rgb24").astype(int)
    shade = cv2.resize(grey(tmp_path / "d.mkv")[0], SIZE)
    assert picture[shade > 0.9][:, 0].mean() > picture[shade > 0.9][:, 2].mean() + 100  # near is red
    assert picture[shade < 0.15][:, 2].mean() > picture[shade < 0.15][:, 0].mean() + 100  # far is blue
    with pytest.raises(UsageError, match="grey depth cannot be written as"):
        stereo3d.convert(film, tmp_path / "d.mp4", colormap="none")
    assert not list(tmp_path.glob("*.stereo3d"))


def test_a_picture_takes_its_depth_from_a_picture(film: Path, direct: Path, tmp_path: Path) -> None:
    source, depth = tmp_path / "picture.png", tmp_path / "depth.png"
    with av.open(str(film)) as container:
        next(container.decode(video=0)).to_image().save(source)
    stereo3d.convert(source, depth, model="classic", colormap="none", depth_codec="ffv1")
    written = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED)
    assert written.dtype == np.uint16
    assert len(np.unique(written)) > 2000
    stereo3d.convert(source, tmp_path / "direct.png", model="classic")
    stereo3d.convert(source, tmp_path / "again.png", depth_from=str(depth))
    a, b = (cv2.imread(str(tmp_path / name)).astype(float) for name in ("direct.png", "again.png"))
    assert np.abs(a - b).mean() < 0.1
    with pytest.raises(UsageError, match="from a picture"):
        stereo3d.convert(source, tmp_path / "x.png", depth_from=str(direct.with_suffix(".depth.mkv")))
    with pytest.raises(UsageError, match="goes with films"):
        stereo3d.convert(source, tmp_path / "x.png", model="classic", keep_depth=True)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_kill_loses_neither_views_nor_depth(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (244, 160), sound=False)
    options = ("--model", "classic", "--keep-depth", "--keep-work", "--overwrite", "--progress", "plain")
    whole, output = tmp_path / "whole.mkv", tmp_path / "killed.mkv"
    stereo3d.convert(film, whole, model="classic", keep_depth=True)
    folder = Path(f"{output}.stereo3d") / "segments"
    process = subprocess.Popen(
        command("convert", film, "-o", output, *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    while not [p for p in folder.glob("*.mkv") if "depth" not in p.name]:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait(120)
    before = {p.name: p.stat().st_ino for p in folder.glob("*.mkv")}
    done = run("convert", film, "-o", output, *options)
    assert "1 of 2 segments are done" in done.stderr
    assert before.items() <= {p.name: p.stat().st_ino for p in folder.glob("*.mkv")}.items(), "built twice"
    depth = output.with_suffix(".depth.mkv")
    assert picture_hashes(output) == picture_hashes(whole)
    assert picture_hashes(depth) == picture_hashes(whole.with_suffix(".depth.mkv"))
    assert picture_times(depth) == picture_times(film)
    lost = sorted(folder.glob("*.depth-hevc.mkv"))[0]
    lost.unlink()  # a segment without its depth is not done
    output.with_name("killed.mkv.report.json").unlink()  # and cannot be taken back out of the output
    report = stereo3d.convert(film, output, model="classic", keep_depth=True, overwrite=True)
    assert (report.segments_built, report.segments_kept) == (1, 1)
    assert picture_hashes(depth) == picture_hashes(whole.with_suffix(".depth.mkv"))
