"""A real browser: Chromium, wherever it is. Tests that need it are skipped, with the reason, where it is not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
AXE = Path(os.environ.get("STEREO3D_AXE", Path(__file__).parents[2] / ".axe/node_modules/axe-core/axe.min.js"))


@contextmanager
def browser(**options: Any) -> Iterator[BrowserContext]:
    """A fresh profile. ``options``: of playwright's new_context, such as a viewport."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    place = os.environ.get("STEREO3D_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if place is None:
        pytest.skip("there is no Chromium here; STEREO3D_CHROMIUM names one")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=place, args=["--no-sandbox"] if root else [])
        context = chromium.new_context(**options)
        context.set_default_timeout(120_000)
        yield context
        chromium.close()


def open_page(context: BrowserContext, address: str, key: str) -> Page:
    """The page with its first picture, and without a complaint."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/?key={key}")
    page.wait_for_selector("#shown[src]")
    assert errors == []
    return page


def until(page: Page, question: str, seconds: float = 120) -> None:
    """Wait until an expression is true in the page. (Playwright's own way evaluates strings there, which the page forbids.)"""
    for _ in range(int(10 * seconds)):
        if page.evaluate(question):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never: {question}")


def accessibility_errors(page: Page) -> list[str]:
    """What axe-core finds: rule, and where. Skips where it is not there."""
    if not AXE.is_file():
        pytest.skip("axe-core is not here: 'make test-ui' fetches it")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
    return [f"{rule}: {places}" for rule, places in found]
