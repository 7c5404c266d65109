"""Single shots' own settings: seen at once, saved into the file beside the output, and never over what somebody else wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from stereo3d.errors import JobError, UsageError
from stereo3d.job.shots_file import shots_file_of
from stereo3d.ui.folders import Refused
from stereo3d.ui.own import own_of, save_own
from tests.ui.browser import accessibility_errors, browser, open_page, until
from tests.ui.served import Served
from tests.ui.test_page import PHONE, changed, pixels

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    place = tmp_path / "film.mkv.shots.yaml"
    empty = own_of(place, 3)
    assert (empty["own"], empty["error"]) == ({}, "")
    save_own(place, empty["version"], {"2": {"strength": "1.5"}, "3": {"flat": ""}}, 3)
    saved = own_of(place, 3)
    assert saved["own"] == {2: {"strength": "1.5"}, 3: {"flat": ""}}
    assert saved["version"] != empty["version"]
    save_own(place, saved["version"], {"2": {}, "3": {}}, 3)
    assert not place.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_else_wrote_is_not_lost(tmp_path: Path) -> None:
    place = tmp_path / "film.mkv.shots.yaml"
    version = own_of(place, 3)["version"]
    place.write_text("# mine\nshot 1: window float, model owner/name\n")
    with pytest.raises(JobError, match="changed meanwhile"):
        save_own(place, version, {"1": {"strength": "2"}}, 3)
    assert place.read_text().startswith("# mine\nshot 1: window float")
    seen = own_of(place, 3)
    save_own(place, seen["version"], {"1": {**seen["own"][1], "strength": "2"}}, 3)
    assert place.read_text() == "# mine\nshot 1: model owner/name, strength 2, window float\n"


def test_a_file_that_says_nothing_sensible_is_told_and_left(tmp_path: Path) -> None:
    place = tmp_path / "film.mkv.shots.yaml"
    for text, wrong in (("shot 9: flat\n", "no shot 9"), ("shot 1: blue 3\n", "'blue'"), ("[", "line 1")):
        place.write_text(text)
        found = own_of(place, 3)
        assert wrong in found["error"]
        assert found["hint"]
        with pytest.raises(UsageError):
            save_own(place, found["version"], {"1": {"strength": "2"}}, 3)
        assert place.read_text() == text


@pytest.mark.parametrize(
    "shots",
    [None, [1], {"x": {}}, {"-1": {}}, {"1": []}, {"1": {"strength": 2}}, {"1": {"weights": "/x"}}, {"1": {"model": "/x"}}, {"1": {"window": "off"}}],
)  # fmt: skip
def test_shots_that_are_none(tmp_path: Path, shots: object) -> None:
    place = tmp_path / "film.mkv.shots.yaml"
    with pytest.raises(Refused):
        save_own(place, own_of(place, 3)["version"], shots, 3)
    assert not place.exists()


def test_a_shot_gets_its_own_strength(page: Served, room: Path) -> None:
    place = shots_file_of(room / "films" / "own.mkv")
    with browser(viewport=PHONE) as context:
        tab = open_page(context, page.address, page.key)
        tab.fill("#output", "own")
        find_shots(tab)
        assert tab.locator("#shots button").count() == 2
        before = pixels(tab)
        tab.focus("#this-shot")
        tab.keyboard.press("Space")
        tab.focus("#strength")
        tab.keyboard.press("End")
        stronger = changed(tab, before)
        assert "not saved: strength 6" in tab.locator("#shots button").first.inner_text()
        tab.locator("#shots button").first.focus()
        tab.keyboard.press("ArrowRight")
        until(tab, "document.querySelector('#shot-name').textContent == 'Shot 2'")
        assert tab.locator("#strength-value").inner_text() == "2.5 %"
        tab.check("#flat")
        assert tab.locator("#strength").is_disabled()
        assert accessibility_errors(tab) == []
        assert not place.exists()
        tab.click("#save")
        tab.wait_for_selector("#unsaved", state="hidden")
        assert place.read_text() == "shot 1: strength 6\nshot 2: flat\n"
        second = open_page(context, page.address, page.key)
        second.fill("#output", "own")
        find_shots(second)
        until(second, "document.querySelector('#shots').textContent.includes('strength 6')")
        assert "Shot 1 has its own: strength 6" in second.locator("#own-note").inner_text()
        for _ in range(600):
            if (seen := pixels(second)) == stronger:
                break
            second.wait_for_timeout(100)
        assert seen == stronger
        second.locator("#this-shot").check(force=True)
        second.click("#as-film")
        assert changed(second, stronger) == before
        second.click("#save")
        until(
            tab, "!document.querySelector('#shots').textContent.includes('strength')"
        )  # one tab saves, the other sees
        assert place.read_text() == "shot 2: flat\n"


def find_shots(tab: Page) -> None:
    """As a person would, unless they are known."""
    until(tab, "!document.querySelector('#find').hidden || document.querySelector('#shots button')")
    if tab.locator("#find").is_visible():
        tab.click("#find")
    tab.wait_for_selector("#scope:not([hidden])")


def test_a_flat_shot_is_the_source_for_both_eyes(page: Served) -> None:
    own = quote(json.dumps({"flat": ""}))
    wish = "/api/picture?film=0/film.mkv&time=1&height=192&lane=flat"
    seen = [page.ask(f"{wish}&shown={shown}&own={own}&model=large") for shown in ("left", "right")]
    assert [status for status, _, _ in seen] == [200, 200], "no weights are needed for it"
    assert seen[0][2] == seen[1][2]
    assert page.ask(f"{wish}&shown=left&own=%7B%7D")[2] != seen[0][2]
