"""The shots' own settings for an output: read from ``OUTPUT.shots.yaml``, and saved there unless somebody else was faster."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stereo3d.depth.registry import MODELS
from stereo3d.errors import JobError, OutputError, UsageError
from stereo3d.files import digest, write_text
from stereo3d.job.shots_edit import edited
from stereo3d.job.shots_file import SHOT_OPTIONS, own_options, rules_in, shots_text
from stereo3d.plan.overrides import FLAT
from stereo3d.ui.folders import Refused

__all__ = ["own_of", "own_words", "save_own"]

_DECIDED = ("strength", "zero_parallax", "model", FLAT)
_saving = threading.Lock()


def own_words(value: object) -> dict[str, str]:
    """Options of a shot with their values, as a request has them. Raises Refused."""
    if not isinstance(value, dict) or not all(isinstance(word, str) for word in value.values()):
        raise Refused(400, "these are not the settings of a shot", "reload the page")
    unknown = next((name for name in value if name not in SHOT_OPTIONS), None)
    if unknown is not None:
        raise Refused(400, f"{unknown[:40]!r} is no option of a shot", f"one of {', '.join(SHOT_OPTIONS)}")
    return dict(value)


def own_of(place: Path, count: int) -> dict[str, Any]:
    """What the file says, JSON-ready: its name and version, each shot's own options by number, or what is wrong with it. ``count``:
    how many shots the film has, 0 while nobody knows."""
    found: dict[str, Any] = {"file": place.name, "version": "", "own": {}, "error": "", "hint": ""}
    try:
        text = shots_text(place)
        found["version"] = digest(text)
        found["own"] = own_options(rules_in(text, place), place, count) if count else {}
    except UsageError as error:
        found |= {"error": error.message, "hint": error.hint}
    return found


def save_own(place: Path, version: str, shots: object, count: int) -> None:
    """Change the file. ``version``: of what the page has seen; ``shots``: all own options of those that change, by number.

    Raises Refused, UsageError, JobError where the file is another one by now, and OutputError.
    """
    if not isinstance(shots, dict) or not all(number.isascii() and number.isdecimal() for number in shots):
        raise Refused(400, "these are not shots", "reload the page")
    changes = {int(number): own_words(options) for number, options in shots.items()}
    with _saving:
        text = shots_text(place)
        if digest(text) != version:
            raise JobError(f"{place.name} was changed meanwhile", hint="see what it says now, and save again")
        before = own_options(rules_in(text, place), place, count)
        for number, options in changes.items():
            _check(options, before.get(number, {}))
        new = edited(text, place, changes, count)
        try:
            if new.strip():
                write_text(place, new)
            else:
                place.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot write {place.name}: {error.strerror}", hint="see that the folder is writable"
            ) from None


def _check(options: Mapping[str, str], before: Mapping[str, str]) -> None:
    """Of what the page does not decide a shot keeps what it has. Raises Refused."""
    for name, value in options.items():
        new = before.get(name) != value
        if new and (name not in _DECIDED or (name == "model" and value not in MODELS)):
            raise Refused(
                400, f"{name} {value[:40]!r} is not decided in the page", "write it into the file in an editor"
            )
