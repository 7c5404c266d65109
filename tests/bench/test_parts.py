"""The parts that benchmarks are made of."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stereo3d.bench import measurements
from stereo3d.bench.clock import MemoryWatch, Sample, matrix_peak, median, timed
from stereo3d.bench.depth import usual_grid
from stereo3d.bench.measurements import Measurement, fastest, keep, recall
from stereo3d.bench.picture import frames_of, picture
from stereo3d.bench.reference import _eager_network, tutorial_film
from stereo3d.bench.weights import write_random_checkpoint
from stereo3d.depth import load_model
from stereo3d.depth.registry import VITS
from stereo3d.errors import InputError
from stereo3d.table import amount, table
from tests.films import make_film

CPU = torch.device("cpu")


def row(**changes: object) -> Measurement:
    base = Measurement("small", "cpu", 518, 924, 1, "fp32", False, 2.0, 10**8, "2026-01-01", True, "here")
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(measurements.platform, "node", lambda: "here")
    return tmp_path / "stereo3d" / "measurements.json"


def test_measurements_are_kept_and_replaced(cache: Path) -> None:
    keep([row(), row(dtype="bf16", fps=3.0), row(host="elsewhere")])
    assert keep([row(fps=2.5)]) == cache
    assert sorted(r.fps for r in recall()) == [2.5, 3.0]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1, "rows": [{"model": "small"}]}', '{"version": 9}'])
def test_a_damaged_file_of_measurements_is_none(cache: Path, content: str) -> None:
    cache.parent.mkdir()
    cache.write_text(content)
    assert recall() == ()
    keep([row()])
    assert json.loads(cache.read_text())["rows"][0]["model"] == "small"


def test_the_fastest_row_at_the_usual_size_speaks_for_a_model() -> None:
    rows = [row(height=252, width=448, fps=9.0), row(), row(dtype="bf16", fps=3.0), row(model="base", fps=1.0)]
    assert fastest(rows, "small") == rows[2]
    assert fastest(rows, "large") is None


def test_wall_and_core_seconds_are_told_apart() -> None:
    import time

    sleeping = timed(lambda: time.sleep(0.1), CPU)
    assert sleeping.wall >= 0.1
    assert sleeping.core < 0.05
    assert median([Sample(1, 5), Sample(9, 6), Sample(2, 1)]) == Sample(2, 5)


def test_memory_is_seen_at_its_peak_also_when_it_is_given_back() -> None:
    watch = MemoryWatch(CPU)
    block = np.ones(200_000_000, np.uint8)
    for _ in range(3):
        block += 1
    del block
    assert 190e6 < watch.stop() < 300e6


def test_the_matrix_peak_is_a_speed() -> None:
    speed = matrix_peak(CPU, torch.float32, side=256, rounds=2)
    assert 1e8 < speed < 1e14


def test_frames_hold_the_picture() -> None:
    rgb = picture(96, 160)
    frames = frames_of(rgb, 3)
    assert len(frames) == 3
    assert all(torch.equal(plane[0], plane[2]) for plane in frames.planes)
    y, cb, cr = (
        cv2.resize(p[0].numpy(), (160, 96), interpolation=cv2.INTER_LINEAR).astype(float) for p in frames.planes
    )
    red = (y - 16) * 255 / 219 + 2 * (1 - 0.2126) * (cr - 128) * 255 / 224
    blue = (y - 16) * 255 / 219 + 2 * (1 - 0.0722) * (cb - 128) * 255 / 224
    smooth = cv2.blur(rgb, (5, 5)).astype(float)
    assert np.abs(cv2.blur(red, (5, 5)) - smooth[..., 0]).mean() < 4
    assert np.abs(cv2.blur(blue, (5, 5)) - smooth[..., 2]).mean() < 4


def test_random_weights_load_strictly_and_give_values_that_live(tmp_path: Path) -> None:
    path = write_random_checkpoint(VITS, tmp_path / "random.pth")
    model = load_model("small", weights=path, device="cpu", dtype="fp32", depth_size=112)
    raw = model.infer_raw(torch.from_numpy(picture(112, 196)).permute(2, 0, 1)[None])
    assert torch.isfinite(raw).all()
    assert raw.unique().numel() > 1000


def test_the_reference_is_the_same_network_without_fused_attention() -> None:
    net = _eager_network(VITS)
    assert net.backbone.config._attn_implementation == "eager"
    learnt = sum(p.numel() for p in net.parameters())
    assert learnt == pytest.approx(24.8e6, rel=0.01)


def test_the_tutorials_film_is_a_jpeg_of_both_views_a_frame(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (3,), size=(128, 72))
    made = tmp_path / "made"
    made.mkdir()
    tutorial_film(VITS, film, made, 2, (56, 98), CPU)()
    assert sorted(path.name for path in made.iterdir()) == ["00000.jpg", "00001.jpg"]
    both = cv2.imread(str(made / "00001.jpg"))
    assert both is not None
    assert both.shape == (72, 256, 3)
    assert not np.array_equal(both[:, :128], both[:, 128:])
    with pytest.raises(InputError, match="reads only 3 frames"):
        tutorial_film(VITS, film, made, 4, (56, 98), CPU)()


def test_the_usual_grid_of_a_processor_is_small() -> None:
    grid = usual_grid(CPU)
    assert [entry.name for entry in grid.models] == ["small"]
    assert grid.dtypes[0] == "fp32"
    assert not grid.compiled


def test_tables_are_aligned() -> None:
    lines = table(("a", "long"), [("1234", "x")]).splitlines()
    assert lines == ["| a    | long |", "|------|------|", "| 1234 | x    |"]
    assert [amount(v) for v in (None, 0.01234, 1.2345, 1234.5)] == ["-", "0.012", "1.23", "1234"]
