"""Bad input: one line, a hint, a proper exit code, nothing left behind that looks finished."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.films import make_film, run, run_program


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (12,))


def refused(*arguments: str | Path, code: int, says: str) -> None:
    done = run("convert", *arguments, check=False)
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    assert any(line.startswith("error: ") and says in line for line in lines), done.stderr
    assert lines[-1].startswith("hint: "), done.stderr


def no_output(folder: Path) -> None:
    assert not [p for p in folder.iterdir() if p.name.startswith("out")], list(folder.iterdir())


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.mkv", "-o", tmp_path / "out.mkv", "--model", "classic", code=1, says="none.mkv")
    no_output(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mkv", b""),
        ("text.mkv", b"Dear diary, today I was not a film.\n" * 50),
        ("noise.mp4", os.urandom(50_000)),
    ],
)
def test_files_that_are_no_film(tmp_path: Path, name: str, content: bytes) -> None:
    source = tmp_path / name
    source.write_bytes(content)
    refused(source, "-o", tmp_path / "out.mkv", "--model", "classic", code=1, says=name)
    no_output(tmp_path)


def test_audio_only(tmp_path: Path) -> None:
    import av
    import numpy as np

    source = tmp_path / "song.m4a"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refused(source, "-o", tmp_path / "out.mkv", "--model", "classic", code=1, says="song.m4a")
    no_output(tmp_path)


def test_output_equal_to_input(film: Path) -> None:
    before = film.read_bytes()
    refused(film, "-o", film, "--overwrite", "--model", "classic", code=2, says="the output is the input")
    assert film.read_bytes() == before


def test_output_places_that_cannot_be(film: Path, tmp_path: Path) -> None:
    refused(film, "-o", tmp_path / "no" / "out.mkv", "--model", "classic", code=1, says="no folder")
    refused(film, "-o", tmp_path / "out.avi", "--model", "classic", code=2, says=".avi")
    refused(film, "-o", tmp_path, "--model", "classic", code=2, says="without suffix")
    (tmp_path / "folder.mkv").mkdir()
    refused(film, "-o", tmp_path / "folder.mkv", "--model", "classic", code=1, says="is a folder")


def test_a_trace_has_a_place_of_its_own(film: Path, tmp_path: Path) -> None:
    """Known before the night, not after it."""
    before, out = film.read_bytes(), tmp_path / "out.mkv"
    for place, code, says in (
        (film, 2, "cannot be written over that"),
        (out, 2, "cannot be written over that"),
        (tmp_path, 2, "cannot be written over that"),
        (tmp_path / "no" / "t.json", 1, "no folder"),
    ):
        refused(film, "-o", out, "--model", "classic", "--trace", place, code=code, says=says)
    assert film.read_bytes() == before
    no_output(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_output_not_writable(film: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    refused(film, "-o", tmp_path / "out.mkv", "--model", "classic", code=1, says="cannot write")


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a file system that refuses everyone")
def test_output_not_writable_for_anyone(film: Path) -> None:
    refused(film, "-o", "/proc/out.mkv", "--model", "classic", code=1, says="/proc")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--preset", "best"), "there is no preset 'best'"),
        (("--strength", "99"), "--strength '99'"),
        (("--strength", "much"), "--strength 'much'"),
        (("--layout", "cube"), "--layout 'cube'"),
        (("--canvas", "80x40"), "canvas"),
        (("--end", "0"), ""),
        (("--crf", "60", "--codec", "h264"), "crf"),
        (("--encoder-preset", "warp9", "--codec", "h264"), "warp9"),
        (("--device", "cuda:7"), "--device cuda:7"),
        (("--model", "giant"), "giant"),
        (("--model", "gigantic"), "gigantic"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_options_that_cannot_be(film: Path, tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    model = () if "--model" in options else ("--model", "classic")
    refused(film, "-o", tmp_path / "out.mkv", *model, *options, code=2 if options[0] != "--end" else 1, says=says)
    assert not (tmp_path / "out.mkv").exists()


def test_an_unknown_option_leads_to_the_help_of_its_command() -> None:
    assert "hint: stereo3d convert --help" in run("convert", "film.mkv", "--nonsense", check=False).stderr
    assert "hint: stereo3d bench depth --help" in run("bench", "depth", "--nonsense", check=False).stderr


def test_no_weights_and_no_network_names_the_three_ways_out(film: Path, tmp_path: Path) -> None:
    done = run_program("convert", film, "-o", tmp_path / "out.mkv", "--model", "large", check=False)
    assert done.returncode == 2
    for way in ("--weights", "--model DIR", "--model classic"):
        assert way in done.stderr
    assert not (tmp_path / "out.mkv").exists()


def test_weights_of_the_wrong_kind(film: Path, tmp_path: Path) -> None:
    import torch

    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"not a checkpoint")
    refused(film, "-o", tmp_path / "out.mkv", "--model", "small", "--weights", weights, code=2, says="weights.pth")
    torch.save({"a": torch.zeros(3)}, weights)
    refused(film, "-o", tmp_path / "out.mkv", "--model", "small", "--weights", weights, code=2, says="weights.pth")
    refused(
        film, "-o", tmp_path / "out.mkv", "--model", "small", "--weights", tmp_path / "no.pth", code=2, says="no.pth"
    )
    no_output(tmp_path)
