"""What a file or folder is, as a source: one look at headers and the first frames."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from io import RawIOBase
from itertools import islice
from pathlib import Path

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from stereo3d.errors import InputError
from stereo3d.frames import Colour
from stereo3d.media.formats import carried_format
from stereo3d.media.geometry import upright_size
from stereo3d.media.info import HdrInfo, MediaInfo, SourceKind, StreamInfo, VideoInfo
from stereo3d.media.pictures import is_picture, numbered_pictures
from stereo3d.media.sidedata import hdr10, lost_metadata, turn
from stereo3d.media.tools import listing

__all__ = ["HdrInfo", "MediaInfo", "StreamInfo", "VideoInfo", "open_input", "probe", "readable_packets"]

_log = logging.getLogger(__name__)
_FIRST_FRAMES = 8
_FILM_HINT = "name a film (MKV, MP4, TS, AVI, ...), a picture, or a folder of numbered pictures"


def probe(path: str | Path, *, rate: Fraction | int = 24) -> MediaInfo:
    """Look at a source. ``rate``: frames per second of a folder of pictures.

    Raises InputError where it is missing, empty, not a film, or has no picture that can be decoded.
    """
    path = Path(path)
    try:
        return _probe(path, rate)
    except PermissionError as error:  # of the file, of a folder above it, or of one with pictures
        raise InputError(f"cannot read {path}: {error.strerror}", hint="see who may read it") from error


def _probe(path: Path, rate: Fraction | int) -> MediaInfo:
    if path.is_dir():
        pictures = numbered_pictures(path)
        return _as_pictures(path, pictures, Fraction(rate), _probe_file(pictures[0], still=True))
    if not path.exists():
        raise InputError(f"{path} does not exist", hint=_FILM_HINT)
    if not path.is_file():
        raise InputError(
            f"{path} is a pipe or a device, not a file", hint="a film is read more than once: save it first"
        )
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes)", hint="copy or download it again")
    if is_picture(path):
        return _as_pictures(path, (path,), Fraction(rate), _probe_file(path, still=True))
    return _probe_file(path, still=False)


def open_input(
    path: Path, hwaccel: HWAccel | None = None, far: Callable[[], RawIOBase] | None = None
) -> InputContainer:
    """Open a media file for reading. ``far``: see :class:`MediaInfo`. Raises InputError."""
    try:
        # A transport stream that begins anew would else be taken for a counter that wrapped around, 26 hours later.
        options = {"correct_ts_overflow": "0"}
        file = f"file:{path}" if far is None else far()
        return av.open(file, "r", metadata_errors="replace", options=options, hwaccel=hwaccel)
    except (av.FFmpegError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read as a film: {_reason(error)}", hint=_open_hint(path)) from error


def readable_packets(container: InputContainer, streams: Sequence[Stream] | None = None) -> Iterator[Packet[Stream]]:
    """The packets of some streams (None: of all), as far as the file can be read."""
    try:
        yield from container.demux(streams) if streams is not None else container.demux()
    except av.FFmpegError as error:
        _log.debug("%s ends early: %s", container.name, error)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _open_hint(path: Path) -> str:
    if not path.exists():
        return _FILM_HINT
    with path.open("rb") as file:
        head = file.read(4096)
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"free"):
        return (
            "an MP4 without its index (moov) was cut off while recording or copying; copy it again or repair it first"
        )
    if head and b"\0" not in head:
        return f"this looks like text; {_FILM_HINT}"
    return _FILM_HINT


def _as_pictures(path: Path, pictures: tuple[Path, ...], rate: Fraction, first: MediaInfo) -> MediaInfo:
    video = replace(
        first.video, time_base=1 / rate, average_rate=rate, start_pts=0, frames_hint=len(pictures), interlaced=False
    )
    kind: SourceKind = "folder" if path.is_dir() else "picture"
    return MediaInfo(path, kind, first.container, len(pictures) / rate, video, pictures=pictures)


def _probe_file(path: Path, *, still: bool) -> MediaInfo:
    with open_input(path) as container:
        stream = _film_stream(container, path)
        others = [_stream_info(s) for s in container.streams if s.index != stream.index]
        frames = _first_frames(container, stream, path)
        video = _video_info(stream, frames, still=still)
        duration, start, name = container.duration, container.start_time, container.format.name
    if not still and video.format.chroma_y:
        said = listing(path, video.index)
        video = replace(video, chroma_location=said.chroma_location, dolby_vision=said.dolby_vision)
        if said.dolby_vision is not None and "Dolby Vision" not in video.lost_metadata:
            video = replace(video, lost_metadata=("Dolby Vision", *video.lost_metadata))
    return MediaInfo(
        path,
        "film",
        name,
        Fraction(duration, av.time_base) if duration is not None else None,
        video,
        Fraction(start or 0, av.time_base),
        tuple(s for s in others if s.kind == "audio"),
        tuple(s for s in others if s.kind != "audio"),
    )


def _film_stream(container: InputContainer, path: Path) -> av.VideoStream:
    """The first video stream that is marked default, else the first; cover art is none."""
    videos = [s for s in container.streams.video if not _is_cover(s)]
    if not videos:
        what = "only cover art" if container.streams.video else "no picture"
        sound = " (it has sound)" if container.streams.audio else ""
        raise InputError(f"{path} has {what}{sound}", hint=_FILM_HINT)
    stream = next((s for s in videos if s.disposition & av.stream.Disposition.default), videos[0])
    if stream.codec_context is None:
        raise InputError(f"{path}: no decoder for its picture", hint="convert it with another tool first")
    return stream


def _is_cover(stream: av.stream.Stream) -> bool:
    return bool(stream.disposition & (av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails))


def _stream_info(stream: av.stream.Stream) -> StreamInfo:
    kind: str = "cover" if stream.type == "video" and _is_cover(stream) else stream.type
    if kind == "data" and "timecode" in stream.metadata:
        kind = "timecode"
    context = stream.codec_context
    return StreamInfo(
        stream.index,
        kind,
        context.codec.canonical_name if context is not None else "",
        stream.metadata.get("language", ""),
        stream.metadata.get("title", "") or stream.metadata.get("filename", ""),
        tuple(d.name or "" for d in stream.disposition),
        context.channels if isinstance(context, av.AudioCodecContext) else 0,
    )


def _first_frames(container: InputContainer, stream: av.VideoStream, path: Path) -> list[av.VideoFrame]:
    """The first few frames; a damaged beginning is skipped."""
    stream.thread_type = "SLICE"
    frames: list[av.VideoFrame] = []
    for packet in islice(readable_packets(container, [stream]), 2000):
        try:
            frames += (frame for frame in packet.decode() if isinstance(frame, av.VideoFrame))
        except av.FFmpegError:
            continue
        if len(frames) >= _FIRST_FRAMES:
            break
    if not frames:
        raise InputError(f"{path}: none of its frames can be decoded ({stream.codec_context.name})", hint=_FILM_HINT)
    return frames


def _video_info(stream: av.VideoStream, frames: list[av.VideoFrame], *, still: bool) -> VideoInfo:
    first = frames[0]
    colour = Colour(first.color_primaries, first.color_trc, first.colorspace, first.color_range == 2)
    rotation, hflip = turn(first)
    sar = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    if still or sar <= 0:
        sar = Fraction(1)  # the densities in picture files say nothing about the shape of their pixels
    out_width, out_height = upright_size(first.width, first.height, sar, rotation)
    rate = stream.average_rate or stream.guessed_rate
    return VideoInfo(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        width=first.width,
        height=first.height,
        out_width=out_width,
        out_height=out_height,
        source_format=first.format.name,
        format=carried_format(first.format.name, colour, height=first.height, still=still),
        time_base=stream.time_base or Fraction(1, 1000),
        sar=sar,
        coded_sar=stream.codec_context.sample_aspect_ratio,
        rotation=rotation,
        hflip=hflip,
        interlaced=not still and 2 * sum(f.interlaced_frame for f in frames) > len(frames),
        average_rate=rate if rate and rate > 0 else None,
        frames_hint=stream.frames,
        start_pts=stream.start_time,
        hdr=hdr10(first),
        language=stream.metadata.get("language", ""),
        title=stream.metadata.get("title", ""),
        timecode=stream.metadata.get("timecode", ""),
        lost_metadata=lost_metadata(frames),
    )
