"""Text subtitles for both eyes, each at a depth of its own, as tracks of a small Matroska file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.subtitles.codeccontext import SubtitleCodecContext

from stereo3d.errors import OutputError
from stereo3d.layouts import Layout
from stereo3d.media.ass import Box, Event, Eyes, Script
from stereo3d.media.carry import TEXT_SUBTITLES
from stereo3d.media.info import MediaInfo, StreamInfo
from stereo3d.media.mux import OutputPlan
from stereo3d.media.probe import open_input

__all__ = ["Nearest", "eyes_of", "text_tracks", "write_depth_subs"]

Nearest = Callable[[Fraction, Fraction, Box], float]
"""(from, until, where) -> how far a text must be in front of the screen, in % of an eye's width. Seconds of the source."""
_TICK = Fraction(1, 1000)


@dataclass(slots=True)
class _Track:
    stream: StreamInfo
    script: Script
    header: bytes
    lines: list[tuple[int, int, str]]  # begin and length in ms, and what is said


def eyes_of(layout: Layout, size: tuple[int, int], swap_eyes: bool) -> Eyes | None:
    """How the eyes lie in pictures of ``size``; None for layouts where text for each eye has no place of its own."""
    if layout.arrangement not in ("sbs", "ou") or layout.sphere or layout.depth:
        return None
    across, down = layout.squeeze
    return Eyes(size, layout.arrangement == "sbs", Fraction(down, across), layout.starts_right(swap_eyes))


def text_tracks(info: MediaInfo) -> list[StreamInfo]:
    """The source's subtitles that are text."""
    return [s for s in info.others if s.kind == "subtitle" and s.codec in TEXT_SUBTITLES]


def write_depth_subs(
    info: MediaInfo, plan: OutputPlan, eyes: Eyes, nearest: Nearest, out: Path
) -> tuple[tuple[StreamInfo, ...], tuple[StreamInfo, ...]]:
    """Write each text track of ``info`` for both eyes into ``out``, at the output's times, to the millisecond as the source has them.

    Returns (the tracks that were written, those whose styles are none of ASS). Without any, there is no file.
    Raises OutputError where it cannot be written.
    """
    streams = {s.index: s for s in text_tracks(info)}
    tracks: dict[int, _Track | None] = {}
    if not streams:
        return (), ()
    try:
        with open_input(info.path) as source:
            for stream in source.streams:
                if stream.index not in streams:
                    stream.discard = av.stream.Discard.all
            for packet in source.demux([source.streams[index] for index in streams]):
                index, context = packet.stream_index, packet.stream.codec_context
                if not packet.size or packet.pts is None or not isinstance(context, SubtitleCodecContext):
                    continue
                begin, length = packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base
                if plan.span is not None and begin not in plan.span:
                    continue
                events = _events(context, packet)
                if index not in tracks:
                    tracks[index] = _new_track(streams[index], context, info.video.height, eyes)
                if (track := tracks[index]) is not None:
                    _add(track, events, (begin, length), plan, eyes, nearest)
        done = [track for index in streams if (track := tracks.get(index)) is not None and track.lines]
        if done:
            _write(done, out)
    except (av.FFmpegError, OSError) as error:
        raise OutputError(f"{out} cannot be written: {error}", hint="check the free space of the disk") from error
    return tuple(t.stream for t in done), tuple(streams[index] for index, track in tracks.items() if track is None)


def _events(context: SubtitleCodecContext, packet: Packet) -> list[Event]:  # type: ignore[type-arg]
    """What a packet says; nothing where it is damaged."""
    try:
        decoded = context.decode2(packet)
        lines = [rect.ass.decode(errors="replace") for rect in decoded or () if hasattr(rect, "ass")]
        return [Event.parse(line) for line in lines]
    except (av.FFmpegError, ValueError):
        return []


def _new_track(stream: StreamInfo, context: SubtitleCodecContext, height: int, eyes: Eyes) -> _Track | None:
    """None where the header is none of ASS."""
    header = (context.subtitle_header or b"").decode(errors="replace").replace("\r\n", "\n").rstrip("\0")
    try:
        script = Script(header, height, own=stream.codec in ("ass", "ssa"))
    except ValueError:
        return None
    return _Track(stream, script, script.header(eyes).encode(), [])


def _add(
    track: _Track,
    events: Sequence[Event],
    time: tuple[Fraction, Fraction],
    plan: OutputPlan,
    eyes: Eyes,
    nearest: Nearest,
) -> None:
    begin, length = time
    at = round((begin + plan.shift) / _TICK)
    for event in events:
        if at < 0 or not event.text.strip():
            continue
        parallax = nearest(begin, begin + length, track.script.box(event, eyes))
        for line in track.script.both(event, eyes, parallax):
            track.lines.append((at, round(length / _TICK), line.line(len(track.lines))))


def _title(stream: StreamInfo) -> str:
    return f"{stream.title} (3D)" if stream.title else "3D"


def _write(tracks: Sequence[_Track], out: Path) -> None:
    with av.open(f"file:{out}", "w", format="matroska", options={"avoid_negative_ts": "disabled"}) as target:
        packets = []
        for track in tracks:
            stream = target.add_stream("ass")
            assert isinstance(stream.codec_context, SubtitleCodecContext)
            stream.codec_context.subtitle_header = track.header
            stream.time_base = stream.codec_context.time_base = _TICK
            stream.metadata["title"] = _title(track.stream)
            if re.fullmatch(r"\w{2,3}(-\w+)*", track.stream.language):
                stream.metadata["language"] = track.stream.language
            stream.codec_context.open()
            packets += [(at, length, stream, text) for at, length, text in track.lines]
        for at, length, stream, text in sorted(packets, key=lambda packet: packet[0]):
            packet = Packet(text.encode())
            packet.pts = packet.dts = at
            packet.duration, packet.time_base, packet.stream = length, _TICK, stream
            target.mux_one(packet)
