"""A film through a model that sees windows of frames, from the source to the verified result, on seeded weights."""

from __future__ import annotations

import functools
import threading
from pathlib import Path

import pytest

from stereo3d.depth import load_model
from stereo3d.job import numerics
from stereo3d.job.convert import convert_film
from stereo3d.progress import Silent
from stereo3d.settings import Settings
from tests.depth import video_stand_in
from tests.films import make_film, picture_hashes, picture_size, picture_times, run


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    return video_stand_in.write_checkpoint("vits", folder / "video_depth_anything_vits.pth")


@pytest.mark.long
def test_shots_shorter_and_longer_than_a_window(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole path but the command line, which has no option for so small a size of the net's input."""
    monkeypatch.setattr(numerics, "load_model", functools.partial(load_model, depth_size=112, dtype="fp32"))
    film = make_film(tmp_path / "film.mkv", (9, 40))
    output = tmp_path / "out.mkv"
    options = {"model": "video-small", "weights": str(weights), "device": "cpu", "batch": 4, "codec": "ffv1"}
    report = convert_film(film, output, Settings.from_flat(options), Silent(), threading.Event())
    assert report.frames == 49
    assert picture_size(output) == (320, 96)
    assert len(picture_times(output)) == 49
    assert len(set(picture_hashes(output))) == 49


def test_weights_of_another_model_are_one_line_and_exit_code_2(weights: Path, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (3,), sound=False)
    done = run(
        "convert", film, "-o", tmp_path / "o.mkv", "--model", "video-large", "--weights", weights, "--device", "cpu",
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "weights of video-small, not of video-large" in done.stderr
    assert f"--model video-small --weights {weights}" in " ".join(done.stderr.split())
    assert not (tmp_path / "o.mkv").exists()
