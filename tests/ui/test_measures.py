"""What each model costs on a film, and how they differ: by the commands of these names, one at a time, for everybody to see."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from stereo3d.cli import _parser
from stereo3d.errors import JobError
from stereo3d.settings import Settings
from stereo3d.ui import measures
from stereo3d.ui.children import Run
from tests.ui.served import Served

FILM = "/api/measures?film=0/film.mkv"


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    film = tmp_path / "film.mkv"
    film.write_bytes(b"a film")
    return film


def test_the_commands_are_what_a_person_would_type(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(measures, "start", lambda _folder, _about, words: called.append(words))
    flat = {
        "model": "base",
        "weights": "b.pth",
        "strength": 3,
        "layout": "ou-half",
        "keep_work": True,
        "verify": "full",
    }
    measures.begin_estimate(film, Settings.from_flat(flat), {})
    measures.begin_compare(film, Settings.from_flat({"model": "classic"}), {}, Fraction(5, 2))
    estimate, compare = (vars(_parser().parse_args(words)) for words in called)
    assert (estimate["command"], estimate["input"], estimate["json"]) == ("estimate", film, True)
    assert (estimate["models"], estimate["weights"]) == ("base,small,large", "base=b.pth")
    assert (estimate["strength"], estimate["layout"], estimate["verify"]) == ("3.0", "ou-half", "full")
    assert (compare["command"], compare["models"], compare["timed"]) == ("compare", "classic,small,base,large", False)
    assert (compare["at"], compare["output"]) == ("2.5000", measures.page_of(film, ".html"))


def test_one_at_a_time_and_what_it_says(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(folder: Path, about: dict[str, Any], _words: list[str]) -> None:
        folder.mkdir(parents=True)
        (folder / "said").write_text("measuring small\n")
        (folder / "out").touch()
        (folder / "run.json").write_text(json.dumps({"about": about, "pid": 2**22 - 1, "born": 1.0}))

    monkeypatch.setattr(measures, "start", begun)
    assert measures.measure_of("estimate", film).state == "none"
    monkeypatch.setattr(Run, "process", lambda _self: object())
    measures.begin_estimate(film, Settings(), {"codec": "auto"})
    found = measures.measure_of("estimate", film)
    assert (found.state, found.said) == ("running", "measuring small")
    with pytest.raises(JobError, match=r"film\.mkv is being measured"):
        measures.begin_compare(film, Settings(), {}, Fraction(0))
    folder = measures.page_of(film, ".html").parent.parent.parent / "estimate"
    (said,) = folder.glob("*/said")
    said.with_name("out").write_text('{"models": []}')
    found = measures.measure_of("estimate", film)
    assert (found.state, found.found, found.about) == (
        "done",
        {"models": []},
        {"film": str(film), "options": {"codec": "auto"}},
    )
    said.with_name("out").write_text("")
    said.write_text("measuring small\nerror: no room\nhint: make some\n")
    monkeypatch.setattr(Run, "process", lambda _self: None)
    found = measures.measure_of("estimate", film)
    assert (found.state, found.error, found.hint) == ("failed", "no room", "make some")


def test_models_are_compared_and_those_that_are_not_here_are_named(page: Served) -> None:
    asked = {"film": "0/film.mkv", "kind": "compare", "time": "1", "options": {"model": "classic"}}
    assert page.ask("/compared?film=0/film.mkv")[0] == 404
    assert page.ask("/api/measures", method="POST", body=asked)[0] == 200
    status, _, body = page.ask("/api/measures", method="POST", body={**asked, "kind": "estimate"})
    assert (status, b"is being measured" in body) == (409, True)
    found = until_done(page)["compare"]
    assert (found["state"], found["about"]["time"]) == ("done", 1.0)
    assert [model["name"] for model in found["found"]["models"]] == ["classic"]
    assert [model["name"] for model in found["found"]["missing"]] == ["small", "base", "large"]
    _, _, sheet = page.ask("/compared.png?film=0/film.mkv")
    assert sheet.startswith(b"\x89PNG")
    _, headers, compared = page.ask("/compared?film=0/film.mkv")
    assert headers["content-security-policy"].startswith("sandbox;")
    assert b"Depth by classic" in compared


def test_what_is_cancelled_is_gone(page: Served) -> None:
    asked = {"film": "0/film.mkv", "kind": "estimate", "options": {"model": "classic"}}
    assert page.ask("/api/measures", method="POST", body=asked)[0] == 200
    assert page.json(FILM)["estimate"]["state"] == "running"
    assert page.ask("/api/measures/end", method="POST", body=asked)[0] == 200
    assert page.json(FILM)["estimate"]["state"] == "none"


def until_done(page: Served) -> Any:
    for _ in range(600):
        found = page.json(FILM)
        if "running" not in (one["state"] for one in found.values()):
            return found
        time.sleep(0.2)
    pytest.fail("it is never done")
