"""One segment file: pictures in, a Matroska file out that exists under its name only when it is whole."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import torch
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from stereo3d.errors import EncodeError
from stereo3d.files import sync_folder
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.media.device import DeviceFrames
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.sei import with_frame_packing, with_units
from stereo3d.media.still import convert

__all__ = ["SegmentResult", "SegmentWriter"]

_MAX_REORDER = 32  # no encoder here delays a frame by more than this


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """A finished segment: its packets (one a frame) and bytes, ``payload`` of them in packets."""

    packets: int
    bytes: int
    payload: int


class SegmentWriter:
    """Encodes one segment. As a context manager it aborts on an exception and closes otherwise.

    The file is written under a ``.part`` name and renamed after fsync. Frames are encoded with their own times; the container
    counts milliseconds from the segment's first frame, no two frames alike (joining puts the exact times back by rank).
    Batches may be on any device; one that was given must not be written to any more.
    """

    def __init__(
        self,
        path: Path,
        spec: EncoderSpec,
        format: PixelFormat,
        width: int,
        height: int,
        *,
        time_base: Fraction,
        rate: Fraction,
        device: torch.device | None = None,
    ) -> None:
        """``device``: a CUDA device whose NVENC takes the frames where they lie; else they are copied to the host."""
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._spec = spec
        self._format = format
        self._time_base, self._milliseconds = time_base, 1000 * time_base
        self._converter = VideoReformatter()
        self._direct = DeviceFrames(device) if device is not None and device.type == "cuda" else None
        self._ticks: dict[int, int] = {}
        self._order: list[int] = []
        self._first_pts = self._last_pts = 0
        self._packets = self._bytes = 0
        self._container: OutputContainer | None = None
        try:
            self._container = av.open(
                f"file:{self._part}", "w", format="matroska", options={"avoid_negative_ts": "disabled"}
            )
            self._stream = self._add_stream(self._container, width, height, rate)
            if self._direct is None:  # else the first frame brings what the encoder is opened with
                self._stream.codec_context.open()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.abort()
            raise self._error(error) from error

    def _add_stream(self, container: OutputContainer, width: int, height: int, rate: Fraction) -> av.VideoStream:
        spec = self._spec
        if spec.encoder == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only; it prints to stderr past FFmpeg's log
        stream = container.add_stream(spec.encoder, rate=rate.limit_denominator(1001), options=dict(spec.options))
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "cuda" if self._direct else spec.pix_fmt
        context.time_base = self._time_base
        context.thread_type = "AUTO"
        context.thread_count = spec.threads
        colour = spec.colour
        context.colorspace, context.color_primaries, context.color_trc = (
            colour.matrix,
            colour.primaries,
            colour.transfer,
        )
        context.color_range = 2 if colour.full_range else 1
        return stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()
        elif self._container is not None:
            self.close()

    def write(self, batch: FrameBatch) -> None:
        """Encode the next frames, with their own times, which must increase. Raises EncodeError."""
        if self._container is None:
            raise ValueError("the segment is closed")
        planes = [plane if self._direct else plane.cpu() for plane in batch.planes]
        try:
            for number, pts in enumerate(batch.pts):
                self._count(pts)
                self._encode(self._wrap([plane[number] for plane in planes]), pts)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._error(error) from error

    def write_frame(self, frame: av.VideoFrame, pts: int) -> None:
        """Encode the next picture as it was decoded from a segment of the same pictures. Raises EncodeError."""
        if self._container is None:
            raise ValueError("the segment is closed")
        try:
            self._count(pts)
            if frame.format.name != self._spec.pix_fmt:
                frame = convert(self._converter, frame, self._spec.pix_fmt, self._spec.colour)
            frame.pict_type = PictureType.NONE  # the encoder chooses anew which pictures stand alone
            self._encode(frame, pts)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._error(error) from error

    def _encode(self, frame: av.VideoFrame, pts: int) -> None:
        frame.pts, frame.time_base = pts, self._time_base
        self._mux(self._stream.encode(frame))

    def _count(self, pts: int) -> None:
        """Choose the container's time (ms) of a frame: its own, but later than the one before."""
        if self._order and pts <= self._last_pts:
            raise ValueError(f"frame times must increase: {pts} after {self._last_pts}")
        if not self._order:
            self._first_pts = pts
        own = round((pts - self._first_pts) * self._milliseconds)
        tick = max(own, self._order[-1] + 1) if self._order else 0
        self._ticks[pts] = tick
        self._order.append(tick)
        self._last_pts = pts

    def _wrap(self, planes: list[torch.Tensor]) -> av.VideoFrame:
        """The planes as a frame, without a copy where the encoder takes this format."""
        colour = self._format.colour
        if self._direct is not None:
            return self._tagged(self._direct.frame(planes), colour)
        if self._spec.pix_fmt != self._format.name and len(planes) == 1:
            neutral = 1 << (self._format.bits - 1)
            half = torch.full((planes[0].shape[0] // 2, planes[0].shape[1] // 2), neutral, dtype=planes[0].dtype)
            planes = [planes[0], half, half]
            frame = av.VideoFrame.from_dlpack(tuple(planes), format=self._spec.pix_fmt)
        else:
            frame = av.VideoFrame.from_dlpack(tuple(planes), format=self._format.name)
        frame = self._tagged(frame, colour)
        if frame.format.name != self._spec.pix_fmt:
            frame = convert(self._converter, frame, self._spec.pix_fmt, self._spec.colour)
        return frame

    @staticmethod
    def _tagged(frame: av.VideoFrame, colour: Colour) -> av.VideoFrame:
        frame.colorspace, frame.color_primaries, frame.color_trc = colour.matrix, colour.primaries, colour.transfer
        frame.color_range = 2 if colour.full_range else 1
        return frame

    def _mux(self, packets: list[Packet[av.VideoStream]]) -> None:
        assert self._container is not None
        for packet in packets:
            assert packet.pts is not None
            delayed = self._packets - _MAX_REORDER
            packet.pts = self._ticks.pop(packet.pts)
            packet.dts = self._order[delayed] if delayed >= 0 else delayed
            packet.duration = 0
            packet.time_base = Fraction(1, 1000)
            if packet.is_keyframe and (self._spec.is_hardware or self._spec.frame_packing or self._spec.units):
                packet = self._with_more(packet)
            self._packets += 1
            self._bytes += packet.size
            self._container.mux_one(packet)

    def _with_more(self, packet: Packet[av.VideoStream]) -> Packet[av.VideoStream]:
        """A keyframe that says what the encoder could not be told to say, and has the headers that a hardware encoder gives only once:
        whatever another encoder wrote before it, it can be decoded."""
        data = bytes(packet)
        if self._spec.units:
            data = with_units(data, self._spec.codec, bytes.fromhex(self._spec.units))
        if self._spec.frame_packing:
            data = with_frame_packing(data, self._spec.codec, self._spec.frame_packing)
        if self._spec.is_hardware:
            data = (self._stream.codec_context.extradata or b"") + data
        said = cast("Packet[av.VideoStream]", Packet(data))
        said.pts, said.dts, said.duration, said.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
        said.is_keyframe, said.stream = True, self._stream
        return said

    def close(self) -> SegmentResult:
        """Finish the file, check that all of it arrived, and give it its name. Raises EncodeError."""
        if self._container is None:
            raise ValueError("the segment is closed")
        try:
            self._mux(self._stream.encode(None))
            self._container.close()
            self._container = None
            with self._part.open("rb+") as file:
                os.fsync(file.fileno())
                size = file.seek(0, os.SEEK_END)
            if self._packets != len(self._order):
                raise OSError(f"{len(self._order)} frames went in, {self._packets} packets came out")
            if size < self._bytes:  # a full disk may show only here: errors of the last flush are not passed on
                raise OSError(f"only {size} of at least {self._bytes} bytes were written; the disk may be full")
            self._part.replace(self.path)
            sync_folder(self.path.parent)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise self._error(error) from error
        return SegmentResult(self._packets, size, self._bytes)

    def abort(self) -> None:
        """Stop and remove what was written. Harmless after :meth:`close`."""
        container, self._container = self._container, None
        if container is not None:
            with suppress(av.FFmpegError, OSError):  # the file goes anyway
                container.close()
        self._part.unlink(missing_ok=True)

    def _error(self, error: Exception) -> EncodeError:
        reason = getattr(error, "strerror", None) or str(error)
        log = getattr(error, "log", None)
        detail = f" ({log[2].strip()})" if log else ""
        return EncodeError(
            f"{self._spec.encoder} failed on {self.path.name}: {reason}{detail}",
            hint="check the free space of the disk, and the encoder options",
        )
