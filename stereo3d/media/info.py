"""What a source is: the frozen facts that probing finds and every later step reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from io import RawIOBase
from pathlib import Path
from typing import Literal

from stereo3d.frames import PixelFormat

__all__ = ["HdrInfo", "MediaInfo", "Pose", "SourceKind", "StreamInfo", "VideoInfo"]

SourceKind = Literal["film", "picture", "folder"]


@dataclass(frozen=True, slots=True)
class HdrInfo:
    """HDR10 static metadata. ``mastering``: red, green, blue and white x, y (CIE 1931), then minimum and maximum luminance in
    cd/m2 - 10 numbers, or empty. ``max_cll``, ``max_fall``: content light in cd/m2, 0 = unknown."""

    mastering: tuple[Fraction, ...] = ()
    max_cll: int = 0
    max_fall: int = 0


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream beside the film's picture. ``kind``: audio, subtitle, attachment, data, video, cover or timecode (a track
    that holds nothing but the picture's SMPTE timecode, which is also :attr:`VideoInfo.timecode`). ``channels``: of sound."""

    index: int
    kind: str
    codec: str
    language: str = ""
    title: str = ""
    dispositions: tuple[str, ...] = ()
    channels: int = 0

    def __str__(self) -> str:
        named = " ".join(part for part in (self.language, self.title) if part)
        return f"{self.kind} stream {self.index} ({self.codec or 'unknown codec'}{', ' + named if named else ''})"


@dataclass(frozen=True, slots=True)
class Pose:
    """How a coded picture is to be shown: sample aspect ratio, then mirrored left-right, then turned counterclockwise."""

    sar: Fraction
    rotation: int
    hflip: bool


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The film's picture.

    ``width`` x ``height`` are as coded; ``out_width`` x ``out_height`` are what decoding gives: turned upright, square pixels,
    even. ``coded_sar``: what the pictures themselves say of ``sar``, which the container may overrule. ``source_format`` is
    FFmpeg's name of the coded pixel format, ``format`` the one that frames travel in. ``sar`` is the sample aspect ratio.
    ``rotation``: degrees counterclockwise (0, 90, 180, 270) to turn the coded picture upright, after it was mirrored left-right
    where ``hflip``. ``start_pts`` is in ``time_base`` units. ``timecode``: SMPTE timecode of the first frame, or empty.
    ``lost_metadata``: per-frame metadata that is not carried (Dolby Vision, HDR10+, closed captions). ``dolby_vision``: its
    profile and compatibility id. ``interlaced``: it is deinterlaced; ``fields``: to a frame for each field. ``hdr_format``: an
    HDR film that becomes an SDR one is decoded to this, then tone-mapped from ``hdr_peak`` cd/m2 to ``format``; ``hdr_chroma``:
    where its chroma samples are.
    """

    index: int
    codec: str
    width: int
    height: int
    out_width: int
    out_height: int
    source_format: str
    format: PixelFormat
    time_base: Fraction
    sar: Fraction = Fraction(1)
    coded_sar: Fraction | None = None
    rotation: int = 0
    hflip: bool = False
    interlaced: bool = False
    fields: bool = False
    average_rate: Fraction | None = None
    frames_hint: int = 0
    start_pts: int | None = None
    chroma_location: str = ""
    hdr: HdrInfo | None = None
    language: str = ""
    title: str = ""
    timecode: str = ""
    lost_metadata: tuple[str, ...] = ()
    dolby_vision: tuple[int, int] | None = None
    hdr_format: PixelFormat | None = None
    hdr_peak: float = 0.0
    hdr_chroma: str = ""

    @property
    def shown_rate(self) -> Fraction | None:
        """Frames a second after deinterlacing, as far as the file says."""
        return 2 * self.average_rate if self.average_rate is not None and self.fields else self.average_rate

    @property
    def pose(self) -> Pose:
        """Of the first picture, and of all but those of a film that changes it."""
        return Pose(self.sar, self.rotation, self.hflip)

    @property
    def decoded_format(self) -> PixelFormat:
        """The format of decoded frames, before an HDR film becomes an SDR one."""
        return self.hdr_format or self.format

    @property
    def frame_ticks(self) -> int:
        """The usual duration of a frame, in ``time_base`` units, at least 1."""
        rate = self.average_rate or Fraction(25)
        return max(1, round(1 / (rate * self.time_base)))


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A source. ``container`` is FFmpeg's demuxer name. ``duration``: seconds as the container says. ``start``: seconds of the
    earliest stream. ``pictures``: the files of a folder source, in order, or the one picture. ``far``: opens a film's bytes where
    ``path`` is not on this machine."""

    path: Path
    kind: SourceKind
    container: str
    duration: Fraction | None
    video: VideoInfo
    start: Fraction = Fraction(0)
    audio: tuple[StreamInfo, ...] = ()
    others: tuple[StreamInfo, ...] = ()
    pictures: tuple[Path, ...] = ()
    far: Callable[[], RawIOBase] | None = field(default=None, compare=False)
