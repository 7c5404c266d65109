"""Is what was written what was meant? Packets and times of a segment, and of the whole output."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from stereo3d.ahead import run_ahead
from stereo3d.errors import VerificationError
from stereo3d.media.blocks import read_blocks
from stereo3d.media.info import MediaInfo, StreamInfo
from stereo3d.media.mux import MuxReport, OutputPlan
from stereo3d.media.probe import open_input
from stereo3d.media.sei import said_packing
from stereo3d.media.sidedata import is_half_sphere, stereo_packing
from stereo3d.media.split import PacketsDigest, packets_sha256
from stereo3d.media.stereo_box import BOX_MODES, read_stereo_box

__all__ = ["VerifyReport", "verify_output", "verify_segment"]

_TICK = Fraction(1, 1_000_000)
_MATROSKA_ROUNDING = Fraction(1, 2000)
_AUDIO_TOLERANCE = Fraction(1, 1000)
_PORTION, _MOST_PACKETS = (
    1 << 20,
    64,
)  # bytes and packets that are handed from the reading to the comparing thread at once
_AHEAD = 4  # portions
_RUN_UP = {"aac": 1024, "ac3": 256, "eac3": 256}  # samples


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was compared. ``video_error`` and ``audio_error``: the largest difference from the meant times, in seconds.
    ``stereo``: the stereo mode as it reads back, "" for none; ``sphere``: so does the half sphere. ``first``, ``last``: seconds of the
    first and the last picture as they read back."""

    frames: int
    first: Fraction
    last: Fraction
    audio_tracks: int
    audio_packets: int
    video_error: Fraction
    audio_error: Fraction
    stereo: str
    sphere: bool


class _Track:
    """Payload hashes and times (in microseconds, rounded) of a track's packets, 16 bytes each."""

    def __init__(self, tick: Fraction, *, shift: Fraction = Fraction(0), joined: bool = False) -> None:
        """``tick``: seconds of a packet's unit of time; ``shift``: seconds that are added."""
        self.hashes = array("Q")
        self.times = array("q")
        self._whole = hashlib.blake2b() if joined else None
        self._parts = math.lcm(tick.denominator, shift.denominator)  # whole numbers: fractions take 20 times as long
        self._factor, self._shift = (int(value / _TICK * self._parts) for value in (tick, shift))

    def add(self, packet: Packet[Stream], pts: int | None) -> None:
        assert pts is not None
        payload = memoryview(packet)
        if self._whole is not None:
            self._whole.update(payload)
        self.hashes.append(int.from_bytes(hashlib.blake2b(payload, digest_size=8).digest()))
        self.times.append((2 * (pts * self._factor + self._shift) + self._parts) // (2 * self._parts))

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
    recorded: Sequence[str] = (),
) -> VerifyReport:
    """Read the output and compare it with the segments and the source, packet by packet.

    ``recorded``: for each segment what :func:`stereo3d.media.split.packets_sha256` said when it was built; those of which that is not known are read again.
    Pictures: the segments' packets, in order, each at its frame's time (exact in MP4, within half a millisecond in Matroska).
    Sound: each copied track's packets are the source's of the plan's span, within a millisecond. Raises VerificationError.
    """
    matroska = out.suffix.lower() == ".mkv"
    audio = [(n, c.stream) for n, c in enumerate(report.carried, 1) if c.stream.kind == "audio" and c.codec == "copy"]
    pictures = _Pictures(out, segments, recorded)
    try:
        with ThreadPoolExecutor(1) as beside, av.open(f"file:{out}") as container:
            reading = beside.submit(_source_audio, info, [s for _, s in audio], plan)
            found = {n: _Track(_tick(container.streams[n]), joined=_is_raw(s)) for n, s in audio}
            with closing(run_ahead(_portions(container, [0, *found]), _AHEAD, "read the result")) as portions:
                for packet in chain.from_iterable(portions):
                    if packet.stream_index:
                        found[packet.stream_index].add(packet, packet.pts)
                    else:
                        pictures.add(packet)
            stereo, sphere = _stereo_tags(container, out if not matroska else None)
            tick = _tick(container.streams[0])
            video_error = _check_video(out, pictures, tick, plan, matroska=matroska)
            wanted = reading.result()
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
        pictures.times[0] * tick,
        pictures.times[-1] * tick,
        len(audio),
        sum(len(found[n].hashes) for n, _ in audio),
        video_error,
        max(errors, default=Fraction(0)),
        stereo,
        sphere,
    )


def _is_raw(stream: StreamInfo) -> bool:
    return stream.codec.startswith("pcm_")


def _tick(stream: Stream) -> Fraction:
    """Seconds of a stream's unit of time."""
    if stream.time_base is None:
        raise IndexError(f"stream {stream.index} has no unit of time")
    return stream.time_base


def _portions(container: InputContainer, indices: Sequence[int]) -> Iterator[list[Packet[Stream]]]:
    """Packets of some streams that have a time, some at once: handing over each alone would take longer than reading it."""
    portion: list[Packet[Stream]] = []
    size = 0
    for packet in container.demux([container.streams[index] for index in indices]):
        if packet.size and packet.pts is not None:
            portion.append(packet)
            size += packet.size
        if size >= _PORTION or len(portion) >= _MOST_PACKETS:
            yield portion
            portion, size = [], 0
    yield portion


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


class _Pictures:
    """The picture's packets as they are read back: each segment's run of them must be what was recorded of it."""

    def __init__(self, out: Path, segments: Sequence[Path], recorded: Sequence[str]) -> None:
        self.seen = 0
        self.times: list[int] = []
        """Of the frames in display order, in the track's ticks."""
        self._out = out
        self._segments = iter(segments)
        self._recorded = chain(recorded, repeat(""))
        self._path = Path()
        self._count = 0
        self._run: PacketsDigest | None = None

    def add(self, packet: Packet[Stream]) -> None:
        self.seen += 1
        if self._run is None:
            path = next(self._segments, None)
            if path is None:
                return  # more frames than were joined: their number will say so
            blocks = read_blocks(path)
            self._path, self._count, self._run = path, len(blocks.times), PacketsDigest(blocks.header)
        self._run.add(packet)
        if len(self._run.times) == self._count:
            self._compare(self._run)
            self._run = None

    def _compare(self, run: PacketsDigest) -> None:
        first = len(self.times)
        if run.hexdigest() != (next(self._recorded) or packets_sha256(self._path)):
            last = first + self._count - 1
            raise VerificationError(f"{self._out}: pictures {first}..{last} are not those of {self._path.name}")
        self.times += sorted(run.times)


def _check_video(out: Path, found: _Pictures, tick: Fraction, plan: OutputPlan, *, matroska: bool) -> Fraction:
    """Every frame's time against the timeline; ``tick``: seconds of the output's unit. Returns the largest difference in seconds."""
    timeline, shift = plan.timeline, plan.shift
    if found.seen != len(timeline):
        raise VerificationError(f"{out} has {found.seen} frames, not {len(timeline)}")
    parts = math.lcm(tick.denominator, timeline.time_base.denominator, shift.denominator)
    unit, meant, plus = (int(value * parts) for value in (tick, timeline.time_base, shift))
    errors = [abs(ticks * unit - pts * meant - plus) for ticks, pts in zip(found.times, timeline.pts, strict=True)]
    worst = max(errors)
    if worst > ((_MATROSKA_ROUNDING if matroska else 0) + _TICK / 2) * parts:
        frame = errors.index(worst)
        is_at, should = float(found.times[frame] * tick), float(timeline.pts[frame] * timeline.time_base + shift)
        raise VerificationError(f"{out}: frame {frame} is at {is_at:.6f} s, not {should:.6f} s")
    return Fraction(worst, parts) if matroska else Fraction(0)


def _source_audio(info: MediaInfo, streams: Sequence[StreamInfo], plan: OutputPlan) -> dict[int, _Track]:
    """The source's sound as it should be in the output."""
    if not streams:
        return {}
    repair = plan.repair_times and "mpegts" in info.container
    follow: dict[int, tuple[int, int]] = {}  # last time and duration of each stream
    with open_input(info.path) as container:
        ticks = {s.index: _tick(container.streams[s.index]) for s in streams}
        tracks = {s.index: _Track(ticks[s.index], shift=plan.shift, joined=_is_raw(s)) for s in streams}
        for stream in container.streams:
            if stream.index not in tracks:
                stream.discard = Discard.all
        filters = {s.index: _raw_aac(container.streams[s.index], info) for s in streams}
        for packet in container.demux([container.streams[index] for index in tracks]):
            if not packet.size:
                continue
            index = packet.stream_index
            for piece in _filtered(packet, filters[index]):
                if not piece.size or piece.pts is None:
                    continue
                last, duration = follow.get(index, (piece.pts - 1, 1))
                pts = piece.pts if piece.pts > last or not repair else last + duration
                follow[index] = pts, piece.duration or 0
                if plan.span is None or pts * ticks[index] in plan.span:
                    tracks[index].add(piece, pts)
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
