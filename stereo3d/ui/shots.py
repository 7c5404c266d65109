"""The shots of a film for the strip: from a job that has found them, or by ``stereo3d shots`` in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stereo3d.files import read_json
from stereo3d.ui.children import Run, drawer, start
from stereo3d.ui.said import said_in

__all__ = ["find_shots", "shots_of"]


@dataclass(frozen=True, slots=True)
class _Found:
    """``state``: none, running, failed or done."""

    state: str
    shots: list[dict[str, Any]]
    error: str = ""
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"state": self.state, "shots": self.shots, "error": self.error, "hint": self.hint}


def _drawer(film: Path) -> Path:
    status = film.stat()
    return drawer("shots", film, status.st_size, status.st_mtime_ns)


def shots_of(film: Path, outputs: Iterable[Path]) -> dict[str, Any]:
    """JSON-ready: the state of the search, and for each shot its number, start and end in seconds. ``outputs``: what may have been
    made of the film."""
    from stereo3d.facts.shots import list_shots, written_survey

    for output in outputs:
        written = written_survey(output)
        whole = written is not None and not {"start", "end"} & {k for k, v in written.manifest.settings.items() if v}
        if written is not None and whole and written.source == film:
            shots = list_shots(film.name, written.survey, written)
            return _Found("done", [_row(row) for row in shots.to_json()["shots"]]).to_json()
    run = Run.of(_drawer(film))
    if run is None:
        return _Found("none", []).to_json()
    found = read_json(run.out)
    if found is not None:
        return _Found("done", [_row(row) for row in found["shots"]]).to_json()
    if run.process() is not None:
        return _Found("running", []).to_json()
    said = said_in(run.said)
    return _Found("failed" if said.failed else "none", [], said.error, said.hint).to_json()


def _row(shot: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": shot["number"], "start": shot["start_seconds"], "end": shot["end_seconds"], "own": shot.get("own", "")
    }  # fmt: skip


def find_shots(film: Path) -> None:
    """Begin to look for the shots of a film, which takes a pass over it."""
    run = Run.of(_drawer(film))
    if run is None or (run.process() is None and read_json(run.out) is None):
        start(_drawer(film), {"film": str(film)}, ["shots", str(film), "--json"])
