"""Stretches of a film's picture as one small film, packet for packet: what it takes to convert it says what the film will take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from stereo3d.errors import InputError
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import open_input
from stereo3d.media.split import write_run

__all__ = ["cut_out", "excerpt"]

_SEEK_BACK_SECONDS = (0, 3, 12)


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


def cut_out(info: MediaInfo, start: Fraction, end: Fraction, out: Path) -> Fraction:
    """Copy picture and sound of [start, end) seconds since the first frame to the Matroska file ``out``, from the keyframe before
    on. The time that its first frame has in the film. Raises InputError as :func:`excerpt`."""
    video = info.video
    if info.kind != "film":
        raise InputError(f"{info.path} is no film", hint="pictures are read one by one")
    try:
        with open_input(info.path) as source, av.open(f"file:{out}", "w", format="matroska") as target:
            stream = source.streams[video.index]
            assert isinstance(stream, av.VideoStream)
            first = (video.start_pts or 0) * video.time_base
            _seek_before(source, stream, first + start)
            tracks = [stream, *source.streams.audio]
            copies = {track.index: target.add_stream_from_template(track, opaque=True) for track in tracks}
            begin: Fraction | None = None
            for packet in source.demux(tracks):
                if packet.pts is None:
                    packet.pts = packet.dts
                if packet.pts is None or not packet.size:
                    continue
                time = packet.pts * packet.time_base
                if begin is None and packet.stream is stream and packet.is_keyframe:
                    begin = time
                if packet.stream is stream and time > first + end:
                    break
                if begin is None or time < begin:
                    continue
                _move(packet, begin)
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
            if begin is None:
                raise InputError(f"{info.path} has no keyframe there", hint="choose another time")
            return begin - first
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"nothing can be cut out of {info.path}: {error}", hint="is it whole?") from error


def _seek_before(source: InputContainer, stream: av.VideoStream, time: Fraction) -> None:
    """Seek to a keyframe at or before ``time``. Some containers land behind it: then farther back."""
    base = stream.time_base or Fraction(1, 1000)
    for back in _SEEK_BACK_SECONDS:
        source.seek(max(round((time - back) / base), stream.start_time or 0), stream=stream)
        key = next((p for p in source.demux(stream) if p.is_keyframe and p.size), None)
        source.seek(max(round((time - back) / base), stream.start_time or 0), stream=stream)
        if key is not None and key.pts is not None and key.pts * base <= time:
            return


def _move(packet: Packet[Stream], begin: Fraction) -> None:
    """Count a packet's times from ``begin`` seconds."""
    shift = round(begin / packet.time_base)
    packet.pts = (packet.pts or 0) - shift
    packet.dts = packet.dts - shift if packet.dts is not None else None


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
