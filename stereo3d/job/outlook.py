"""``convert --dry-run``: what would be done, and what it needs."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from stereo3d.job.job import Job
from stereo3d.job.room import bytes_a_frame, room_needed
from stereo3d.job.store import SegmentRecord
from stereo3d.progress import clock, counted
from stereo3d.table import size_text

__all__ = ["Outlook", "outlook_of"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """A plan. Frames and shots are counted as in ``stereo3d shots``; ``shots_to_do``: runs of shot numbers, first and last.

    ``own_settings``: shots with settings of their own. ``output_bytes`` and ``work_bytes`` (what the work takes beside what is
    there already) are estimates."""

    output: str
    frames: int
    seconds: float
    shots: int
    segments: int
    segments_kept: int
    frames_to_do: int
    shots_to_do: tuple[tuple[int, int], ...]
    own_settings: tuple[str, ...]
    output_bytes: int
    work_bytes: int
    free_bytes: int

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def text(self) -> str:
        """A few lines for people."""
        to_do = self.segments - self.segments_kept
        shots = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in self.shots_to_do)
        lines = [
            f"plan for {self.output}",
            f"  {counted(self.frames, 'frame')} ({clock(self.seconds)}) in {counted(self.shots, 'shot')}, {counted(self.segments, 'segment')}",
            f"  kept: {counted(self.segments_kept, 'segment')}",
            f"  to do: {counted(to_do, 'segment')}, {counted(self.frames_to_do, 'frame')}"
            + (f": shots {shots}" if shots else ""),
        ]
        lines += [f"  {line}" for line in self.own_settings]
        lines.append(
            f"  output about {size_text(self.output_bytes)}; the work takes about {size_text(self.work_bytes)} more, "
            f"{size_text(self.free_bytes)} are free"
        )
        return "\n".join(lines)


def outlook_of(job: Job, kept: Mapping[int, SegmentRecord]) -> Outlook:
    """``kept``: the segments that are done, by number."""
    timeline, shots = job.survey.timeline, job.survey.shots
    to_do = [segment for segment in job.plan if segment.number not in kept]
    touched = [
        number
        for number, shot in enumerate(shots, 1)
        if any(shot.start < segment.end and segment.start < shot.end for segment in to_do)
    ]
    return Outlook(
        output=str(job.asked.output),
        frames=len(timeline),
        seconds=float(timeline.duration(0, len(timeline))),
        shots=len(shots),
        segments=len(job.plan),
        segments_kept=len(job.plan) - len(to_do),
        frames_to_do=sum(map(len, to_do)),
        shots_to_do=_runs(touched),
        own_settings=_own_settings(job),
        output_bytes=round(bytes_a_frame(job, kept.values()) * len(timeline)),
        work_bytes=room_needed(job, kept.values(), sum(map(len, to_do))),
        free_bytes=shutil.disk_usage(job.folder.path).free,
    )


def _own_settings(job: Job) -> tuple[str, ...]:
    return tuple(
        f"{'shot ' + str(r.first) if r.first == r.last else f'shots {r.first}-{r.last}'}: "
        + " ".join(filter(None, (r.option.replace("_", "-"), r.value)))
        for r in job.asked.rules
    )


def _runs(numbers: Collection[int]) -> tuple[tuple[int, int], ...]:
    """Consecutive numbers as (first, last)."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return tuple(runs)
