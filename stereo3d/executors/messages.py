"""What is said between a job and the workers that build its segments: small, frozen, picklable."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stereo3d.pipeline.meter import Memory, Span, Spent
from stereo3d.pipeline.recipe import Ends, Recipe, SegmentResult
from stereo3d.plan.segments import Segment

__all__ = ["Broken", "Ended", "Event", "Made", "Order", "Ready", "Said", "Task", "Wants", "Worked"]


@dataclass(frozen=True, slots=True)
class Order:
    """A run begins. ``recipe``: names the worker's device. ``traces``: tell when each item was made."""

    recipe: Recipe
    traces: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """Build a segment, into these files."""

    segment: Segment
    picture: Path
    depth: Path


@dataclass(frozen=True, slots=True)
class Ready:
    """The models are loaded. ``program``: which version of it the worker runs. ``identities``: of the models, by name ("" for the
    film's); ``kind``: of device and of libraries that touch the numbers. ``ends``: that share memory with the device."""

    program: str
    identities: dict[str, str]
    kind: tuple[str, ...]
    ends: Ends = field(default_factory=Ends)


@dataclass(frozen=True, slots=True)
class Wants:
    """The worker can begin another segment: a :class:`Task`, or None at the end of the run, is the answer."""


@dataclass(frozen=True, slots=True)
class Worked:
    """Frames were encoded of the segment in work. ``spent``: seconds by stage since the last time this was said."""

    frames: int
    spent: dict[str, Spent] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True)
class Made:
    """A segment's files are complete and flushed. ``files``: (path, SHA-256), pictures first."""

    result: SegmentResult
    files: tuple[tuple[Path, str], ...]


@dataclass(frozen=True, slots=True)
class Said:
    """Something the user should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The run ended with an error; the segment in work and those after it are lost."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """All segments of the run are built."""


Event = Ready | Wants | Worked | Made | Said | Broken | Ended
