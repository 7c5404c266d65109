"""Is what was written what was meant? Packets and times of a segment, and of the whole output."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from stereo3d.errors import VerificationError
from stereo3d.media.info import MediaInfo, StreamInfo
from stereo3d.media.mux import MuxReport, OutputPlan
from stereo3d.media.probe import open_input
from stereo3d.media.sei import said_packing
from stereo3d.media.sidedata import is_half_sphere, stereo_packing
from stereo3d.media.stereo_box import BOX_MODES, read_stereo_box

__all__ = ["VerifyReport", "verify_output", "verify_segment"]

_TICK = Fraction(1, 1_000_000)
_MATROSKA_ROUNDING = Fraction(1, 2000)
_AUDIO_TOLERANCE = Fraction(1, 1000)
_RUN_UP = {"aac": 1024, "ac3": 256, "eac3": 256}  # samples


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was compared. ``video_error`` and ``audio_error``: the largest difference from the meant times, in seconds.
    ``stereo``: the stereo mode as it reads back, "" for none; ``sphere``: so does the half sphere."""

    frames: int
    audio_tracks: int
    audio_packets: int
    video_error: Fraction
    audio_error: Fraction
    stereo: str
    sphere: bool


class _Track:
    """Payload hashes and times (in microseconds, rounded) of a track's packets, 16 bytes each."""

    def __init__(self, *, joined: bool = False) -> None:
        self.hashes = array("Q")
        self.times = array("q")
        self._whole = hashlib.blake2b() if joined else None

    def add(self, payload: bytes, time: Fraction) -> None:
        if self._whole is not None:
            self._whole.update(payload)
        self.hashes.append(int.from_bytes(hashlib.blake2b(payload, digest_size=8).digest()))
        self.times.append(round(time / _TICK))

    def payloads(self) -> object:
        """What must be equal for equal payloads: raw sound may be cut into packets anew."""
        return self._whole.digest() if self._whole is not None else self.hashes


def verify_segment(path: Path, frames: int) -> None:
    """Check that a segment holds ``frames`` pictures and begins with one that can be decoded. Raises VerificationError."""
    try:
        with av.open(f"file:{path}") as container:
            stream = container.streams.video[0]
            count = sum(1 for packet in container.demux(stream) if packet.size)
            container.seek(0)
            first = next(container.decode(stream), None)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise VerificationError(f"{path.name} cannot be read: {error}", hint="it is built anew") from error
    if count != frames or first is None:
        raise VerificationError(f"{path.name} holds {count} frames, not {frames}", hint="it is built anew")


def verify_output(
    out: Path,
    segments: Sequence[Path],
    info: MediaInfo,
    plan: OutputPlan,
    report: MuxReport,
) -> VerifyReport:
    """Compare the output with the segments and the source, packet by packet.

    Pictures: the segments' packets, in order, each at its frame's time (exact in MP4, within half a millisecond in Matroska).
    Sound: each copied track's packets are the source's of the plan's span, within a millisecond. Raises VerificationError.
    """
    matroska = out.suffix.lower() == ".mkv"
    audio = [(n, c.stream) for n, c in enumerate(report.carried, 1) if c.stream.kind == "audio" and c.codec == "copy"]
    try:
        with av.open(f"file:{out}") as container:
            found = _read(container, [(0, False), *((n, _is_raw(s)) for n, s in audio)])
            stereo, sphere = _stereo_tags(container, out if not matroska else None)
        video_error = _check_video(out, found[0], segments, plan, matroska=matroska)
        wanted = _source_audio(info, [s for _, s in audio], plan)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise VerificationError(f"{out} cannot be verified: {error}", hint="run the same command again") from error
    errors = [_check_audio(out, s, found[n], wanted[s.index]) for n, s in audio]
    errors += _check_encoded(out, info, plan, report)
    meant = plan.stereo_mode if matroska or plan.stereo_mode in BOX_MODES else ""
    if stereo != meant:
        raise VerificationError(f"{out}: the stereo tag reads {stereo!r}, not {meant!r}")
    packing = _packing_said(segments[0])
    if packing != plan.frame_packing:
        raise VerificationError(f"{out}: the pictures say {packing!r} of their eyes, not {plan.frame_packing!r}")
    if sphere != plan.sphere:
        raise VerificationError(f"{out}: it is{'' if sphere else ' not'} tagged as half a sphere")
    return VerifyReport(
        len(plan.timeline),
        len(audio),
        sum(len(found[n].hashes) for n, _ in audio),
        video_error,
        max(errors, default=Fraction(0)),
        stereo,
        sphere,
    )


def _is_raw(stream: StreamInfo) -> bool:
    return stream.codec.startswith("pcm_")


def _read(container: InputContainer, wanted: Sequence[tuple[int, bool]]) -> dict[int, _Track]:
    tracks = {index: _Track(joined=raw) for index, raw in wanted}
    for packet in container.demux([container.streams[index] for index in tracks]):
        if packet.size and packet.pts is not None:
            tracks[packet.stream_index].add(bytes(packet), packet.pts * packet.time_base)
    return tracks


def _stereo_tags(container: InputContainer, mp4: Path | None) -> tuple[str, bool]:
    """(stereo mode as the container has it, whether it says half a sphere). ``mp4``: the file, where it is one.

    Raises VerificationError where the frames say another mode than the container.
    """
    stream = container.streams.video[0]
    tag = stream.metadata.get("stereo_mode", "") if mp4 is None else read_stereo_box(mp4)
    container.seek(0)
    frame = next(container.decode(stream), None)
    if frame is None:
        return tag, False
    packing = stereo_packing(frame)
    if tag and packing and packing != tag:
        raise VerificationError(f"{container.name}: the stereo tag reads {tag!r}, the pictures say {packing!r}")
    return tag, is_half_sphere(frame)


def _packing_said(segment: Path) -> str:
    """What the pictures themselves say of their eyes; decoded, they would repeat what their container says."""
    with av.open(f"file:{segment}") as container:
        stream = container.streams.video[0]
        packet = next((p for p in container.demux(stream) if p.size), None)
        return said_packing(bytes(packet), stream.codec_context.codec.canonical_name) if packet is not None else ""


def _check_video(out: Path, found: _Track, segments: Sequence[Path], plan: OutputPlan, *, matroska: bool) -> Fraction:
    timeline = plan.timeline
    if len(found.hashes) != len(timeline):
        raise VerificationError(f"{out} has {len(found.hashes)} frames, not {len(timeline)}")
    allowed = _MATROSKA_ROUNDING if matroska else Fraction(0)
    worst = Fraction(0)
    position = 0
    for path in segments:
        track, order = _segment_track(path)
        end = position + len(order)
        if found.hashes[position:end] != track.hashes:
            raise VerificationError(f"{out}: pictures {position}..{end - 1} are not those of {path.name}")
        for place, rank in enumerate(order):
            frame = position + rank
            meant = timeline.pts[frame] * timeline.time_base + plan.shift
            error = abs(found.times[position + place] * _TICK - meant)
            # Times were read back rounded to a microsecond.
            if error > allowed + _TICK / 2:
                raise VerificationError(
                    f"{out}: frame {frame} is at {float(found.times[position + place] * _TICK):.6f} s, not {float(meant):.6f} s"
                )
            worst = max(worst, error)
        position = end
    return worst if matroska else Fraction(0)


def _segment_track(path: Path) -> tuple[_Track, list[int]]:
    """A segment's packets, and for each its place in display order."""
    with av.open(f"file:{path}") as container:
        track = _read(container, [(container.streams.video[0].index, False)])[0]
    places = {time: rank for rank, time in enumerate(sorted(track.times))}
    return track, [places[time] for time in track.times]


def _source_audio(info: MediaInfo, streams: Sequence[StreamInfo], plan: OutputPlan) -> dict[int, _Track]:
    """The source's sound as it should be in the output."""
    if not streams:
        return {}
    tracks = {s.index: _Track(joined=_is_raw(s)) for s in streams}
    repair = plan.repair_times and "mpegts" in info.container
    follow: dict[int, tuple[int, int]] = {}  # last time and duration of each stream
    with open_input(info.path) as container:
        filters = {s.index: _raw_aac(container.streams[s.index], info) for s in streams}
        for packet in container.demux([container.streams[index] for index in tracks]):
            if not packet.size:
                continue
            index, time_base = packet.stream_index, packet.time_base
            for piece in _filtered(packet, filters[index]):
                if not piece.size or piece.pts is None:
                    continue
                last, duration = follow.get(index, (piece.pts - 1, 1))
                pts = piece.pts if piece.pts > last or not repair else last + duration
                follow[index] = pts, piece.duration or 0
                if plan.span is None or pts * time_base in plan.span:
                    tracks[index].add(bytes(piece), pts * time_base + plan.shift)
    return tracks


def _raw_aac(stream: Stream, info: MediaInfo) -> av.BitStreamFilterContext | None:
    """Transport streams wrap AAC in ADTS headers, which Matroska and MP4 must not have."""
    wrapped = stream.codec_context.codec.canonical_name == "aac" and info.container in ("mpegts", "aac", "avi")
    return av.BitStreamFilterContext("aac_adtstoasc", stream) if wrapped else None


def _filtered(packet: Packet[Stream], bitstream: av.BitStreamFilterContext | None) -> Iterator[Packet[Stream]]:
    if bitstream is None:
        yield packet
    else:
        yield from bitstream.filter(packet)


def _check_encoded(out: Path, info: MediaInfo, plan: OutputPlan, report: MuxReport) -> list[Fraction]:
    """Sound that was encoded anew must begin when the source's does. Returns by how much it does not, in seconds."""
    errors = []
    for number, item in enumerate(report.carried, 1):
        if item.stream.kind != "audio" or item.codec == "copy":
            continue
        meant = _first_sound(info.path, item.stream.index) + plan.shift
        if plan.span is not None and plan.span.start is not None:
            meant = max(meant, plan.span.start + plan.shift)
        first = _first_sound(out, number)
        # MP4 keeps an encoder's run-up where the sound does not begin at 0: a moment of silence before it.
        error = min(abs(first - meant), abs(first + _RUN_UP.get(item.codec, 0) / _sample_rate(out, number) - meant))
        if error > _AUDIO_TOLERANCE:
            raise VerificationError(f"{out}: {item.stream} begins {float(error) * 1000:.2f} ms off")
        errors.append(error)
    return errors


def _sample_rate(path: Path, index: int) -> Fraction:
    with open_input(path) as container:
        context = container.streams[index].codec_context
        return Fraction(context.sample_rate if isinstance(context, av.AudioCodecContext) else 48000)


def _first_sound(path: Path, index: int) -> Fraction:
    """Seconds of the first decoded sample, without the encoder's run-up. Raises VerificationError where there is none."""
    with open_input(path) as container:
        for packet in container.demux(container.streams[index]):
            for frame in packet.decode():
                if isinstance(frame, av.AudioFrame) and frame.pts is not None and frame.time_base:
                    return frame.pts * frame.time_base
    raise VerificationError(f"{path}: sound stream {index} cannot be decoded")


def _check_audio(out: Path, stream: StreamInfo, found: _Track, wanted: _Track) -> Fraction:
    if found.payloads() != wanted.payloads():
        raise VerificationError(
            f"{out}: {stream} has {len(found.hashes)} packets that are not the source's {len(wanted.hashes)}",
            hint="run the same command again; if it stays so, the source may be damaged",
        )
    pairs = (
        zip(found.times, wanted.times, strict=False)
        if not _is_raw(stream)
        else zip(found.times[:1], wanted.times[:1], strict=False)
    )
    worst = max((abs(a - b) * _TICK for a, b in pairs), default=Fraction(0))
    if worst > _AUDIO_TOLERANCE:
        raise VerificationError(f"{out}: {stream} is off by {float(worst) * 1000:.2f} ms")
    return worst
