"""Estimates of a film and comparisons of models on it: the commands of these names in processes of their own, one at a time.

What the last one found for a film stays among the user's caches, so every tab and a later server show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stereo3d.errors import JobError
from stereo3d.facts.estimate import SIZES
from stereo3d.files import read_json
from stereo3d.settings import RunSettings, Settings
from stereo3d.ui.children import Run, drawer, drawers, end, forget, option_words, start
from stereo3d.ui.said import said_in

__all__ = ["KINDS", "Measure", "begin_compare", "begin_estimate", "cease", "give_way", "measure_of", "page_of"]

KINDS = ("estimate", "compare")
# What these commands have in a way of their own, or not at all.
_NOT_THEIRS = {"model", "weights", "colormap", "depth_from", "depth_invert", *RunSettings.model_fields}
_NOT_THEIRS -= {"keep_depth", "verify"}


@dataclass(frozen=True, slots=True)
class Measure:
    """``state``: none, running, failed or done. ``said``: what it does now. ``about``: ``options`` of the page that it was
    begun with, and the ``time`` of a comparison in seconds. ``found``: the command's JSON."""

    state: str
    said: str = ""
    about: dict[str, Any] | None = None
    found: dict[str, Any] | None = None
    error: str = ""
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _drawer(kind: str, film: Path) -> Path:
    status = film.stat()
    return drawer(kind, film, status.st_size, status.st_mtime_ns)


def measure_of(kind: str, film: Path) -> Measure:
    """The last one of a film. ``kind``: of :data:`KINDS`."""
    run = Run.of(_drawer(kind, film))
    if run is None:
        return Measure("none")
    alive = run.process() is not None  # looked at first, for it may end before the next line
    found = read_json(run.out)
    if found is not None:
        return Measure("done", "", run.about, found)
    said = said_in(run.said)
    if alive:
        return Measure("running", said.last, run.about)
    return Measure("failed" if said.failed else "none", "", None, None, said.error, said.hint)


def begin_estimate(film: Path, settings: Settings, options: dict[str, Any]) -> None:
    """``options``: those of the page, which the settings are made of. Raises JobError while anything else is measured."""
    _begin("estimate", film, settings, {"options": options}, [])


def begin_compare(film: Path, settings: Settings, options: dict[str, Any], time: Fraction) -> None:
    """The models beside one another at ``time`` seconds; else as :func:`begin_estimate`."""
    at = f"{float(time):.4f}"
    words = [f"--at={at}", "--no-timed", f"--output={_page(film)}"]
    _begin("compare", film, settings, {"options": options, "time": float(at)}, words)


def _begin(kind: str, film: Path, settings: Settings, about: dict[str, Any], words: list[str]) -> None:
    busy = next(_running(), None)
    if busy is not None:
        raise JobError(f"{Path(busy.about['film']).name} is being measured", hint="cancel it, or wait until it is done")
    depth = settings.depth
    models = ",".join(dict.fromkeys([depth.model, *SIZES]))
    weights = [f"--weights={depth.model}={depth.weights}"] if depth.weights is not None else []
    options = option_words(settings, without=_NOT_THEIRS)
    forget(_drawer(kind, film))
    start(
        _drawer(kind, film),
        {"film": str(film), **about},
        [kind, str(film), "--json", f"--models={models}", *weights, *words, *options],
    )


def _running() -> Iterator[Run]:
    for kind in KINDS:
        for folder in drawers(kind):
            run = Run.of(folder)
            if run is not None and run.process() is not None and read_json(run.out) is None:
                yield run


def cease(kind: str, film: Path) -> None:
    """Have it end now; nothing is left of it."""
    run = Run.of(_drawer(kind, film))
    if run is not None:
        _throw_away(run)


def give_way() -> None:
    """Have all of them end: a conversion begins, and both would take twice as long."""
    for run in _running():
        _throw_away(run)


def _throw_away(run: Run) -> None:
    if end(run, tidily=True):
        forget(run.folder)


def page_of(film: Path, suffix: str) -> Path:
    """What the last comparison of a film wrote: ``.html`` the page, ``.png`` the sheet."""
    return _page(film).with_suffix(suffix)


def _page(film: Path) -> Path:
    return _drawer("compare", film) / "compared.html"
