"""Exactly the wanted frames of a source, as batches of planes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
import numpy as np
import torch
from av.video.plane import VideoPlane

from stereo3d.errors import InputError
from stereo3d.frames import FrameBatch, PixelFormat, Timeline
from stereo3d.media.closing import Closing
from stereo3d.media.device import copy_from_device
from stereo3d.media.geometry import Upright, output_size
from stereo3d.media.info import MediaInfo, VideoInfo
from stereo3d.media.reader import FrameReader, PictureReader, SourceFrame, open_reader
from stereo3d.tone import to_sdr

__all__ = [
    "BatchBuilder",
    "Decoder",
    "Replacement",
    "copy_plane",
    "copy_planes",
    "decode",
    "toned",
    "upright_frames",
]

_log = logging.getLogger(__name__)
_READ_ON_SECONDS = 2  # a gap shorter than this is decoded through instead of sought over


@dataclass(frozen=True, slots=True)
class Replacement:
    """An output frame that could not be decoded and shows its neighbour. ``index``: output frame number."""

    index: int
    pts: int


class BatchBuilder:
    """Collects frames into the planes of one batch."""

    def __init__(self, format: PixelFormat, size: tuple[int, int], batch: int, device: torch.device | None) -> None:
        self._format = format
        self._planes = tuple(
            torch.empty((batch, height, width), dtype=format.dtype, device=device)
            for width, height in (
                format.plane_size(p, *size) for p in range(1 if format.name.startswith("gray") else 3)
            )
        )
        self.count = 0

    def add(self, frame: av.VideoFrame) -> None:
        planes = tuple(plane[self.count] for plane in self._planes)
        if frame.format.name == "cuda":
            copy_from_device(frame, planes)
        else:
            copy_planes(frame, planes)
        self.count += 1

    def done(self, pts: tuple[int, ...], index: int) -> FrameBatch:
        return FrameBatch(tuple(plane[: self.count] for plane in self._planes), pts, index, self._format)


def copy_planes(frame: av.VideoFrame, planes: tuple[torch.Tensor, ...]) -> None:
    """Copy a frame's planes ([h, w] each) and repeat the last column and row where the target is larger."""
    for source, target in zip(frame.planes, planes, strict=True):
        copy_plane(source, target)


def copy_plane(source: VideoPlane, target: torch.Tensor) -> None:
    """Copy one plane to ``target`` [h, w], as :func:`copy_planes`."""
    array = np.frombuffer(source, np.uint8 if target.dtype == torch.uint8 else np.uint16)  # type: ignore[call-overload]
    rows = array.reshape(source.height, -1)[:, : source.width]
    if target.device.type != "cpu":  # a decoder that fell back, in the middle of a batch
        target.copy_(torch.from_numpy(rows[: target.shape[0], : target.shape[1]].copy()))
        return
    into = target.numpy()
    height, width = min(source.height, into.shape[0]), min(source.width, into.shape[1])
    into[:height, :width] = rows[:height, :width]
    into[:height, width:] = into[:height, width - 1 : width]
    into[height:] = into[height - 1 : height]


class Decoder(Closing):
    """Gives runs of frames of one source. Runs that follow one another are read without seeking.

    ``timeline``: times of the output frames, a subset of the source's. ``height``: scale to that many rows. ``seekable``: what
    the scan found; where False the source is only read forwards, from its beginning or from where the last run ended.
    ``on_replaced`` hears of every frame that could not be decoded. ``device``: where tone-mapping is done, if any. ``direct``:
    NVDEC decodes, and the frames stay on the device (:func:`stereo3d.media.device.nvdec_refusal` is empty); where it gives no
    frame software goes on, and ``fell_back`` says why. For one thread at a time; any number of instances.
    """

    def __init__(
        self,
        info: MediaInfo,
        timeline: Timeline,
        *,
        height: int | None = None,
        seekable: bool = True,
        threads: int = 0,
        on_replaced: Callable[[Replacement], None] | None = None,
        device: torch.device | None = None,
        direct: bool = False,
    ) -> None:
        self._info = info
        self._device = device
        self._direct = direct
        self.fell_back = ""
        self._timeline = timeline
        self._height = height
        self._size = output_size(info.video, height)
        self._seekable = seekable
        self._threads = threads
        self._on_replaced = on_replaced
        self._reader: FrameReader | PictureReader | None = None
        self._frames: Iterator[av.VideoFrame] | None = None
        self._ahead: av.VideoFrame | None = None
        self._position: int | None = None
        self.replaced: list[Replacement] = []

    def close(self) -> None:
        """Release the decoder and the file."""
        self._frames = self._ahead = self._position = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def batches(self, start: int, end: int, *, batch: int) -> Iterator[FrameBatch]:
        """Output frames [start, end), ``batch`` at a time (the last batch may be shorter).

        Raises InputError where not one frame of the run can be decoded.
        """
        if not 0 <= start <= end <= len(self._timeline) or batch < 1:
            raise ValueError(f"frames [{start}, {end}) by {batch} of {len(self._timeline)}")
        frames = self._run(start, end)
        for first in range(start, end, batch):
            last = min(first + batch, end)
            device = self._device if self._direct else None
            builder = BatchBuilder(self._info.video.decoded_format, self._size, last - first, device)
            for _ in range(first, last):
                builder.add(next(frames))
            yield toned(builder.done(self._timeline.pts[first:last], first), self._info.video, self._device)

    def _run(self, start: int, end: int) -> Iterator[av.VideoFrame]:
        """One frame for each output frame number of the run, a neighbour where it is missing."""
        if start == end:
            return
        self._go_to(self._timeline.pts[start])
        shown: av.VideoFrame | None = None
        for index in range(start, end):
            pts = self._timeline.pts[index]
            frame = self._take(pts)
            if self._direct and (frame is None or (frame.width, frame.height) != self._size):
                # A picture that is cropped at its left or top comes whole from there.
                what = "no frame" if frame is None else f"a frame of {frame.width}x{frame.height}"
                self._fall_back(f"it gave {what} at {float(pts * self._timeline.time_base):.3f} s")
                self._go_to(pts)
                frame = self._take(pts)
            if frame is None:
                self._replace(index)
                frame = shown or self._ahead  # at the beginning of a run the next frame stands in
            if frame is None:
                raise InputError(
                    f"{self._info.path}: no frame can be decoded at or after {float(pts * self._timeline.time_base):.3f} s",
                    hint="has the file changed since it was scanned?",
                )
            shown = frame
            yield frame

    def _replace(self, index: int) -> None:
        replacement = Replacement(index, self._timeline.pts[index])
        self.replaced.append(replacement)
        if self._on_replaced is not None:
            self._on_replaced(replacement)

    def _take(self, pts: int) -> av.VideoFrame | None:
        """The frame of exactly this time, or None; a frame that is later stays ahead."""
        while True:
            frame = self._ahead or (next(self._frames, None) if self._frames is not None else None)
            self._ahead = frame
            if frame is None or (frame.pts is not None and frame.pts > pts):
                return None
            self._ahead = None
            self._position = frame.pts
            if frame.pts == pts:
                return frame

    def _go_to(self, pts: int) -> None:
        """Make the frame of this time the next one, if it can be had at all."""
        if self._frames is not None and self._position is not None:
            gap = (pts - self._position) * self._timeline.time_base
            if gap > 0 and (gap < _READ_ON_SECONDS or not self._seekable):
                return
        if self._seekable:
            reader = self._open()
            video = self._info.video
            # Deinterlacing looks one frame back, from a second field, too.
            goal = pts - video.frame_ticks if video.fields else pts
            sought = reader.seek(goal, strictly_before=video.interlaced)
            if sought is not None:
                self._start(sought)
                if self._skip_to(pts):
                    return
        self.close()
        self._start(self._open().frames())
        self._skip_to(pts)

    def _skip_to(self, pts: int) -> bool:
        """Drop frames before ``pts``; True if the next one is exactly it."""
        found = self._take(pts)
        self._ahead = found if found is not None else self._ahead
        return found is not None

    def _fall_back(self, reason: str) -> None:
        self._direct, self.fell_back = False, reason
        _log.warning("%s: NVDEC is left, software decodes on: %s", self._info.path, reason)
        self.close()

    def _open(self) -> FrameReader | PictureReader:
        if self._reader is None:
            direct = self._device if self._direct else None
            try:
                self._reader = open_reader(self._info, threads=self._threads, direct=direct)
            except InputError as error:
                if direct is None:
                    raise
                self._fall_back(error.message)
                self._reader = open_reader(self._info, threads=self._threads)
        return self._reader

    def _start(self, frames: Iterator[SourceFrame]) -> None:
        self._ahead = None
        self._position = None
        # Frames on a device are upright, or they would not be there; filters know the host's only.
        self._frames = upright_frames(frames, None if self._direct else Upright(self._info.video, self._height))


def toned(batch: FrameBatch, video: VideoInfo, device: torch.device | None) -> FrameBatch:
    """Decoded frames as they travel: those of an HDR film that becomes an SDR one are tone-mapped, on ``device`` if given."""
    if video.hdr_format is None:
        return batch
    batch = batch if device is None else batch.to(device)
    return to_sdr(batch, video.hdr_peak, video.hdr_chroma)


def upright_frames(frames: Iterator[SourceFrame], upright: Upright | None) -> Iterator[av.VideoFrame]:
    """Frames as decoding gives them, ``pts`` being their exact time; None: they are upright."""
    for source in frames:
        source.frame.pts = source.pts
        if upright is None:
            yield source.frame
        else:
            yield from upright.push(source.frame)
    if upright is not None:
        yield from upright.finish()


def decode(
    info: MediaInfo,
    timeline: Timeline,
    start: int,
    end: int,
    *,
    batch: int,
    height: int | None = None,
    seekable: bool = True,
    threads: int = 0,
    on_replaced: Callable[[Replacement], None] | None = None,
) -> Iterator[FrameBatch]:
    """Output frames [start, end) of a source, once; see :class:`Decoder`. Closing the generator releases the file."""
    with Decoder(info, timeline, height=height, seekable=seekable, threads=threads, on_replaced=on_replaced) as decoder:
        yield from decoder.batches(start, end, batch=batch)
