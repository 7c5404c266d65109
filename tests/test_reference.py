"""The generated pages are what the code says today."""

from __future__ import annotations

from stereo3d.reference import options_markdown
from tests.films import REPO


def test_the_page_of_options_is_up_to_date() -> None:
    page = REPO / "docs" / "reference" / "options.md"
    assert page.read_text(encoding="utf-8") == options_markdown(), f"python -m stereo3d.reference > {page.name}"
