"""Room on the disk: how much a job will need."""

from __future__ import annotations

from collections.abc import Collection

from stereo3d.job.framing import trimmed_size
from stereo3d.job.prepare import Job
from stereo3d.job.store import SegmentRecord
from stereo3d.media.encode import ENCODERS
from stereo3d.media.info import MediaInfo
from stereo3d.render.pack import Packing, packed_size

__all__ = ["bytes_a_frame", "room_needed", "sound_bytes", "work_room"]

# Bits a pixel of film at each codec's usual quality, on the large side; six steps of crf halve it.
_BITS = {"h264": 0.16, "hevc": 0.1, "av1": 0.08, "ffv1": 5.0}
_SOUND_BYTES = 80_000  # a second of a track, unless the whole source is smaller
_SLACK = 1 << 20


def bytes_a_frame(job: Job, records: Collection[SegmentRecord]) -> float:
    """Of the output's picture: as measured on the segments that are done, else a guess."""
    frames = sum(record.frames for record in records)
    if frames:
        return sum(record.size for record in records) / frames
    recipe, encoder = job.recipe, job.recipe.encoder
    width, height = trimmed_size(recipe.info, recipe.settings.picture, recipe.framing)
    if recipe.settings.paint.colormap is None:
        width, height = packed_size(width, height, Packing.of(recipe.settings), recipe.info.video.format)
    usual = ENCODERS[encoder.codec].crf
    softer = 2 ** ((usual - encoder.crf) / 6) if encoder.crf is not None else 1.0
    return float(width * height * _BITS[encoder.codec] * softer / 8)


def room_needed(job: Job, records: Collection[SegmentRecord], frames: int) -> int:
    """Bytes that the work still takes with ``frames`` to be built: their segments, the joined picture, the whole output."""
    each, timeline = bytes_a_frame(job, records), job.survey.timeline
    beside = sound_bytes(job.recipe.info, float(timeline.duration(0, len(timeline))))
    return work_room(each * frames, each * len(timeline), beside)


def work_room(segments: float, whole: float, beside: float) -> int:
    """Bytes that the work takes: ``segments`` to build, the ``whole`` picture joined, and all of the output with what is ``beside``."""
    return round(segments + 2 * whole + beside) + _SLACK


def sound_bytes(info: MediaInfo, seconds: float) -> float:
    """About what so many seconds of the source's sound take."""
    source = info.path.stat().st_size if info.kind == "film" else 0
    return min(source, _SOUND_BYTES * len(info.audio) * seconds)
