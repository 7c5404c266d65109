"""``stereo3d shots``: the continuous takes of a film, with their times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stereo3d.errors import InputError
from stereo3d.frames import Timeline
from stereo3d.job.survey import survey_source
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.settings import TimeSettings
from stereo3d.table import table

__all__ = ["ShotList", "ShotRow", "list_shots", "look_at", "timecode"]


@dataclass(frozen=True, slots=True)
class ShotRow:
    """Frames [start, end) of the source, counted from 0; times since the first frame, the end being the next shot's start."""

    number: int
    start: int
    end: int
    start_time: str
    end_time: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class ShotList:
    """All shots, and what is wrong with the source, if anything."""

    input: str
    frames: int
    seconds: float
    shots: tuple[ShotRow, ...]
    faults: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        """A table for people."""
        head = ("shot", "frames", "start", "end", "count", "seconds")
        rows = [
            (
                str(shot.number), f"{shot.start}-{shot.end - 1}", shot.start_time, shot.end_time, str(shot.end - shot.start),
                f"{shot.end_seconds - shot.start_seconds:.3f}",
            )
            for shot in self.shots
        ]  # fmt: skip
        return table(head, rows)


def timecode(seconds: Fraction) -> str:
    """``HH:MM:SS.mmm``, rounded to the millisecond."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def look_at(source: Path) -> MediaInfo:
    """The film. Raises InputError, for a picture too: it has no shots."""
    info = probe(source)
    if info.kind == "picture":
        raise InputError(f"{source} is a picture: it has no shots", hint="name a film or a folder of numbered pictures")
    return info


def list_shots(info: MediaInfo, on_frame: Callable[[int], None]) -> ShotList:
    """Find the shots in one pass. ``on_frame``: called with the number of frames seen. Raises InputError."""
    survey = survey_source(info, TimeSettings(), on_frame)
    timeline = survey.timeline
    rows = tuple(_row(number, shot.start, shot.end, timeline) for number, shot in enumerate(survey.shots, 1))
    total = float(timeline.duration(0, len(timeline)))
    return ShotList(str(info.path), len(timeline), total, rows, survey.faults.lines())


def _row(number: int, start: int, end: int, timeline: Timeline) -> ShotRow:
    first = (timeline.pts[start] - timeline.pts[0]) * timeline.time_base
    last = first + timeline.duration(start, end)
    return ShotRow(number, start, end, timecode(first), timecode(last), float(first), float(last))
