"""``stereo3d bench`` and ``bench depth`` as a user runs them, as small as they get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stereo3d.bench.film import with_weights
from stereo3d.cli import main
from stereo3d.settings import Settings
from tests.films import make_film
from tests.films import run_program as run


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))


def test_bench_depth_measures_and_models_shows_it() -> None:
    options = ("--models", "small,classic", "--sizes", "112", "--dtypes", "fp32", "--frame", "256x144", "--rounds", "1")
    done = run("bench", "depth", *options, "--threads", "1", "--device", "cpu", "--json")
    result = json.loads(done.stdout)
    assert result["kind"] == "depth"
    assert result["machine"]["device"] == "cpu"
    assert result["machine"]["threads"] == 1
    assert result["peaks"].keys() == {"fp32"}
    reference, film, classic = result["rows"]
    assert [r["way"] for r in result["rows"]] == ["reference", "film", "film"]
    assert [r["weights"] for r in result["rows"]] == ["random", "random", "no"]
    assert (film["height"], film["width"], film["batch"], film["dtype"]) == (112, 196, 1, "fp32")
    assert reference["times_reference"] == reference["times_reference_core"] == 1
    assert film["times_reference"] == pytest.approx(film["fps"] / reference["fps"])
    assert film["tflops"] == pytest.approx(film["gflop_per_frame"] * film["fps"] / 1000)
    assert film["peak_share"] == pytest.approx(film["tflops"] / result["peaks"]["fp32"])
    assert film["peak_memory"] > 50e6
    assert classic["fps"] > 0
    assert classic["tflops"] is None

    models = {m["name"]: m for m in json.loads(run("models", "--json").stdout)["models"]}
    assert models["small"]["measured"]["fps"] == pytest.approx(film["fps"])
    assert models["small"]["measured"]["random_weights"] is True
    assert models["classic"]["measured"]["fps"] == pytest.approx(classic["fps"])
    assert models["large"]["measured"] is None
    text = run("models").stdout
    assert "(random weights)" in text


def test_bench_goes_through_all_stages_of_a_film(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (14, 20))
    done = run("bench", film, "--frames", "24", "--rounds", "1", "--json", "--strength", "3")
    result = json.loads(done.stdout)
    assert result["kind"] == "film"
    assert (result["frames"], result["source_size"], result["output_size"]) == (24, [160, 96], [320, 96])
    assert (result["model"], result["weights"]) == ("classic", "no")
    rows = {row["stage"]: row for row in result["rows"]}
    assert list(rows) == ["decode", "depth", "steady depth", "render", "encode", "pipeline", "conversion", "ffmpeg"]
    assert all(row["fps"] > 0 for row in rows.values())
    assert rows["conversion"]["seconds"] > rows["pipeline"]["seconds"]
    slowest = min(("decode", "depth", "steady depth", "render", "encode"), key=lambda stage: rows[stage]["fps"])
    assert result["slowest"] == slowest
    assert result["share_of_slowest"] == pytest.approx(rows["pipeline"]["fps"] / rows[slowest]["fps"])
    assert result["times_reference"] is None  # no network, no tutorial
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mkv"]


def test_beside_a_network_stands_the_tutorials_way(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (3, 3), size=(128, 72))
    options = ("--model", "small", "--depth-size", "112", "--device", "cpu", "--frames", "6", "--rounds", "1")
    done = run("bench", film, *options, "--json")
    result = json.loads(done.stdout)
    rows = {row["stage"]: row for row in result["rows"]}
    assert rows["reference"]["seconds"] * rows["reference"]["fps"] == pytest.approx(4)
    assert result["times_reference"] == pytest.approx(rows["pipeline"]["fps"] / rows["reference"]["fps"])
    assert result["weights"] == "random"


@pytest.mark.long
def test_bench_makes_a_film_of_its_own(tmp_path: Path) -> None:
    done = run("bench", "--size", "128x72", "--frames", "2", "--rounds", "1", "--codec", "ffv1")
    assert "depth classic (no weights)" in done.stdout
    assert "the demo film: 2 frames, 128x72 to 256x72" in done.stdout
    assert [path.name for path in (tmp_path / "cache" / "stereo3d").iterdir()] == ["bench-128x72-2.mkv"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("depth", "--models", "giant"), "never released"),
        (("depth", "--models", "tiny"), "not a known model"),
        (("depth", "--models", "small", "--dtypes", "int8"), "'int8' is not known"),
        (("depth", "--batches", "0"), "--batches"),
        (("depth", "--sizes", "5", "--no-reference"), "depth size '5'"),
        (("depth", "--frame", "10x10"), "--frame"),
        (("nowhere.mkv",), "does not exist"),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_line(
    options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["bench", *options])
    except SystemExit as refused:  # argparse's way
        code = int(str(refused.code))
    said = capsys.readouterr()
    error = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert code in (1, 2)
    assert len(error) == 1
    assert words in error[0]
    assert said.out == ""


def test_random_weights_stand_in_for_absent_ones_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stereo3d.bench.weights.cached", lambda _hub_id: None)
    asked = Settings.from_flat({"model": "small"})
    settings, kind = with_weights(asked, tmp_path)
    assert kind == "random"
    assert settings.depth.weights == str(tmp_path / "small-random.pth")
    given = Settings.from_flat({"model": "small", "weights": "mine.pth"})
    assert with_weights(given, tmp_path) == (given, "given")
    classic = Settings.from_flat({"model": "classic"})
    assert with_weights(classic, tmp_path) == (classic, "no")


def test_figures_that_cannot_be_kept_are_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    options = ["--models", "classic", "--frame", "256x144", "--rounds", "1", "--threads", "1", "--device", "cpu"]
    assert main(["bench", "depth", *options]) == 0
    said = capsys.readouterr()
    assert "| classic |" in said.out
    assert "warning: not kept" in said.err
