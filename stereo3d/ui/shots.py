"""The shots of a film for the strip: from a job that has found them, or by ``stereo3d shots`` in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from stereo3d.files import read_json
from stereo3d.job.done import record_of
from stereo3d.job.store import work_folder_of
from stereo3d.ui.children import Run, drawer, stamp, start
from stereo3d.ui.said import said_in

__all__ = ["Found", "find_shots", "shots_of"]


@dataclass(frozen=True, slots=True)
class Found:
    """``state`` of the search: none, running, failed or done. ``shots``: number, start and end in seconds of each."""

    state: str
    shots: tuple[dict[str, Any], ...] = ()
    error: str = ""
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _drawer(film: Path) -> Path:
    status = film.stat()
    return drawer("shots", film, status.st_size, status.st_mtime_ns)


def shots_of(film: Path, outputs: Iterable[Path]) -> Found:
    """What is known of a film's shots. ``outputs``: what may have been made of it."""
    for output in outputs:
        source, shots = _written(output, stamp(record_of(output)), stamp(work_folder_of(output) / "survey.json"))
        if source == film:
            return Found("done", shots)
    run = Run.of(_drawer(film))
    if run is None:
        return Found("none")
    alive = run.process() is not None  # looked at first, for it may end before the next line
    found = _listed(run.out, stamp(run.out))
    if found is not None:
        return Found("done", found)
    if alive:
        return Found("running")
    said = said_in(run.said)
    return Found("failed" if said.failed else "none", (), said.error, said.hint)


@lru_cache(maxsize=512)
def _written(output: Path, _record: int, _survey: int) -> tuple[Path | None, tuple[dict[str, Any], ...]]:
    """The source of an output and its shots; nothing where only a part of the film was converted, for shots are counted there."""
    from stereo3d.facts.shots import list_shots, written_survey

    written = written_survey(output)
    if written is None or any(written.manifest.settings.get(name) for name in ("start", "end", "max_fps")):
        return None, ()
    return written.source, _rows(list_shots(output.name, written.survey, written).to_json())


@lru_cache(maxsize=8)
def _listed(out: Path, _stamp: int) -> tuple[dict[str, Any], ...] | None:
    found = read_json(out)
    return None if found is None else _rows(found)


def _rows(found: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"number": shot["number"], "start": shot["start_seconds"], "end": shot["end_seconds"]}
        for shot in found["shots"]
    )


def find_shots(film: Path) -> None:
    """Begin to look for the shots of a film, which takes a pass over it."""
    run = Run.of(_drawer(film))
    if run is None or (run.process() is None and read_json(run.out) is None):
        start(_drawer(film), {"film": str(film)}, ["shots", str(film), "--json"])
