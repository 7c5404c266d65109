"""Pages for people: each is one file, asks nobody for anything, and has the same look. Templates only; who has something to show
gives it to :func:`render`."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["render"]


def render(template: str, **values: Any) -> str:
    """The page of a template of this folder. What the values hold is escaped."""
    environment = Environment(
        loader=PackageLoader("stereo3d.pages", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
