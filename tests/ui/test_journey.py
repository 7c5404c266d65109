"""As a person would: convert in the page, pause, look from a second tab, lose everything to a kill, go on, read the report, and watch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from stereo3d.files import read_json
from stereo3d.job.done import record_of
from tests.films import audio_packets, make_film, picture_times
from tests.ui.browser import accessibility_errors, browser, open_page, until
from tests.ui.served import served
from tests.ui.test_page import changed, pixels

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
STATE = "document.querySelector('.job')?.dataset.state"


def test_a_night(tmp_path: Path) -> None:
    folder, cache = tmp_path / "films", tmp_path / "cache"
    folder.mkdir()
    film = make_film(folder / "film.mkv", (260, 300, 300, 240, 300), size=(320, 192))
    output = folder / "night.mkv"
    with browser() as context:
        with served(folder, cache) as server:
            tab = open_page(context, server.address, server.key)
            tab.fill("#output", "night")
            give_a_shot_its_own(tab)
            see_how_long_it_takes(tab)
            tab.click("#convert")  # which saves first
            until(tab, f"{STATE} == 'running'")
            until(tab, "parseInt(document.querySelector('.job .numbers').textContent) >= 1")
            second = context.new_page()
            second.goto(server.address)
            until(second, f"{STATE} == 'running'")
            second.get_by_role("button", name="Pause").click()  # one tab asks, the other sees
            until(tab, f"{STATE} == 'paused'")
            assert list(Path(f"{output}.stereo3d/segments").glob("*.mkv"))
            watch_what_is_there(tab)
            tab.get_by_role("button", name="Continue").click()
            until(tab, f"{STATE} == 'running'")
            tab.reload()
            until(tab, f"{STATE} == 'running'")
            workers = [p for p in psutil.process_iter(["cmdline"]) if str(output) in " ".join(p.info["cmdline"] or [])]
            assert workers, "a conversion is a process of its own"
            family = [child for worker in workers for child in worker.children(recursive=True)] + workers
            server.process.kill()
            tab.wait_for_selector("#lost:not([hidden])")
            assert all(process.is_running() for process in workers), "it outlives the server"
            for process in family:
                process.kill()
            psutil.wait_procs(family)
        before = {path.name for path in Path(f"{output}.stereo3d/segments").glob("*.mkv")}
        assert not output.exists()
        with served(folder, cache) as server:
            tab = open_page(context, server.address, server.key)
            until(tab, f"{STATE} == 'paused'")
            tab.get_by_role("button", name="Continue").click()
            until(tab, f"{STATE} == 'done'", seconds=600)
            with context.expect_page() as opened:
                tab.get_by_role("link", name="Report").click()
            report = opened.value
            report.wait_for_load_state()
            assert "Done, verified" in report.inner_text("body")
            assert "night.mkv" in report.title()
            assert accessibility_errors(tab) == []
            make_another_shot_anew(tab, output)
    assert before
    assert not Path(f"{output}.stereo3d").exists()
    assert picture_times(output) == picture_times(film)
    assert audio_packets(output) == audio_packets(film)


def give_a_shot_its_own(tab: Page) -> None:
    """The second shot is too strong: less of it is seen at once."""
    tab.click("#find")
    tab.wait_for_selector("#scope:not([hidden])")
    tab.locator("#shots button").nth(1).click()
    until(tab, "document.querySelector('#shot-name').textContent == 'Shot 2'")
    until(
        tab,
        "document.querySelector('#shown').alt.endsWith('at 0:17') && document.querySelector('#shown').dataset.view == 'anaglyph'",
    )
    before = pixels(tab)
    tab.locator("#this-shot").check(force=True)
    tab.focus("#strength")
    for _ in range(5):
        tab.keyboard.press("ArrowLeft")
    changed(tab, before)
    assert "strength 2" in tab.locator("#shots button").nth(1).inner_text()


def see_how_long_it_takes(tab: Page) -> None:
    """Here and in another tab."""
    second = tab.context.new_page()
    second.goto(tab.url.split("#")[0])
    second.wait_for_selector("#shown[src]")
    tab.click("#estimate")
    second.wait_for_selector("#cease:not([hidden])")
    for page in (tab, second):
        page.wait_for_selector("#model-list .big", timeout=300_000)
        assert "limited by" in page.locator("#model-list").inner_text()
        assert "small: its weights are not here" in page.locator("#missing").inner_text()
        assert page.locator("#forecast").inner_text().startswith("About ")
    assert accessibility_errors(tab) == []
    second.close()


def make_another_shot_anew(tab: Page, output: Path) -> None:
    """After all is done one more shot is to be otherwise: the film is made anew from what can stay."""
    assert read_json(record_of(output))["shots"] == [[2, 2, "strength", "2"]]
    first = read_json(record_of(output))["finished"]
    tab.fill("#output", "night")
    tab.wait_for_selector("#scope:not([hidden])")
    until(tab, "document.querySelector('#shots').textContent.includes('strength 2')")
    tab.locator("#shots button").nth(4).click()
    tab.locator("#this-shot").check(force=True)
    tab.check("#flat")
    tab.click("#save")
    tab.get_by_role("button", name="Make the changed shots anew").click()
    for _ in range(600):
        record = read_json(record_of(output))
        if record["finished"] != first:
            break
        tab.wait_for_timeout(500)
    assert record["shots"] == [[2, 2, "strength", "2"], [5, 5, "flat", ""]]
    until(tab, f"{STATE} == 'done'")
    assert tab.get_by_role("button", name="Make the changed shots anew").count() == 0


def watch_what_is_there(tab: Page) -> None:
    """Allow watching while it grows, play it in a browser without the key, and take it back."""
    tab.get_by_role("button", name="Allow watching").click()
    link = tab.locator(".link a")
    link.wait_for()
    address = link.get_attribute("href") or ""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/watch/[\w-]{20,}/", address)
    assert tab.context.browser
    other = tab.context.browser.new_context()
    watcher = other.new_page()
    watcher.goto(address)
    watcher.click("#newest", timeout=60_000)
    until(watcher, "document.querySelector('video').readyState >= 2")
    assert watcher.evaluate("document.querySelector('video').videoWidth") == 640
    assert watcher.evaluate("document.querySelector('video').duration") > 5
    assert other.request.get(address + "film", headers={"Range": "bytes=10-19"}).status == 206
    assert other.request.get(address.split("/watch/")[0] + "/api/films").status == 401
    assert accessibility_errors(watcher) == []
    tab.get_by_role("button", name="Allow watching").click()
    link.wait_for(state="hidden")
    assert other.request.get(address + "film").status == 404
    other.close()
