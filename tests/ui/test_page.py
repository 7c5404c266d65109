"""The page in a real browser: pictures follow the sliders, everybody can use it, and it asks nobody else for anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ui.browser import accessibility_errors, browser, open_page, until
from tests.ui.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHONE = {"width": 360, "height": 780}


def test_it_is_light_and_stays_at_home(page: Served) -> None:
    with browser() as context:
        weights: dict[str, int] = {}
        tab = context.new_page()
        tab.on("requestfinished", lambda request: weights.update({request.url: request.sizes()["responseBodySize"]}))
        tab.goto(f"{page.address}/?key={page.key}")
        tab.wait_for_selector("#shown[src]")
        own = {url: size for url, size in weights.items() if "/api/picture" not in url and not url.startswith("blob:")}
        assert sum(own.values()) < 200_000
        assert sum(own.values()) > 10_000
        assert all(url.startswith((page.address, f"blob:{page.address}")) for url in weights), weights
        assert page.key not in tab.url
        assert context.cookies()[0]["httpOnly"]
        assert tab.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"


def test_scrub_and_change_the_strength(page: Served) -> None:
    with browser() as context:
        tab = open_page(context, page.address, page.key)
        first, before = pixels(tab), tab.locator("#clock").inner_text()
        tab.focus("#time")
        tab.keyboard.press("ArrowRight")
        assert tab.locator("#clock").inner_text() != before
        second = changed(tab, first)
        tab.focus("#strength")
        for _ in range(3):
            tab.keyboard.press("ArrowRight")
        assert tab.locator("#strength-value").inner_text() == "2.8 %"
        third = changed(tab, second)
        tab.uncheck("#auto")
        tab.focus("#zero")
        tab.keyboard.press("End")
        seen = {first, second, third, changed(tab, third)}
        for view in ("source", "depth", "sbs-full"):
            tab.locator(f"#views input[value={view}]").check(force=True)
            until(tab, f"document.querySelector('#shown').dataset.view == '{view}'")
            seen.add(pixels(tab))
        assert len(seen) == 7
        tab.locator("#views input[value=wiggle]").check(force=True)
        until(tab, "document.querySelector('#shown').dataset.view == 'wiggle'")
        both = sources(tab)
        while len(both) < 2:
            both |= sources(tab)
        tab.click("#hold")
        tab.wait_for_timeout(250)
        assert len(sources(tab)) == 1


def test_moments_that_stand_for_the_film(page: Served) -> None:
    moments = page.json("/api/moments?film=0/film.mkv&count=4")["moments"]
    assert [moment["time"] for moment in moments] == sorted(moment["time"] for moment in moments)
    assert {moment["kind"] for moment in moments} == {"near", "far", "dark", ""}
    with browser() as context:
        tab = open_page(context, page.address, page.key)
        until(tab, "document.querySelector('#strip').textContent.includes('near')")
        until(tab, "[...document.querySelectorAll('#strip img')].slice(0, 4).every((image) => image.src)")
        near = tab.locator("#strip button", has_text="near")
        near.click()
        assert near.get_attribute("aria-current") == "true"
        assert tab.locator("#clock").inner_text().startswith(near.inner_text().split(" ")[0][:-2])
        near.press("Home")
        assert tab.locator("#strip button").first.get_attribute("aria-current") == "true"
        assert tab.evaluate("document.activeElement === document.querySelector('#strip button')")


def pixels(tab: Page) -> str:
    """All that is seen in the picture."""
    return str(
        tab.evaluate(
            """async () => { const image = document.querySelector('#shown'), canvas = document.createElement('canvas');
            for (;;) try { await image.decode(); break } catch { await new Promise(soon => setTimeout(soon, 20)) }
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            canvas.getContext('2d').drawImage(image, 0, 0); return canvas.toDataURL() }"""
        )
    )


def changed(tab: Page, before: str) -> str:
    """The anaglyph that is seen as soon as it is another one (the source comes first while the time moves)."""
    for _ in range(600):
        tab.wait_for_timeout(100)
        if tab.get_attribute("#shown", "data-view") == "anaglyph" and (now := pixels(tab)) != before:
            return now
    pytest.fail("the picture stays the same")


def sources(tab: Page) -> set[str]:
    """The pictures that are shown within a second."""
    return {tab.evaluate("document.querySelector('#shown').src") for _ in range(12) if not tab.wait_for_timeout(90)}


def test_weights_that_are_not_here_are_not_fetched_unasked(page: Served) -> None:
    with browser() as context:
        tab = open_page(context, page.address, page.key)
        tab.select_option("#model", "large")
        tab.wait_for_selector("#trouble:not([hidden])")
        assert "not here" in tab.locator("#trouble").inner_text()
        assert tab.locator("#fetch").is_visible()
        tab.select_option("#model", "classic")
        tab.wait_for_selector("#trouble", state="hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1360, "height": 900}, PHONE], ids=["desk", "phone"])
def test_everybody_can_use_it(page: Served, scheme: str, size: dict[str, int]) -> None:
    with browser(viewport=size, color_scheme=scheme) as context:
        tab = open_page(context, page.address, page.key)
        assert tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
        tab.locator("details summary").click()
        assert accessibility_errors(tab) == []


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Served) -> None:
    with browser() as context:
        tab = open_page(context, page.address, page.key)
        reached: list[str] = []
        for _ in range(40):
            tab.keyboard.press("Tab")
            identity, outline = tab.evaluate(
                "() => { const e = document.activeElement, s = getComputedStyle(e.closest('label')?.querySelector('span') ?? e);"
                " return [e.id || e.name || e.tagName, s.outlineStyle] }"
            )
            reached.append(identity)
            assert identity == "BODY" or outline != "none", f"no outline on {identity}"
        for wanted in (
            "view",
            "back",
            "time",
            "forth",
            "film",
            "model",
            "strength",
            "auto",
            "output",
            "suffix",
            "convert",
            "estimate",
            "compare",
        ):
            assert wanted in reached, reached


def test_the_files_are_small() -> None:
    folder = Path(__file__).parents[2] / "stereo3d/ui/page"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 60_000
    assert not [
        path.name for path in folder.iterdir() if "http://" in path.read_text().replace("http://www.w3.org", "")
    ]
