"""The depth options reach the model, and with it every segment's key."""

from __future__ import annotations

from pathlib import Path

import pytest

from stereo3d.job.numerics import load_with_numerics
from stereo3d.settings import DepthSettings
from tests.depth.stand_in import write_checkpoint


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint("vits", tmp_path_factory.mktemp("weights") / "seeded.pth")


def identity(settings: DepthSettings) -> str:
    def download(_done: int, _total: int) -> None:
        raise AssertionError("nothing is to be downloaded")

    model, numerics = load_with_numerics(settings, (1920, 804), lambda: 0, None, download=download, report=pytest.fail)
    assert numerics.batch == 1
    return model.info.identity


def test_size_and_number_format_are_part_of_the_models_identity(weights: Path) -> None:
    cpu = {"weights": str(weights), "device": "cpu"}
    seen = [
        identity(DepthSettings.model_validate({**cpu, **options}))
        for options in ({}, {"depth_size": 518}, {"depth_size": "924x518"}, {"dtype": "fp32"}, {"dtype": "bf16"})
    ]
    assert len(set(seen[:3])) == 3
    assert seen[3] != seen[4]


def test_classic_says_that_it_has_neither() -> None:
    lines: list[str] = []
    settings = DepthSettings(model="classic", device="cpu", depth_size="252")
    load_with_numerics(settings, (640, 360), lambda: 0, None, download=lambda _a, _b: None, report=lines.append)
    assert lines == ["classic is no network: depth-size and dtype do nothing for it"]
