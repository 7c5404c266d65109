"""``--done-by`` with the real program and networks of three sizes: stand-ins with random weights, whose speed is the true one's."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from stereo3d.depth.registry import MODELS
from tests.depth import stand_in
from tests.depth.test_weights import write_folder
from tests.films import make_film, run

SIZES = {"small": "vits", "base": "vitb"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub cache that holds the small and the base network."""
    home = tmp_path_factory.mktemp("hub")
    for name, encoder in SIZES.items():
        place = home / f"models--{(MODELS[name].hub_id or '').replace('/', '--')}"
        (place / "snapshots").mkdir(parents=True)
        write_folder(place / "snapshots" / "main", stand_in.state_dict(encoder))
        (place / "refs").mkdir()
        (place / "refs" / "main").write_text("main")
    return home


def at(seconds: float) -> str:
    return f"{datetime.now() + timedelta(seconds=seconds):%H:%M}"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_choice_follows_the_measured_speed_and_is_said(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    frames = 9000
    film = make_film(tmp_path / "film.mkv", (frames,), rate=Fraction(12), size=(96, 64), sound=False)

    def chosen(seconds: float) -> tuple[str, str]:
        """(model, what was said)"""
        output = tmp_path / "out.mkv"
        done = run(
            "convert",
            film,
            "-o",
            output,
            "--depth-size",
            "112",
            "--dry-run",
            "--progress",
            "plain",
            "--done-by",
            at(seconds),
        )
        plan = json.loads((tmp_path / "out.mkv.stereo3d" / "survey.json").read_text())
        assert len(plan["survey"]["steps"]) == frames - 1
        found = re.search(r"^model (\w+) it is \(licence (.+)\)$", done.stderr, re.MULTILINE)
        assert found is not None, done.stderr
        assert found[2] == MODELS[found[1]].licence
        assert f"loading depth model {found[1]}" in done.stderr
        return found[1], done.stderr

    model, said = chosen(23 * 3600)
    assert model == "base"  # large is not here
    speeds = {name: float(fps) for name, fps in re.findall(r"^(\w+): ([\d.]+) fps here", said, re.MULTILINE)}
    assert speeds.keys() == SIZES.keys()
    assert speeds["small"] > 1.5 * speeds["base"]
    needed = {name: 1.15 * frames / fps + 120 for name, fps in speeds.items()}
    model, said = chosen((needed["small"] * needed["base"]) ** 0.5 + 30)
    assert model == "small"
    assert ("base: " in said and ": too slow" in said) or "base would take far too long" in said
    model, said = chosen(90)
    assert model == "small"
    assert "even small will not be ready by then" in said
    assert "base: " not in said
