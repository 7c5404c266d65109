"""Room on the disk: how much a job will need."""

from __future__ import annotations

from collections.abc import Collection

from stereo3d.job.framing import trimmed_size
from stereo3d.job.prepare import Job
from stereo3d.job.store import SegmentRecord
from stereo3d.media.encode import ENCODERS
from stereo3d.render.pack import Packing, packed_size

__all__ = ["bytes_a_frame", "room_needed"]

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
    each = bytes_a_frame(job, records)
    whole = each * len(job.survey.timeline)
    seconds = job.survey.timeline.duration(0, len(job.survey.timeline))
    info = job.recipe.info
    source = info.path.stat().st_size if info.kind == "film" else 0
    beside = min(source, _SOUND_BYTES * len(info.audio) * float(seconds))
    return round(each * frames + 2 * whole + beside) + _SLACK
