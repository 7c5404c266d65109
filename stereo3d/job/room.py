"""Room on the disk: how much a job will need."""

from __future__ import annotations

from collections.abc import Collection
from math import prod

from stereo3d.job.framing import written_size
from stereo3d.job.job import Job
from stereo3d.job.store import SegmentRecord
from stereo3d.media.encode import ENCODERS
from stereo3d.media.info import MediaInfo

__all__ = ["bytes_a_frame", "bytes_in_work", "room_needed", "sound_bytes", "work_room"]

_SOUND_BYTES = 80_000  # a second of a track, unless the whole source is smaller
_SLACK = 1 << 20


def bytes_a_frame(job: Job, records: Collection[SegmentRecord]) -> float:
    """Of the output's picture: as measured on the segments that are done, else a guess."""
    frames = sum(record.frames for record in records)
    if frames:
        return sum(record.size for record in records) / frames
    encoder = job.recipe.encoder
    if job.recipe.goals:
        return sum(job.recipe.goals) / len(job.survey.timeline)
    usual = ENCODERS[encoder.codec]
    softer = 2 ** ((usual.crf - encoder.crf) / 6) if encoder.crf is not None else 1.0
    return _pixels(job) * usual.bits * softer / 8


def _pixels(job: Job) -> int:
    """Of one of the output's pictures."""
    return prod(written_size(job.recipe.info, job.recipe.settings, job.recipe.framing))


def bytes_in_work(job: Job, records: Collection[SegmentRecord]) -> int:
    """That the longest segment takes while it is built; with --target-size it is kept lossless beside."""
    longest = max(len(segment) for segment in job.plan)
    beside = _pixels(job) * ENCODERS["ffv1"].bits / 8 if job.recipe.goals else 0
    return round((1.5 * bytes_a_frame(job, records) + beside) * longest)


def room_needed(job: Job, records: Collection[SegmentRecord], frames: int) -> int:
    """Bytes that the work still takes with ``frames`` to be built: their segments, the whole output."""
    each, timeline = bytes_a_frame(job, records), job.survey.timeline
    beside = sound_bytes(job.recipe.info, float(timeline.duration(0, len(timeline))))
    work = bytes_in_work(job, records) if job.recipe.goals else 0
    return work_room(each * frames, each * len(timeline), beside) + work


def work_room(segments: float, whole: float, beside: float) -> int:
    """Bytes that the work takes: ``segments`` to build, and the output: the ``whole`` picture with what is ``beside``."""
    return round(segments + whole + beside) + _SLACK


def sound_bytes(info: MediaInfo, seconds: float) -> float:
    """About what so many seconds of the source's sound take."""
    source = info.path.stat().st_size if info.kind == "film" else 0
    return min(source, _SOUND_BYTES * len(info.audio) * seconds)
