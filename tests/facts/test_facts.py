"""models, doctor and shots as a user runs them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from stereo3d.depth.registry import MODELS, VITS
from stereo3d.facts.doctor import _CHECKS, examine
from stereo3d.facts.shots import timecode
from tests.films import make_film
from tests.films import run_program as run

RATE = Fraction(24000, 1001)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))


def test_models_says_licence_and_place() -> None:
    models = {m["name"]: m for m in json.loads(run("models", "--json").stdout)["models"]}
    assert list(models) == list(MODELS)
    assert models["small"]["licence"] == "Apache-2.0"
    assert models["large"]["licence"] == "CC-BY-NC-4.0"
    assert {name: m["state"] for name, m in models.items()} == {
        "small": "to download", "base": "to download", "large": "to download", "giant": "never released",
        "classic": "embedded", "video-small": "to download", "video-base": "to download", "video-large": "to download",
    }  # fmt: skip
    assert models["small"]["bytes"] == pytest.approx(99e6, rel=0.01)
    assert models["small"]["sha256"] is None
    text = run("models").stdout
    assert "not here; about 99 MB to download" in text
    assert "announced and never released" in text
    assert "not measured" in text


def test_models_finds_weights_in_the_hubs_cache(tmp_path: Path) -> None:
    snapshot = tmp_path / "hub" / "hub" / "models--depth-anything--Depth-Anything-V2-Small-hf" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(b"weights")
    small = json.loads(run("models", "--json").stdout)["models"][0]
    assert small["state"] == "here"
    assert small["place"] == str(snapshot / "model.safetensors")
    assert small["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert small["bytes"] == 7


def test_models_is_quick() -> None:
    code = (
        "import sys\nfrom stereo3d.cli import main\nmain(['models'])\n"
        "assert not {'torch', 'av', 'numba', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=250)


def test_doctor_looks_at_everything() -> None:
    done = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    wanted = {
        "python",
        "torch",
        "processor",
        "ffmpeg libraries",
        "ffmpeg command",
        "memory",
        "disk",
        "hub",
        "kernel cache",
    }
    assert wanted <= checks.keys()
    assert {f"encoder {e}" for e in ("libx264", "libx265", "libsvtav1", "ffv1", "nvenc")} <= checks.keys()
    assert all(check["status"] == ("ok" if check["ok"] else "warning") for check in checks.values())
    assert all(check["hint"] for check in checks.values() if not check["ok"])
    assert checks["encoder libx264"]["ok"]
    assert checks["hub"]["value"] == "offline: HF_HUB_OFFLINE is set"
    assert checks["disk"]["details"]["free"] > 0
    assert done.stderr == ""  # encoders are tried, and must not chat


def test_a_check_that_breaks_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no such thing\nsecond line")

    monkeypatch.setitem(_CHECKS, "python", broken)
    for name in set(_CHECKS) - {"python", "memory"}:
        monkeypatch.delitem(_CHECKS, name)
    first, second = examine()
    assert (first.name, first.ok, first.value) == ("python", False, "cannot be looked at: no such thing")
    assert second.name == "memory"


def test_shots_of_a_film(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (40, 30, 26), rate=RATE)
    done = run("shots", film, "--json")
    result = json.loads(done.stdout)
    assert result["frames"] == 96
    assert [(s["start"], s["end"]) for s in result["shots"]] == [(0, 40), (40, 70), (70, 96)]
    assert result["shots"][1]["start_seconds"] == pytest.approx(40 / float(RATE), abs=0.001)
    assert [s["start_time"] for s in result["shots"]] == ["00:00:00.000", "00:00:01.668", "00:00:02.920"]
    assert result["shots"][2]["end_time"] == "00:00:04.003"  # Matroska's milliseconds
    assert result["faults"] == []
    rows = run("shots", film).stdout.splitlines()
    assert len(rows) == 5
    assert rows[3].split("|")[2].strip() == "40-69"


def test_a_truncated_film_has_shots_and_a_warning(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (60, 60, 60), size=(320, 192))
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    done = run("shots", film, "--json", check=False)
    assert done.returncode == 3
    assert "truncated" in done.stderr
    assert "truncated" in json.loads(done.stdout)["faults"][0]


def test_what_has_no_shots_is_refused(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((64, 64, 3), np.uint8))
    for source, words in ((tmp_path / "picture.png", "is a picture"), (tmp_path / "none.mkv", "does not exist")):
        done = run("shots", source, check=False)
        assert done.returncode == 1
        assert words in done.stderr


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Fraction(0), "00:00:00.000"),
        (Fraction(3599) + Fraction(9996, 10000), "01:00:00.000"),
        (Fraction(7325) + Fraction(1001, 24000), "02:02:05.042"),
        (Fraction(360000), "100:00:00.000"),
    ],
)
def test_timecodes(seconds: Fraction, text: str) -> None:
    assert timecode(seconds) == text


def test_parameters_are_those_of_the_architecture() -> None:
    import torch

    from stereo3d.depth.network import DepthAnythingNet

    with torch.device("meta"):
        count = sum(p.numel() for p in DepthAnythingNet(VITS).parameters())
    assert count / 1e6 == pytest.approx(MODELS["small"].parameters_millions, rel=0.01)
