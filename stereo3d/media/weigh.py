"""How many bytes of a source are its picture, frame by frame, and how many everything else takes in the output."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

import av

from stereo3d.errors import InputError
from stereo3d.media.carry import Carried, container_format, sort_streams
from stereo3d.media.info import MediaInfo
from stereo3d.media.mux import OutputPlan, encoded_rate
from stereo3d.media.probe import open_input

__all__ = ["Weights", "weigh"]

# What a container adds to a packet (as measured), and to a file.
_AROUND = {"matroska": 12, "mp4": 26}
_HEAD = 4000
_LOSSLESS_SHARE = 0.6  # of raw sound of 16 bits


@dataclass(frozen=True, slots=True)
class Weights:
    """``beside``: bytes of the output that are not its pictures. ``picture``: bytes of the source's picture at each output frame:
    its encoder's opinion of how much there is to see."""

    beside: int
    picture: tuple[int, ...]


def weigh(info: MediaInfo, plan: OutputPlan, out: Path) -> Weights:
    """Read the source's packets once, for the output ``out`` that is planned. Raises InputError."""
    form = container_format(out)
    times = plan.timeline.pts
    around = _AROUND[form]
    beside = _HEAD + around * len(times)
    picture = [0] * len(times)
    if info.kind != "film":
        return Weights(beside, tuple(path.stat().st_size for path in info.pictures)[: len(times)])
    carried = {c.stream.index: c for c in sort_streams(info, form, plan.audio_codec)[0]}
    seconds = float(plan.timeline.duration(0, len(times)))
    beside += sum(round(seconds * _encoded_bytes(c)) for c in carried.values() if _is_encoded(c))
    last = 0
    try:
        with open_input(info.path) as container:
            beside += sum(s.codec_context.extradata_size for s in container.streams if s.codec_context is not None)
            beside += sum(len(s.data or b"") for s in container.streams.attachments if s.index in carried)
            for packet in container.demux():
                index, time = packet.stream_index, packet.pts if packet.pts is not None else packet.dts
                if index == info.video.index:
                    # Without times the packets follow one another as the frames do.
                    last = bisect_right(times, time) - 1 if time is not None else last + 1
                    if 0 <= last < len(times):
                        picture[last] += packet.size
                elif index in carried and not _is_encoded(carried[index]):
                    inside = plan.span is None or time is None or time * packet.time_base in plan.span
                    beside += (packet.size + around) * inside
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{info.path} cannot be read: {error}", hint="copy it again") from error
    return Weights(beside, tuple(picture))


def _is_encoded(item: Carried) -> bool:
    return item.stream.kind == "audio" and item.codec != "copy"


def _encoded_bytes(item: Carried) -> float:
    """Bytes a second of sound that is encoded anew, about."""
    rate = encoded_rate(item)
    return rate / 8 if rate else 2 * 48000 * (item.stream.channels or 2) * _LOSSLESS_SHARE
