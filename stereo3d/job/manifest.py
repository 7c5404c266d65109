"""``job.json``: what is being made, with which numbers, in which segments."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stereo3d import __version__
from stereo3d.files import read_json, write_json
from stereo3d.pipeline.recipe import Numerics
from stereo3d.settings import RunSettings

__all__ = ["Manifest", "PlannedSegment"]


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """A segment's place and name: output frames [start, end), and the stem of its file."""

    start: int
    end: int
    file: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The work folder's description of its job. Losing it loses no segment: those are found by their keys.

    ``encoder``: FFmpeg's name of the one that ``--encoder`` came to. ``shots``: (first, last, option, value) of shots with settings of
    their own. ``whole``: these are all segments of the film; False while it is still scanned.
    """

    source: str
    output: str
    fingerprint: str
    settings: dict[str, Any]
    model: str
    numerics: Numerics
    segments: tuple[PlannedSegment, ...]
    shots: tuple[tuple[int, int, str, str], ...] = ()
    encoder: str = ""
    whole: bool = True
    version: str = __version__

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Manifest | None:
        """The manifest, or None where it is absent, damaged or not of this kind."""
        return cls.from_json(read_json(path))

    @classmethod
    def from_json(cls, value: Any) -> Manifest | None:
        try:
            return cls(
                **{
                    **value,
                    "numerics": Numerics(**value["numerics"]),
                    "segments": tuple(PlannedSegment(**segment) for segment in value["segments"]),
                    "shots": tuple((first, last, option, text) for first, last, option, text in value["shots"]),
                }
            )
        except (KeyError, TypeError, ValueError):
            return None

    def difference(self, other: Manifest) -> tuple[str, ...]:
        """What another run was asked for otherwise: ``strength 2.5 -> 1.2``."""
        skipped = set(RunSettings.model_fields) - {"keep_depth"}
        changed = [
            f"{name.replace('_', '-')} {value} -> {other.settings.get(name)}"
            for name, value in self.settings.items()
            if name not in skipped and value != other.settings.get(name)
        ]
        changed += ["another source"] if self.fingerprint != other.fingerprint else []
        changed += ["another model"] if self.model != other.model and not changed else []
        return (*changed, *(["the file of shots"] if self.shots != other.shots else []))
