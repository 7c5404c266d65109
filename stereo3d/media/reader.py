"""Frames of a source in display order with exact times, surviving damage: the one place that drives a decoder."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import torch
from av.packet import Packet
from av.stream import Stream

from stereo3d.media.closing import Closing
from stereo3d.media.device import nvdec
from stereo3d.media.info import MediaInfo, VideoInfo
from stereo3d.media.pictures import is_picture
from stereo3d.media.poses import Poses
from stereo3d.media.probe import open_input

__all__ = ["Clock", "FrameReader", "SourceFrame", "open_reader"]

_log = logging.getLogger(__name__)
_MAX_READ_ERRORS = 64
_SOUND_GAP_SECONDS = Fraction(1, 10)
_SEEK_BACK_SECONDS = (0, 1, 3, 12)


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A decoded frame. ``pts``: exact time in the source's time base, strictly increasing. ``regular``: False where the raw
    timestamp had to be replaced. ``duration``: how long it is shown as far as the file says, else the usual time."""

    frame: av.VideoFrame
    pts: int
    duration: int
    regular: bool


class Clock:
    """The time of each frame in display order: its pts if that is later than the last, else its dts if that is, else the last
    plus a duration. AVI stores decoding times only, so there dts goes first. Streams without any time get it from the rate."""

    def __init__(self, video: VideoInfo, container: str) -> None:
        self._dts_first = container == "avi"
        self._ticks = video.frame_ticks
        self._exact_ticks = 1 / ((video.average_rate or Fraction(25)) * video.time_base)
        self._last: int | None = None
        self._last_duration = self._ticks
        self._untimed: list[av.VideoFrame] = []

    def stamp(self, frame: av.VideoFrame) -> list[SourceFrame]:
        """Frames whose time is known now. Frames before the first timestamp wait for it and are placed before it."""
        choices = (frame.dts, frame.pts) if self._dts_first else (frame.pts, frame.dts)
        known = [t for t in choices if t is not None]
        if self._last is None and not known:
            self._untimed.append(frame)
            return []
        if self._last is None:
            count = len(self._untimed)
            early = [
                self._put(f, known[0] - round((count - i) * self._exact_ticks), regular=False)
                for i, f in enumerate(self._untimed)
            ]
            self._untimed.clear()
            return [*early, self._put(frame, max(known[0], early[-1].pts + 1) if early else known[0], regular=True)]
        last = self._last
        pts = next((t for t in known if t > last), last + self._last_duration)
        return [self._put(frame, pts, regular=bool(known) and pts == known[0])]

    def finish(self) -> list[SourceFrame]:
        """Frames of a stream that told no time so far: they start at 0 and follow the rate."""
        untimed, self._untimed = self._untimed, []
        return [self._put(f, round(i * self._exact_ticks), regular=False) for i, f in enumerate(untimed)]

    @property
    def waiting(self) -> int:
        """Frames that still wait for a first timestamp."""
        return len(self._untimed)

    def _put(self, frame: av.VideoFrame, pts: int, *, regular: bool) -> SourceFrame:
        duration = frame.duration if frame.duration and frame.duration >= self._ticks // 2 else self._ticks
        self._last, self._last_duration = pts, duration
        return SourceFrame(frame, pts, duration, regular)


class FrameReader(Closing):
    """Reads one film. Use it as a context manager, from one thread at a time."""

    # A stream without any timestamp is recognised by its first frames, so that not all of it is held in memory.
    _UNTIMED_LIMIT = 48

    def __init__(self, info: MediaInfo, *, threads: int = 0, direct: torch.device | None = None) -> None:
        """``direct``: the CUDA device whose NVDEC decodes; frames stay there. Raises InputError where it does not open."""
        self._info = info
        self._container = open_input(info.path, None if direct is None else nvdec(direct), info.far)
        self._stream = self._container.streams[info.video.index]
        assert isinstance(self._stream, av.VideoStream)
        self._stream.thread_type = "AUTO"
        # A frame in each thread would want more surfaces than NVDEC has, and it decodes no faster.
        self._stream.codec_context.thread_count = threads if direct is None else 1
        for stream in self._container.streams:
            if stream.type not in ("video", "audio"):
                stream.discard = av.stream.Discard.all
        self.corrupt_packets = 0
        self.end_seconds = Fraction(0)
        self.sound_gaps: list[tuple[Fraction, Fraction]] = []
        self._sound_ends: dict[int, Fraction] = {}

    def close(self) -> None:
        """Release the decoder and the file."""
        self._container.close()

    def seek(self, pts: int, *, strictly_before: bool = False) -> Iterator[SourceFrame] | None:
        """Frames from a keyframe at or before ``pts`` on, or None where no such keyframe is found by its time.

        ``strictly_before``: the keyframe comes before ``pts`` (deinterlacing looks one frame back).
        """
        video = self._info.video
        limit = pts - 1 if strictly_before else pts
        mpegts = "mpegts" in self._info.container
        for back in _SEEK_BACK_SECONDS[2 if mpegts else 0 :]:
            goal = limit - round(back / video.time_base)
            if (
                not mpegts
            ):  # there a goal before the beginning fails; a transport stream needs it to find its first keyframe
                goal = max(goal, min(limit, video.start_pts or 0))
            try:
                self._container.seek(goal, stream=self._stream)
            except av.FFmpegError:
                continue
            packets = self._packets()
            for packet in packets:
                time = packet.pts if packet.pts is not None else packet.dts
                if packet.is_keyframe and time is not None:
                    if time <= limit:
                        return self._frames(_chain(packet, packets))
                    break
        return None

    def frames(self, *, watch_all: bool = False) -> Iterator[SourceFrame]:
        """All frames from the beginning; once, on a fresh reader. ``watch_all``: note where the sound ends, too."""
        return self._frames(self._packets(watch_all=watch_all))

    def _packets(self, *, watch_all: bool = False) -> Iterator[Packet[Stream]]:
        """Packets of the picture, the last one empty (it flushes the decoder); read errors are counted and passed over."""
        streams = [self._stream, *self._container.streams.audio] if watch_all else [self._stream]
        errors = 0
        while True:
            try:
                for packet in self._container.demux(streams):
                    if packet.pts is not None:
                        self._note_end(packet)
                    if packet.stream is self._stream:  # the flushing packet has no index of its own
                        yield packet
                return
            except av.error.EOFError:
                return
            except av.FFmpegError as error:
                errors += 1
                self.corrupt_packets += 1
                _log.debug("read error in %s: %s", self._info.path, error)
                if errors >= _MAX_READ_ERRORS:
                    return

    def _note_end(self, packet: Packet[Stream]) -> None:
        if packet.pts is None or not packet.time_base:
            return
        start, end = packet.pts * packet.time_base, (packet.pts + (packet.duration or 0)) * packet.time_base
        self.end_seconds = max(self.end_seconds, end)
        if packet.stream is not self._stream and packet.duration:
            before = self._sound_ends.get(packet.stream_index, start)
            if start - before > _SOUND_GAP_SECONDS:
                self.sound_gaps.append((before, start))
            self._sound_ends[packet.stream_index] = end

    def _frames(self, packets: Iterator[Packet[Stream]]) -> Iterator[SourceFrame]:
        clock = Clock(self._info.video, self._info.container)
        context = self._stream.codec_context
        assert isinstance(context, av.VideoCodecContext)
        poses = Poses(self._info.video, context)
        for packet in packets:
            if packet.is_corrupt:
                self.corrupt_packets += 1
            try:
                decoded = packet.decode()
            except av.error.EOFError:
                continue
            except av.FFmpegError as error:
                self.corrupt_packets += 0 if packet.is_corrupt else 1
                _log.debug("undecodable packet in %s at %s: %s", self._info.path, packet.pts, error)
                continue
            for frame in decoded:
                assert isinstance(frame, av.VideoFrame)
                frame.opaque = poses.of(frame)
                yield from clock.stamp(frame)
                if clock.waiting > self._UNTIMED_LIMIT:
                    yield from clock.finish()
        yield from clock.finish()


def _chain(first: Packet[Stream], rest: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
    yield first
    yield from rest


class PictureReader(Closing):
    """Reads a picture, or a folder of pictures, as a film: picture n has pts n."""

    def __init__(self, info: MediaInfo) -> None:
        self._info = info
        self.corrupt_packets = 0
        self.end_seconds = Fraction(len(info.pictures)) * info.video.time_base
        self.sound_gaps: list[tuple[Fraction, Fraction]] = []

    def close(self) -> None:
        """Nothing stays open between pictures."""

    def seek(self, pts: int, *, strictly_before: bool = False) -> Iterator[SourceFrame] | None:
        """Pictures from number ``pts`` on."""
        return self._from(max(0, pts))

    def frames(self, *, watch_all: bool = False) -> Iterator[SourceFrame]:
        """All pictures."""
        return self._from(0)

    def _from(self, start: int) -> Iterator[SourceFrame]:
        for number, path in enumerate(self._info.pictures[start:], start):
            try:
                with av.open(f"file:{path}") as container:
                    frame = next(container.decode(container.streams.video[0]), None)
            except (av.FFmpegError, OSError, ValueError, IndexError) as error:
                _log.debug("picture %s cannot be decoded: %s", path, error)
                frame = None
            if frame is None:
                self.corrupt_packets += 1
                continue
            frame.pts, frame.time_base = number, self._info.video.time_base
            yield SourceFrame(frame, number, 1, True)


def open_reader(
    info: MediaInfo, *, threads: int = 0, direct: torch.device | None = None
) -> FrameReader | PictureReader:
    """The reader for a source. ``threads``: of the decoder, 0 = as many as it likes. Raises InputError."""
    if info.kind == "film" or not all(is_picture(p) for p in info.pictures):
        return FrameReader(info, threads=threads, direct=direct)
    return PictureReader(info)
