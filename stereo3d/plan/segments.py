"""Shots to segments: what is built, in which pieces. Pure.

A segment is a run of frames that ends on a shot boundary where it can, about 10 s long and at most 30 s, so that an
interruption costs minutes. A shot longer than that is cut into pieces; a piece that begins inside a shot is preceded by
lead-in frames, whose depth is computed to warm up the temporal state and is then dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from stereo3d.frames import Shot, Timeline

__all__ = ["Segment", "make_plan", "probe_frames"]

TARGET_SECONDS = 10
MAX_SECONDS = 30
LEAD_IN_SECONDS = 2
# Frames after a segment that ends inside a shot: its last frames are steadied with those that come next.
LEAD_OUT = 3
# Frames of a divided shot whose depth fixes the range that all its pieces share.
PROBE_COUNT = 16


@dataclass(frozen=True, slots=True)
class Segment:
    """Our unit of work: output frames [start, end).

    ``shots``: the shots it touches, whole (the first and last may reach beyond the segment). ``lead_in``: how many frames
    before ``start``, of the same shot, warm up the temporal state.
    """

    number: int
    start: int
    end: int
    shots: tuple[Shot, ...]
    lead_in: int

    def __len__(self) -> int:
        return self.end - self.start

    def __contains__(self, frame: int) -> bool:
        """Whether an output frame is the segment's own, and not one of those around it."""
        return self.start <= frame < self.end

    @property
    def lead_out(self) -> int:
        """How many frames after ``end``, of the same shot, its last frames are steadied with."""
        return max(0, min(LEAD_OUT, self.shots[-1].end - self.end))

    def is_divided(self, shot: Shot) -> bool:
        """Whether this segment holds only a piece of the shot."""
        return shot.start < self.start or shot.end > self.end

    def piece(self, shot: Shot) -> tuple[int, int, int]:
        """(first frame with lead-in, first frame kept, end) of the shot within this segment."""
        kept = max(shot.start, self.start)
        return max(shot.start, self.start - self.lead_in) if kept > shot.start else kept, kept, min(shot.end, self.end)


def make_plan(timeline: Timeline, shots: tuple[Shot, ...]) -> tuple[Segment, ...]:
    """Segments that tile the timeline in order. ``shots`` must tile it too."""
    if sum(map(len, shots)) != len(timeline):
        raise ValueError(f"shots hold {sum(map(len, shots))} frames, the timeline {len(timeline)}")
    segments: list[Segment] = []
    group: list[Shot] = []

    def close_group() -> None:
        if group:
            segments.append(Segment(len(segments), group[0].start, group[-1].end, tuple(group), 0))
            group.clear()

    for shot in shots:
        if timeline.duration(shot.start, shot.end) > MAX_SECONDS:
            close_group()
            segments += _divide(shot, timeline, len(segments))
            continue
        if group and timeline.duration(group[0].start, shot.end) > MAX_SECONDS:
            close_group()
        group.append(shot)
        if timeline.duration(group[0].start, shot.end) >= TARGET_SECONDS:
            close_group()
    close_group()
    return tuple(segments)


def _divide(shot: Shot, timeline: Timeline, number: int) -> list[Segment]:
    """Pieces of a long shot: equal frame counts, about twice the target so that lead-in stays a small share."""
    seconds = min(timeline.duration(shot.start, shot.end), 2 * len(shot) * _usual_step(shot, timeline))
    pieces = min(len(shot), max(2, round(seconds / (2 * TARGET_SECONDS))))
    edges = [shot.start + len(shot) * i // pieces for i in range(pieces + 1)]
    lead_in = max(1, round(len(shot) * LEAD_IN_SECONDS / seconds))
    return [
        Segment(number + i, a, b, (shot,), min(lead_in, a - shot.start)) for i, (a, b) in enumerate(pairwise(edges))
    ]


def _usual_step(shot: Shot, timeline: Timeline) -> Fraction:
    """Seconds between frames, in the middle of all: one broken timestamp can make an hour of a pause."""
    steps = sorted(b - a for a, b in pairwise(timeline.pts[shot.start : shot.end]))
    return (steps[len(steps) // 2] if steps else timeline.last_duration) * timeline.time_base


def probe_frames(shot: Shot) -> tuple[int, ...]:
    """The frames, spread evenly over a divided shot, that fix the range of depth for all its pieces."""
    count = min(PROBE_COUNT, len(shot))
    return tuple(shot.start + (2 * i + 1) * len(shot) // (2 * count) for i in range(count))
