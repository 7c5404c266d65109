"""Segments to one video-only file whose frames have exactly the source's times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
from av.packet import Packet

from stereo3d.errors import OutputError, VerificationError
from stereo3d.frames import Timeline
from stereo3d.media.blocks import ranks, read_blocks
from stereo3d.media.headers import carries_headers

__all__ = ["JoinResult", "Sink", "join", "output_origin", "timescale"]

_MIN_TIMESCALE = 10000
_FRAGMENT = 4 << 20  # bytes
_BUFFER = 1 << 20  # bytes that are written at once


class Sink(Protocol):
    """What bytes are written to, one after the other."""

    def write(self, data: bytes, /) -> int:
        """Returns how many were taken."""


@dataclass(frozen=True, slots=True)
class JoinResult:
    """``packets``: one a frame. ``depth``: the largest reorder depth. ``origin``: the time, in the timeline's units, that became 0."""

    packets: int
    depth: int
    origin: int


def timescale(time_base: Fraction) -> int:
    """Ticks a second of an MP4 track: a multiple of the source's, fine enough for players (at least 10000)."""
    ticks = time_base.denominator
    while ticks < _MIN_TIMESCALE:
        ticks *= 2
    return ticks


def output_origin(timeline: Timeline, *, cut: bool) -> int:
    """The source time (in the timeline's units) that is 0 in the output: that of the first frame where a beginning was cut
    off, or where the film starts before 0 (no container can say that), else 0: frames then keep the source's times."""
    return timeline.pts[0] if cut or timeline.pts[0] < 0 else 0


def join(
    segments: Sequence[Path],
    timeline: Timeline,
    first_frames: Sequence[int],
    out: Path | Sink,
    *,
    origin: int = 0,
    tags: Mapping[str, str] | None = None,
) -> JoinResult:
    """Join segment files, without encoding, into ``out``: MP4, which counts in the source's time base, or Matroska, which
    rounds times to 1 ms. What is no file but a pipe gets an MP4 in fragments, which can be read as it comes. ``tags``: metadata of the file.

    ``first_frames``: the output frame number that each segment begins with. Frame k gets the time ``timeline.pts[k] - origin``,
    decoding times run ahead by the largest reorder depth of all segments. Raises VerificationError where a segment has lost
    frames or was encoded differently, OutputError where ``out`` cannot be written.
    """
    bounds = [*first_frames, len(timeline)]
    if len(first_frames) != len(segments) or not segments or first_frames[0] != 0:
        raise ValueError(f"{len(segments)} segments, {len(first_frames)} first frames")
    orders: list[list[int]] = []
    headers: set[bytes] = set()
    for number, path in enumerate(segments):
        blocks = read_blocks(path)
        if len(blocks.times) != bounds[number + 1] - bounds[number]:
            raise VerificationError(
                f"{path.name} has {len(blocks.times)} frames, not {bounds[number + 1] - bounds[number]}",
                hint="run the same command again: the segment is built anew",
            )
        headers.add(blocks.header)
        orders.append(ranks(blocks.times))
    if len(headers) > 1:
        _check_apart(segments)
    depth = max(max(position - rank for position, rank in enumerate(order)) for order in orders)
    try:
        _write(segments, bounds, orders, timeline, out, depth, origin, dict(tags or {}))
    except (av.FFmpegError, OSError) as error:
        if isinstance(out, Path):
            out.unlink(missing_ok=True)
        raise OutputError(f"{out} cannot be written: {error}", hint="check the free space of the disk") from error
    return JoinResult(len(timeline), depth, origin)


def _check_apart(segments: Sequence[Path]) -> None:
    """Raises VerificationError where a segment of another encoder, or other settings, than the first needs the track's header to be decoded."""
    for path in segments:
        try:
            with av.open(f"file:{path}") as container:
                stream = container.streams.video[0]
                first = next(packet for packet in container.demux(stream) if packet.size)
                apart = carries_headers(bytes(first), stream.codec_context.codec.canonical_name)
        except (av.FFmpegError, OSError, IndexError, StopIteration) as error:
            raise VerificationError(
                f"{path.name} cannot be read: {error}", hint="run again: it is built anew"
            ) from error
        if not apart:
            raise VerificationError(
                f"{path.name} was encoded with other settings than others of its film", hint="run again with --restart"
            )


def _write(
    segments: Sequence[Path],
    bounds: Sequence[int],
    orders: Sequence[list[int]],
    timeline: Timeline,
    out: Path | Sink,
    depth: int,
    origin: int,
    tags: dict[str, str],
) -> None:
    scale = timescale(timeline.time_base)
    written = 0
    form = "matroska" if isinstance(out, Path) and out.suffix == ".mkv" else "mp4"
    options = {"avoid_negative_ts": "disabled"}
    if form == "mp4":
        options |= {"strict": "experimental"}  # the lossless codec is no official part of MP4
        options |= {"movie_timescale": str(scale), "video_track_timescale": str(scale)}
    if not isinstance(out, Path):  # the header waits for the first fragment, which tells how far decoding runs ahead
        options |= {"movflags": "+delay_moov+default_base_moof", "frag_size": str(_FRAGMENT)}
    place = f"file:{out}" if isinstance(out, Path) else out
    with av.open(place, "w", format=form, options=options, buffer_size=_BUFFER) as target:
        target.metadata.update(tags)
        stream: av.VideoStream | None = None
        for path, start, order in zip(segments, bounds, orders, strict=False):
            with av.open(f"file:{path}") as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = target.add_stream_from_template(video, opaque=True)
                    stream.time_base = timeline.time_base
                packets = (p for p in source.demux(video) if p.size)
                for packet, rank in zip(packets, order, strict=True):
                    _restamp(packet, timeline, start + rank, written, depth, origin)
                    packet.stream = stream
                    target.mux_one(packet)
                    written += 1


def _restamp(
    packet: Packet[av.VideoStream], timeline: Timeline, frame: int, position: int, depth: int, origin: int
) -> None:
    """Give a packet the exact time of its frame, and the decoding time of its place in the file."""
    pts = timeline.pts
    end = pts[frame + 1] if frame + 1 < len(pts) else pts[-1] + timeline.last_duration
    ahead = position - depth
    # Before the first frame decoding times count back evenly.
    step = max(1, timeline.last_duration)
    packet.time_base = timeline.time_base
    packet.pts = pts[frame] - origin
    packet.dts = (pts[ahead] if ahead >= 0 else pts[0] + ahead * step) - origin
    packet.duration = end - pts[frame]
