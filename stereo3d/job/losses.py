"""What of a film is not as it was meant to be, in words and in frames."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from stereo3d.job.faults import Fault, Means
from stereo3d.job.report import Simpler
from stereo3d.job.store import SegmentRecord
from stereo3d.job.survey import Survey
from stereo3d.plan.segments import Segment
from stereo3d.progress import clock

__all__ = ["MADE", "place", "simpler_lines", "simpler_stretches", "stand_ins"]

MADE: dict[Means, str] = {"software": "encoded by software", "flat": "made flat", "black": "made black"}
"""How a stretch was made, for people."""


def place(survey: Survey, start: int, end: int) -> str:
    """Output frames for people: ``shots 3-5 (0:10 to 0:20)``."""
    timeline = survey.timeline
    numbers = [n for n, shot in enumerate(survey.shots, 1) if shot.start < end and start < shot.end]
    until = timeline.seconds(start) + float(timeline.duration(start, end))
    names = f"shot {numbers[0]}" if len(numbers) == 1 else f"shots {numbers[0]}-{numbers[-1]}"
    return f"{names} ({clock(timeline.seconds(start))} to {clock(until)})"


def simpler_stretches(plan: Sequence[Segment], faults: Sequence[Fault]) -> tuple[Simpler, ...]:
    """What was made by simpler means; neighbours made the same way for the same reason are one. ``faults``: of each segment."""
    found: list[Simpler] = []
    for segment, fault in zip(plan, faults, strict=True):
        if fault.outcome == "" or fault.outcome == "given up":
            continue
        start, end = fault.frames(segment)
        last = found[-1] if found else None
        if last and (last.means, last.reason, last.failures, last.end) == (
            fault.outcome, fault.reason, fault.failures, start,
        ):  # fmt: skip
            start = found.pop().start
        found.append(Simpler(fault.outcome, start, end, fault.failures, fault.reason))
    return tuple(found)


def simpler_lines(stretches: Sequence[Simpler], survey: Survey) -> Iterator[str]:
    """One line for each."""
    for one in stretches:
        where = place(survey, one.start, one.end)
        yield f"{where}: {MADE[one.means]} after {one.failures} failures ({one.reason})"


def stand_ins(records: Collection[SegmentRecord]) -> Iterator[str]:
    """One line for frames that stand in for frames that could not be decoded, and one for those with a neighbour's depth."""
    for lost, what in (
        ([r.replaced for r in records], "could not be decoded and show their neighbour"),
        ([r.flawed for r in records], "got no depth from the model and have their neighbour's"),
    ):
        frames = sorted(frame for group in lost for frame in group)
        if frames:
            shown = ", ".join(map(str, frames[:10])) + (" ..." if len(frames) > 10 else "")
            yield f"{len(frames)} frame(s) {what}: {shown}"
