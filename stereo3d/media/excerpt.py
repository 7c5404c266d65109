"""Stretches of a film's picture as one small film, packet for packet: what it takes to convert it says what the film will take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.packet import Packet

from stereo3d.errors import InputError
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import open_input
from stereo3d.media.split import write_run

__all__ = ["excerpt"]


def excerpt(info: MediaInfo, places: Sequence[Fraction], frames: int, out: Path) -> int:
    """Write ``frames`` coded frames from the keyframe at or before each of ``places`` (seconds since the first frame, increasing) to
    the Matroska file ``out``; stretches that would overlap go on from one another. How many were written.

    The times are of a steady rate. Raises InputError for a source that cannot be sought, or whose packets have no times.
    """
    video = info.video
    try:
        with open_input(info.path) as source:
            stream = source.streams.video[0] if info.kind != "film" else source.streams[video.index]
            assert isinstance(stream, av.VideoStream)
            first = video.start_pts or 0
            taken: dict[int, Packet[av.VideoStream]] = {}
            for place in places:
                source.seek(first + round(place / video.time_base), stream=stream)
                fresh = (packet for packet in _from_keyframe(source.demux(stream)) if packet.pts not in taken)
                taken.update((packet.pts, packet) for packet in islice(fresh, frames) if packet.pts is not None)
            if not taken:
                raise InputError(f"{info.path} has no packets with times", hint="copy it into Matroska (MKV) first")
            write_run(list(taken.values()), stream, out, 1 / (video.average_rate or Fraction(25)))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"nothing can be taken out of {info.path}: {error}", hint="is it whole?") from error
    return len(taken)


def _from_keyframe(packets: Iterator[Packet[av.VideoStream]]) -> Iterator[Packet[av.VideoStream]]:
    """Packets that are decodable: from the first keyframe on, without those that are shown before it."""
    begin: int | None = None
    for packet in packets:
        if not packet.size:
            return
        if packet.pts is None:
            packet.pts = packet.dts
        if begin is None and packet.is_keyframe:
            begin = packet.pts
        if begin is not None and packet.pts is not None and packet.pts >= begin:
            yield packet
