"""What a request says, checked: names of films and outputs, numbers, settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from starlette.requests import Request

from stereo3d.job.shots_file import in_force
from stereo3d.plan.overrides import FLAT
from stereo3d.settings import Settings
from stereo3d.ui.folders import Refused
from stereo3d.ui.own import own_words
from stereo3d.ui.pictures import model_settings

__all__ = ["PAGE_OPTIONS", "body_of", "needed", "own_in", "settings_with", "whole"]

PAGE_OPTIONS = (
    "model",
    "strength",
    "zero_parallax",
    "layout",
    "swap_eyes",
    "screen_width",
    "codec",
    "start",
    "end",
    "overwrite",
)
"""The options that the page decides. None of them names a file."""
_NUMBER = re.compile(r"\d{1,7}(\.\d{1,6})?")


def needed(values: Mapping[str, Any], name: str) -> str:
    """A word that must be there. Raises Refused."""
    value = values.get(name)
    if not isinstance(value, str) or not value or len(value) > 2000:
        raise Refused(400, f"{name} is missing", "reload the page")
    return value


def seconds(values: Mapping[str, Any], name: str) -> Fraction:
    """A time from 0 on, exact. Raises Refused."""
    value = needed(values, name)
    if not _NUMBER.fullmatch(value):
        raise Refused(400, f"{name} {value[:40]!r} is not a time", "a time is seconds from 0 on")
    return Fraction(value)


def whole(values: Mapping[str, Any], name: str, least: int, most: int) -> int:
    """A whole number, brought between its bounds. Raises Refused."""
    value = needed(values, name)
    if not value.isascii() or not value.isdecimal() or len(value) > 9:
        raise Refused(400, f"{name} {value[:40]!r} is not a whole number", f"{least} to {most}")
    return min(max(int(value), least), most)


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that was posted. Raises Refused."""
    try:
        value = await request.json()
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused(400, "this is not a JSON object", "reload the page")
    return value


def own_in(values: Mapping[str, Any]) -> dict[str, str]:
    """What ``own`` of a request says a shot has of its own; nothing where it says nothing. Raises Refused."""
    try:
        return own_words(json.loads(values.get("own") or "{}"))
    except (ValueError, RecursionError):
        raise Refused(400, "own is not JSON", "reload the page") from None


def settings_with(base: Settings, options: Mapping[str, Any], own: Mapping[str, str] | None = None) -> Settings:
    """The base with what the page decides. ``own``: of a shot. Raises Refused and UsageError."""
    unknown = next((name for name in options if name not in PAGE_OPTIONS), None)
    if unknown is not None:
        raise Refused(400, f"{unknown[:40]!r} is not decided in the page", f"that is {', '.join(PAGE_OPTIONS)}")
    plain = {name: value for name, value in options.items() if isinstance(value, str | int | float | bool)}
    return _settings(base, tuple(sorted(plain.items())), tuple(sorted((own or {}).items())))


@lru_cache(maxsize=64)
def _settings(base: Settings, options: tuple[tuple[str, Any], ...], own: tuple[tuple[str, str], ...]) -> Settings:
    given = dict(options)
    model = str(given.pop("model", base.depth.model))
    settings = Settings.from_flat({**base.to_flat(), **given})
    settings = settings.model_copy(update={"depth": model_settings(base.depth, model)})
    if not own:
        return settings
    mine = in_force(dict(own), settings)
    flat = settings.depth.model_copy(update={"model": FLAT})
    depth = flat if mine.model == FLAT else model_settings(settings.depth, mine.model or model)
    return settings.model_copy(update={"view": mine.view, "depth": depth})
