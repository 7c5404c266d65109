"""``stereo3d bench steadiness``, on a film and on true depth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stereo3d.bench.steadiness import bench_truth
from stereo3d.demo.film import DemoFilm
from stereo3d.depth.steadiness import fidelity
from tests.depth.stand_in import write_checkpoint
from tests.films import make_film, run


def rows_of(text: str) -> dict[str, dict[str, float]]:
    return {row.pop("method"): row for row in json.loads(text)["rows"]}


def test_a_film_is_measured_shot_by_shot(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (14, 14), sound=False)
    done = run("bench", "steadiness", film, "--model", "classic", "--frames", "24", "--json")
    result, rows = json.loads(done.stdout), rows_of(done.stdout)
    assert (result["kind"], result["model"], result["frames"], result["shots"]) == ("steadiness", "classic", 24, 2)
    assert next(iter(rows)) == "each picture alone, min-max"
    assert rows["each picture alone, min-max"]["times_reference"] == 1
    assert rows["stereo3d"]["times_reference"] < 1
    assert all(0 < row["contrast"] <= 1 for row in rows.values())
    assert "| stereo3d " in run("bench", "steadiness", film, "--model", "classic", "--end", "0.4").stdout


def test_a_network_is_steadied_in_each_way(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (9,), sound=False)
    weights = write_checkpoint("vits", tmp_path / "small.pth")
    options = ("--weights", weights, "--depth-size", "112", "--device", "cpu", "--dtype", "fp32")
    rows = rows_of(run("bench", "steadiness", film, *options, "--json").stdout)
    assert [name for name in rows if name.startswith("--steady")] == [
        f"--steady {s}" for s in ("off", "range", "motion")
    ]
    assert rows["--steady motion"]["flicker"] < 0.8 * rows["--steady range"]["flicker"]


def test_on_true_depth_motion_is_steadier_and_no_less_true() -> None:
    film = DemoFilm(112, 64, scenes=("tabletop",), frames_per_shot=48)
    rows = {row.method: row for row in bench_truth(lambda _line: None, film).rows}
    motion, steady, alone = rows["--steady motion"], rows["--steady range"], rows["min-max per frame"]
    assert motion.flicker < 0.75 * steady.flicker < alone.flicker
    assert motion.error < steady.error
    assert motion.edge_error < 1.03 * steady.edge_error
    assert motion.sharpness > 0.9 * steady.sharpness
    assert motion.contrast == pytest.approx(1, abs=0.1)


def test_options_without_a_film_are_refused() -> None:
    done = run("bench", "steadiness", "--model", "classic", check=False)
    assert done.returncode == 2
    assert "hint: leave the options out" in done.stderr


def test_fidelity_asks_for_no_scale() -> None:
    truth = np.random.default_rng(1).random((4, 40, 60), np.float32).cumsum(2) / 60
    perfect = fidelity(5 * truth - 2, truth)
    assert perfect.flicker == pytest.approx(0, abs=1e-3)
    assert perfect.error == pytest.approx(0, abs=1e-3)
    flickering = truth + np.float32(0.1) * (np.arange(4) % 2)[:, None, None]
    assert fidelity(flickering.astype(np.float32), truth).flicker > 5
