"""Many films: one after the other, and one that cannot be converted never stops the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from stereo3d.errors import Interrupted, OutputError, Stereo3DError, UsageError
from stereo3d.layouts import LAYOUTS
from stereo3d.progress import clock
from stereo3d.table import table

__all__ = ["FilmPlace", "Outcome", "QueueItem", "QueueReport", "films_of", "run_queue"]

_FILMS = frozenset(
    [
        ".mkv",
        ".mp4",
        ".m4v",
        ".mov",
        ".avi",
        ".ts",
        ".m2ts",
        ".mts",
        ".webm",
        ".mpg",
        ".mpeg",
        ".m2v",
        ".wmv",
        ".flv",
        ".vob",
        ".ogv",
        ".3gp",
        ".divx",
        ".mxf",
    ]
)
# What we write ourselves: nobody wants it converted again.
_OURS = (*(f".{layout.tokens}" for layout in LAYOUTS.values()), ".depth", ".peek")
# From nothing to worst.
_SEVERITY = (0, 3, 130, 2, 1)


@dataclass(frozen=True, slots=True)
class FilmPlace:
    """A film to convert. ``below``: its folder, seen from the folder it was found in. ``error``: why it cannot be read."""

    source: Path
    below: Path = Path()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a film that did not fail. ``word``: done, done with losses, or planned. ``text``: what was lost."""

    word: str
    output: str
    exit_code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class QueueItem:
    """What came of one film. ``outcome``: the word of its :class:`Outcome`, failed, stopped or not begun."""

    source: str
    output: str
    outcome: str
    exit_code: int
    seconds: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class QueueReport:
    """What came of all films, in their order. The exit code is the worst of theirs: failed, wrong usage, stopped, losses."""

    items: tuple[QueueItem, ...]

    @property
    def exit_code(self) -> int:
        return max((item.exit_code for item in self.items), key=_SEVERITY.index, default=0)

    def to_json(self) -> dict[str, Any]:
        return {"queue": [asdict(item) for item in self.items], "exit_code": self.exit_code}

    def text(self) -> str:
        """A table for people."""
        rows = [(Path(i.source).name, i.outcome, clock(i.seconds), i.text) for i in self.items]
        return table(("film", "outcome", "time", ""), rows)


def films_of(inputs: Sequence[Path], *, recursive: bool) -> list[FilmPlace]:
    """The films that are meant: files as they are named; of a folder the films in it (with ``recursive`` below it, too), by
    name, without what we wrote ourselves. A folder without films is one source, of numbered pictures."""
    found: list[FilmPlace] = []
    for place in inputs:
        if not _is_folder(place):
            found.append(FilmPlace(place))
            continue
        inside = _below(place) if recursive else _inside(place, place)
        found += inside or [FilmPlace(place)]
    return list({film.source: film for film in found}.values())


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except OSError:  # it is told when its turn comes
        return False


def _below(root: Path) -> list[FilmPlace]:
    found: list[FilmPlace] = []
    for folder, names, _ in os.walk(root):
        names[:] = sorted(n for n in names if not n.startswith(".") and not n.endswith(".stereo3d"))
        found += _inside(Path(folder), root)
        # os.walk passes over what it cannot read without a word.
        found += [
            f
            for n in names
            if not os.access(Path(folder) / n, os.R_OK | os.X_OK)
            for f in _inside(Path(folder) / n, root)
        ]
    return found


def _inside(folder: Path, root: Path) -> list[FilmPlace]:
    below = folder.relative_to(root)
    try:
        return [FilmPlace(path, below) for path in sorted(folder.iterdir()) if _is_film(path)]
    except OSError as error:
        return [FilmPlace(folder, below, f"cannot read {folder}: {error.strerror}")]


def _is_film(path: Path) -> bool:
    if path.name.startswith(".") or path.suffix.lower() not in _FILMS or not path.is_file():
        return False
    return not path.stem.endswith(_OURS) and not path.with_name(path.name + ".report.json").exists()


def run_queue(
    films: Sequence[FilmPlace],
    convert: Callable[[FilmPlace], Outcome],
    stop: Event,
    tell: Callable[[str], None],
) -> QueueReport:
    """Convert all films, or plan them. ``convert``: one of them. ``stop``: when set, no other is begun. ``tell``: takes a line
    for people."""
    from time import monotonic

    items: list[QueueItem] = []
    for number, film in enumerate(films, 1):
        name = str(film.source)
        if stop.is_set():
            items.append(QueueItem(name, "", "not begun", 130, 0.0))
            continue
        tell(f"film {number} of {len(films)}: {name}")
        began = monotonic()
        try:
            if film.error:
                raise OutputError(film.error)
            done = convert(film)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next film may do
            item = _failed(name, error, monotonic() - began)
            tell(f"{item.outcome}: {item.text}")
        else:
            item = QueueItem(name, done.output, done.word, done.exit_code, monotonic() - began, done.text)
        items.append(item)
    return QueueReport(tuple(items))


def _failed(name: str, error: Exception, seconds: float) -> QueueItem:
    if isinstance(error, Interrupted):
        return QueueItem(name, "", "stopped", 130, seconds, error.message)
    if isinstance(error, Stereo3DError):
        text = f"{error.message} ({error.hint})" if error.hint else error.message
        return QueueItem(name, "", "failed", error.exit_code, seconds, text)
    return QueueItem(name, "", "failed", 1, seconds, f"internal error: {type(error).__name__}: {error}")


def place_in(folder: Path, film: FilmPlace, default: Path) -> Path:
    """Where a film's output goes when ``-o`` names a folder: below it as the film lay below its own. Raises OutputError."""
    target = folder / film.below
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"several films cannot become one file: {folder}", hint="name a folder with -o")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {target}: {error.strerror}", hint="name another folder with -o") from error
    return target / default.name
