"""Builds the segments that are missing, and copes with what goes wrong on the way."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass

from stereo3d.errors import Interrupted
from stereo3d.executors.local import LocalExecutor
from stereo3d.files import file_sha256
from stereo3d.job.prepare import Job
from stereo3d.job.store import SegmentRecord
from stereo3d.job.ticker import Ticker
from stereo3d.media.split import packets_sha256
from stereo3d.pipeline import Places, SegmentResult
from stereo3d.progress import Note, Phase, Progress
from stereo3d.stages import Meter

__all__ = ["Built", "build"]


@dataclass(frozen=True, slots=True)
class Built:
    """A job of which every segment is done. ``records``: by segment number."""

    job: Job
    records: dict[int, SegmentRecord]
    ticker: Ticker

    def losses(self) -> tuple[str, ...]:
        """One line for everything that was replaced."""
        frames = sorted(frame for record in self.records.values() for frame in record.replaced)
        if not frames:
            return ()
        shown = ", ".join(map(str, frames[:10])) + (" ..." if len(frames) > 10 else "")
        return (f"{len(frames)} frame(s) could not be decoded and show their neighbour: {shown}",)


def build(job: Job, progress: Progress, stop: threading.Event) -> Built:
    """Build what is missing. Raises Interrupted once ``stop`` is set and the segment in work is finished."""
    found = {segment.number: job.find(segment) for segment in job.plan}
    records = {number: record for number, record in found.items() if record is not None}
    missing = [segment for segment in job.plan if segment.number not in records]
    kept = sum(record.frames for record in records.values())
    total = len(job.survey.timeline)
    if records:
        progress.emit(Note(f"continuing: {len(records)} of {len(job.plan)} segments are done"))
    progress.emit(Phase("convert", f"converting {total} frames", total, kept))
    meter = Meter()
    ticker = Ticker(progress, meter, frames=(kept, total), segments=(len(records), len(job.plan)))
    places = Places(job.part, lambda segment: job.part(segment, job.pieces[0]))
    with closing(LocalExecutor(job.recipe, job.models, meter).run(missing, places, ticker.add_frames)) as results:
        for result in results:
            records[result.segment.number] = record_result(job, result)
            ticker.add_segment()
            if stop.is_set() and len(records) < len(job.plan):
                done = f"{len(records)} of {len(job.plan)} segments done"
                raise Interrupted(f"stopped with {done}", hint="the same command continues")
    return Built(job, records, ticker)


def record_result(job: Job, result: SegmentResult) -> SegmentRecord:
    """Make a built segment a finished one: first its depth, where that is kept, then its pictures."""
    for piece in job.pieces:
        part = job.part(result.segment, piece)
        record = SegmentRecord(
            frames=result.frames,
            size=part.stat().st_size,
            sha256=file_sha256(part),
            seconds=result.seconds,
            replaced=result.replaced,
            screens=result.screens,
            packets=packets_sha256(part),
        )
        job.folder.finish(result.segment, job.keys[result.segment.number], record, piece)
    return record
