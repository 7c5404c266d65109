"""preview and compare as people use them: pages that are whole, sheets, short films; with stand-in weights."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from stereo3d.bench.weights import write_random_checkpoint
from stereo3d.depth.registry import VITS
from stereo3d.moments.compare import depth_difference
from tests.films import make_film, run


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "my <film>.mp4", (24,) * 5, rate=Fraction(12), keyframes=24)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share the machine: threads that wait for one another cost more than they bring."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)


def check_page(page: str) -> None:
    """Whole in itself: nothing is loaded, what names hold is escaped, every picture says what it is."""
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)""", page)
    assert not re.findall(r"url\((?!data:)", page)
    assert "<script" not in page
    assert "my <film>" not in page
    assert "my &lt;film&gt;" in page
    assert len(re.findall(r"<img ", page)) == len(re.findall(r"<img alt=\"[^\"]+\"", page))


def test_a_preview_is_a_page_of_moments(film: Path, tmp_path: Path) -> None:
    place = tmp_path / "look.html"
    done = run("preview", film, "--model", "classic", "--count", "2", "-o", place)
    assert done.stdout.strip() == str(place)
    page = place.read_text(encoding="utf-8")
    check_page(page)
    assert page.count('class="card moment"') == 2
    assert page.count('class="wiggle"') == 2
    assert "strength 2.5 %" in page


def test_strengths_stand_beside_one_another(film: Path, tmp_path: Path) -> None:
    place = tmp_path / "look.html"
    run("preview", film, "--model", "classic", "--at", "1,0:06.5", "--strength", "1,2,3", "-o", place)
    page = place.read_text(encoding="utf-8")
    check_page(page)
    assert re.findall(r"<h3>strength (\S+) %</h3>", page) == ["1", "2", "3"] * 2
    pictures = re.findall(r'alt="Both eyes side by side[^"]*" src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(set(pictures)) == 6
    assert [t.split()[0] for t in re.findall(r"<h2>(.*?)</h2>", page)] == ["0:01.0", "0:06.5"]


@pytest.mark.parametrize(
    "words",
    [
        ("--strength", "1,99"),
        ("--at", "soon"),
        ("--clip", "0s"),
        ("-o", "look.pdf"),
        ("--start", "300"),
        ("--model", "nobody"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_hint(
    film: Path, tmp_path: Path, words: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("preview", film, "-o", tmp_path / "look.html", "--model", "classic", *words, check=False)
    assert done.returncode in (1, 2)
    assert done.stderr.count("error:") == 1
    assert "hint:" in done.stderr
    assert not list(tmp_path.glob("*.html"))


def test_a_clip_is_a_short_film_with_its_sound(film: Path, tmp_path: Path) -> None:
    place = tmp_path / "clips"
    done = run("preview", film, "--model", "classic", "--at", "6", "--clip", "2s", "-o", place)
    made = Path(done.stdout.strip())
    assert made.parent == place
    with av.open(str(made)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (320, 96)
        frames = list(container.decode(video))
        assert len(container.streams.audio) == 1
    assert len(frames) == 24
    with av.open(str(film)) as container:
        wanted = next(frame for frame in container.decode(video=0) if frame.time >= 5)
    left = frames[0].to_ndarray(format="gray")[:, :160].astype(int)
    assert np.abs(left - wanted.to_ndarray(format="gray")).mean() < 12


def test_models_are_compared_on_the_same_moments(film: Path, tmp_path: Path) -> None:
    weights = write_random_checkpoint(VITS, tmp_path / "small.pth")
    place = tmp_path / "models.html"
    done = run(
        "compare", film, "--models", "classic,small,large", "--weights", f"small={weights}", "--depth-size", "112",
        "--at", "1,5", "--no-timed", "-o", place, "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [row["name"] for row in found["models"]] == ["classic", "small"]
    assert found["largest"] == "small"
    assert found["models"][0]["difference"] > 1
    assert found["models"][1]["difference"] == 0
    assert [missing["name"] for missing in found["missing"]] == ["large"]
    assert found == json.loads(place.with_suffix(".json").read_text())
    page = place.read_text(encoding="utf-8")
    check_page(page)
    assert "--weights large=FILE" in page
    assert page.count("<figure>") == 6
    sheet = cv2.imread(str(place.with_suffix(".png")))
    assert sheet.shape[1] > 3 * 150
    assert sheet.std() > 20


def test_models_that_agree_up_to_scale_and_shift_do_not_differ() -> None:
    depth = torch.rand(1, 1, 30, 40, generator=torch.Generator().manual_seed(2))
    assert depth_difference(0.3 * depth + 0.5, depth) == pytest.approx(0, abs=1e-4)
    flat = float(100 * (depth - depth.mean()).abs().mean())
    assert depth_difference(1 - depth, depth) == pytest.approx(flat, rel=1e-5)  # near for far is no better than nothing
    assert depth_difference(torch.full((1, 1, 7, 9), 0.5), depth) == pytest.approx(flat, rel=1e-5)
    noisy = depth + 0.2 * torch.rand(depth.shape, generator=torch.Generator().manual_seed(3))
    assert 2 < depth_difference(noisy, depth) < 10


def test_a_comparison_tells_what_each_model_costs(tmp_path: Path) -> None:
    film = make_film(tmp_path / "my <film>.mkv", (20, 20), rate=Fraction(12))
    done = run("compare", film, "--models", "classic", "--at", "1", "-o", tmp_path / "c.html", "--json")
    row = json.loads(done.stdout)["models"][0]
    assert row["seconds_100"] == pytest.approx(100 / row["fps"])
    assert row["film_seconds"] > 0
    assert row["peak_memory"] > 50e6
    assert 4 <= row["sample"] <= 40
    check_page((tmp_path / "c.html").read_text(encoding="utf-8"))
