"""Builds the segments that are missing, and copes with what goes wrong on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stereo3d.errors import (
    ChangedError,
    DiskFullError,
    EncodeError,
    Interrupted,
    JobError,
    OutputError,
    RepeatedError,
    Stereo3DError,
    UsageError,
)
from stereo3d.executors.crew import Failure
from stereo3d.files import file_sha256
from stereo3d.interrupts import Death
from stereo3d.job.executor import open_executor
from stereo3d.job.faults import Faults, Means
from stereo3d.job.job import Job
from stereo3d.job.keys import Unchanged
from stereo3d.job.losses import place, simpler_stretches
from stereo3d.job.patience import Patience, is_full
from stereo3d.job.report import Simpler
from stereo3d.job.room import bytes_in_work
from stereo3d.job.store import SegmentRecord
from stereo3d.job.ticker import Ticker
from stereo3d.media.split import packets_sha256
from stereo3d.pipeline.ends import device_bytes
from stereo3d.pipeline.load import Load, load_of
from stereo3d.pipeline.meter import Meter, write_trace
from stereo3d.pipeline.recipe import Places, SegmentResult
from stereo3d.pipeline.witness import Seen
from stereo3d.plan.segments import Segment
from stereo3d.progress import Alive, Note, Phase, Progress, counted

__all__ = ["Built", "build"]

_SMALLEST_ROOM = 1 << 20
_MOST_AT_ONCE = 8
_LADDER: tuple[Means, ...] = ("flat", "black")
_THEN = {
    "software": "it is encoded by software once all else is done",
    "flat": "it is made flat once all else is done",
    "black": "its frames are replaced by black ones",
    "given up": "it is given up",
}


@dataclass(frozen=True, slots=True)
class Built:
    """A job of which every segment is done. ``records``: by segment number. ``simpler``: what was made by simpler means.
    ``load``: what this run put on the machine."""

    job: Job
    records: dict[int, SegmentRecord]
    ticker: Ticker
    simpler: tuple[Simpler, ...]
    load: Load


def build(jobs: Iterable[Job], progress: Progress, stop: threading.Event, death: Death | None = None) -> Built:
    """Build what is missing. ``jobs``: one, or several while the film is scanned, each with more of it; the last one is whole.
    ``death``: how the process before this one ended, if this one goes on for it.

    Raises Interrupted once ``stop`` is set and the segment in work is finished, and what makes segment after segment fail.
    """
    builder: _Builder | None = None
    try:
        for job in jobs:
            if builder is None:
                builder = _Builder(job, progress, stop, new_run=death is None or death.phase == "error")
            else:
                builder.grow(job)
            while run := builder.next_run():
                if death is not None and death.phase == "convert":
                    builder.failed(run[0], death.reason, None)
                    death = None
                    continue
                if stop.is_set():
                    raise builder.interrupted()
                builder.build(run)
        assert builder is not None
        return builder.built()
    finally:
        if builder is not None:
            builder.close()


class _Builder:
    """The state of one build: what is done, what is known against the rest. ``new_run``: it does not go on for a process
    that hung or crashed, so segments that failed get a new chance."""

    def __init__(self, job: Job, progress: Progress, stop: threading.Event, *, new_run: bool) -> None:
        self._progress, self._stop = progress, stop
        self._source = Unchanged(job.asked.source, job.fingerprint)
        self._faults = Faults(job.folder.path, ("software", *_LADDER) if job.recipe.substitute else _LADDER)
        self._patience = Patience(job.folder.path, job.asked.settings.run.wait, progress, stop)
        self._job = self._plain = job
        self._records: dict[int, SegmentRecord] = {}
        self._built: set[int] = set()  # the numbers of the segments that this run built
        self._new_run = new_run
        self._plain_keys: tuple[str, ...] = ()
        if job.recorded():
            progress.emit(Phase("check", "looking at what is finished"))
        self._take(job)
        self._began = time.monotonic()
        self._meter = Meter(lambda: progress.emit(Alive()), traces=job.asked.settings.run.trace is not None)
        self._executor = open_executor(job, self._meter, progress, stop)
        frames, segments, ends = self._standing()
        self._ticker = Ticker(progress, self._meter, frames=frames, segments=segments, ends=ends)
        self._room_factor = 1
        self._encoded = 0  # frames of the segment in work
        if self._records:
            done, total = len(self._records), len(job.plan)
            known = f"{done} of {total} segments are done" if job.survey.whole else f"{counted(done, 'segment')} done"
            progress.emit(Note(f"continuing: {known}"))
        self._emit_phase()

    def grow(self, job: Job) -> None:
        """More of the film is known. What was built stays where it is still what is wanted."""
        self._take(job)
        frames, segments, ends = self._standing()
        kept = len(self._records.keys() - self._built)
        self._ticker.grow(frames=frames, segments=segments, kept=kept, ends=ends)
        self._emit_phase()

    def _standing(self) -> tuple[tuple[int, int], tuple[int, int], list[int]]:
        """Frames and segments as (done, in all), and where shots end among the frames to build."""
        segments = (len(self._records), len(self._job.plan))
        return (self._frames_done(), self._job.frames), segments, _ends(self._job, self._records)

    def _take(self, job: Job) -> None:
        """Make it the job, and see what is done of it."""
        known = set(self._plain_keys)
        made = {self._job.keys[number]: record for number, record in self._records.items()}
        self._plain, self._plain_keys = job, job.keys
        if known:
            self._faults.also(job.keys)
        self._job = self._with_outcomes()
        found = {s.number: made.get(self._job.keys[s.number]) or self._job.find(s) for s in job.plan}
        self._records = {number: record for number, record in found.items() if record is not None}
        if self._new_run:
            left = [key for number, key in enumerate(job.keys) if number not in self._records and key not in known]
            self._faults.forget(left)
            self._job = self._with_outcomes()

    def close(self) -> None:
        """End the workers, and write down what was traced."""
        self._executor.close()
        trace = self._job.asked.settings.run.trace
        if trace is not None:
            try:
                write_trace(Path(trace), self._meter.take_spans())
            except OutputError as error:  # the film is what was asked for
                self._progress.emit(Note(f"--trace: {error.message}", "warning"))

    def _emit_phase(self) -> None:
        job = self._job
        text = (
            f"converting {counted(job.frames, 'frame')}" if job.survey.whole else "converting; the scan goes on beside"
        )
        self._progress.emit(Phase("convert", text, job.frames, self._frames_done()))

    def _frames_done(self) -> int:
        return sum(record.frames for record in self._records.values())

    def _with_outcomes(self) -> Job:
        """The job with what its faults mean for the settings of segments."""
        job = self._plain
        overrides, substituted = job.recipe.overrides, set()
        for segment, key in zip(job.plan, self._plain_keys, strict=True):
            fault = self._faults.of(key)
            own = fault.in_force(job.recipe.settings.view)
            if own is not None:
                overrides = overrides.changed(*fault.frames(segment), own)
            if fault.outcome and job.recipe.substitute is not None:
                substituted.add(segment.start)
        if overrides == job.recipe.overrides and not substituted:
            return job
        return job.overridden(overrides, frozenset(substituted))

    def next_run(self) -> Sequence[Segment]:
        """The segments to build next, in order: those that failed before, alone; those that failed too often, last."""
        missing = {self._plain_keys[s.number]: s for s in self._job.plan if s.number not in self._records}
        fresh = [key for key in missing if not self._faults.is_put_off(key)]
        if not fresh and not self._job.survey.whole:
            return []
        if not fresh:
            return [segment for key, segment in missing.items() if self._faults.of(key).outcome != "given up"][:1]
        if self._executor.isolates:
            return [missing[key] for key in fresh]
        suspect = next((n for n, key in enumerate(fresh) if self._faults.is_suspect(key)), len(fresh))
        return [missing[key] for key in fresh[: suspect or 1]]

    def build(self, run: Sequence[Segment]) -> None:
        """Build a run of segments as far as it goes. Raises what cannot be coped with."""
        try:
            self._build(run)
        except (ChangedError, Interrupted, UsageError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the next segment may do
            self._job.folder.check_there()
            self._source.check()
            self._ticker.rewind(self._frames_done())
            if is_full(error, self._job.folder.path):
                self._make_room()
                return
            left = [segment for segment in run if segment.number not in self._records]
            self.failed((left or run)[0], " ".join(str(error).split()) or type(error).__name__, error)

    def _add_frames(self, count: int) -> None:
        self._encoded += count
        self._ticker.add_frames(count)

    def _build(self, run: Sequence[Segment]) -> None:
        job = self._job
        places = Places(job.part, lambda segment: job.part(segment, job.pieces[0]))
        if self._patience.short(self._room()):
            raise DiskFullError("no room for the next segment")
        self._encoded = 0
        with closing(self._executor.run(job.recipe, run, places, self._add_frames)) as results:
            for result in results:
                self._encoded = 0
                if isinstance(result, Failure):
                    if self._patience.short(self._room()):
                        raise DiskFullError("no room for the next segment")
                    self.failed(result.segment, result.reason, None, result.frame)
                    continue
                self._source.check()
                self._records[result.segment.number] = _record(job, result)
                self._built.add(result.segment.number)
                for note in result.notes:
                    self._progress.emit(Note(note, "warning"))
                self._ticker.add_segment()
                self._faults.success()
                self._room_factor = 1
                left = len(job.plan) - len(self._records)
                if self._stop.is_set() and left and not self._executor.isolates:  # else the others finish theirs, too
                    raise self.interrupted()
                if left and self._patience.short(self._room()):
                    raise DiskFullError("no room for the next segment")

    def interrupted(self) -> Interrupted:
        of = f" of {len(self._job.plan)}" if self._job.survey.whole else ""
        return Interrupted(f"stopped with {len(self._records)}{of} segments done", hint="the same command continues")

    def _room(self) -> int:
        """Bytes that must be free for the next segment, with something to spare."""
        return max(_SMALLEST_ROOM, bytes_in_work(self._plain, self._records.values())) * self._room_factor

    def _make_room(self) -> None:
        """Drop what no segment of the plan needs, then wait for what lacks; for more each time that it was not enough."""
        job = self._job
        job.folder.drop_parts()
        job.folder.drop_others([file.name for piece in job.pieces for _, file in job.files(piece)])
        self._patience.wait_for(self._room())
        self._room_factor = min(_MOST_AT_ONCE, 2 * self._room_factor)
        self._emit_phase()

    def failed(self, segment: Segment, reason: str, error: Exception | None, frame: int = -1) -> None:
        """Note a failure and decide how to go on. ``frame``: the output frame at which it failed, where that is known otherwise. Raises when there is no sense in it."""
        key = self._plain_keys[segment.number]
        before = self._faults.of(key).outcome
        frame = segment.start + self._encoded if error is not None else frame
        fault = self._faults.add(key, reason, frame)
        where = place(self._plain.survey, segment.start, segment.end)
        self._progress.emit(Note(f"{where} failed ({fault.failures}): {reason}", "warning"))
        missing = [key for n, key in enumerate(self._plain_keys) if n not in self._records]
        # No segment was ever made, and all of them failed as they should be, by any encoder.
        hopeless = not self._records and all(self._faults.of(key).outcome not in ("", "software") for key in missing)
        if self._faults.systematic or hopeless:
            # What ended a process may have been the card; any other error than the encoder's was not.
            encoder = error is None or isinstance(error, EncodeError)
            if hopeless or not encoder or not self._faults.may_give_up_hardware:
                kept = "finished segments are kept and the same command continues"
                hint = error.hint if isinstance(error, Stereo3DError) and error.hint else kept
                raise RepeatedError(f"segment after segment fails: {reason}", hint=hint) from error
            self._faults.give_up_hardware(missing, reason)
            self._progress.emit(Note("segment after segment fails: all that is left is encoded by software", "warning"))
        elif fault.outcome != before:
            self._progress.emit(Note(f"{where}: {_THEN[fault.outcome]}", "warning"))
        if fault.outcome:
            self._job = self._with_outcomes()
        self._emit_phase()

    def built(self) -> Built:
        """What was made. Raises JobError where a segment had to be given up."""
        given_up = [segment for segment in self._job.plan if segment.number not in self._records]
        if given_up:
            first = given_up[0]
            reason = self._faults.of(self._plain_keys[first.number]).reason
            raise JobError(
                f"{len(given_up)} of {len(self._job.plan)} segments cannot be made, the first one "
                f"{place(self._plain.survey, first.start, first.end)}: {reason}",
                hint="all others are kept; the same command tries these again",
            )
        faults = [self._faults.of(key) for key in self._plain_keys]
        simpler = simpler_stretches(self._plain.plan, faults)
        return Built(self._job, self._records, self._ticker, simpler, self._load())

    def _load(self) -> Load:
        seconds, meter = time.monotonic() - self._began, self._meter
        moved = device_bytes(self._job.recipe, self._executor.ends)
        return load_of(meter.spent(), seconds, self._executor.workers, meter.memory, moved)


def _ends(job: Job, done: Collection[int]) -> list[int]:
    """Where shots and segments end among the frames of segments that are not done, counted from the first of these."""
    ends, count = [], 0
    for segment in job.plan:
        if segment.number not in done:
            cuts = [shot.end for shot in job.survey.shots if segment.start < shot.end < segment.end]
            ends += [count + end - segment.start for end in (*cuts, segment.end)]
            count += len(segment)
    return ends


def _record(job: Job, result: SegmentResult) -> SegmentRecord:
    """Make a built segment a finished one: first its depth, where that is kept, then its pictures."""
    for piece in job.pieces:
        part = job.part(result.segment, piece)
        record = SegmentRecord(
            frames=result.frames,
            size=part.stat().st_size,
            sha256=file_sha256(part),
            seconds=result.seconds,
            replaced=result.replaced,
            flawed=result.flawed,
            screens=result.screens,
            comfort=result.comfort,
            seen=result.seen if piece == "" else Seen(),
            notes=result.notes if piece == "" else (),
            packets=packets_sha256(part),
        )
        job.folder.finish(result.segment, job.keys[result.segment.number], record, piece)
    return record
