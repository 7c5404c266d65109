"""``job.json``: what is being made, with which numbers, in which segments."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stereo3d import __version__
from stereo3d.files import read_json, write_json
from stereo3d.pipeline import Numerics

__all__ = ["Manifest", "PlannedSegment"]


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """A segment's place and name: output frames [start, end), and the stem of its file."""

    start: int
    end: int
    file: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The work folder's description of its job. Losing it loses no segment: those are found by their keys."""

    source: str
    output: str
    fingerprint: str
    settings: dict[str, Any]
    model: str
    numerics: Numerics
    segments: tuple[PlannedSegment, ...]
    version: str = __version__

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Manifest | None:
        """The manifest, or None where it is absent, damaged or not of this kind."""
        value = read_json(path)
        try:
            return cls(
                **{
                    **value,
                    "numerics": Numerics(**value["numerics"]),
                    "segments": tuple(PlannedSegment(**segment) for segment in value["segments"]),
                }
            )
        except (KeyError, TypeError):
            return None
