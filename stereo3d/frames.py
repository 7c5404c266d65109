"""What travels between the stages: batches of frames as the planes the decoder gave, and their times.

The stages (media, depth, render) do not know one another; they all know this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch

from stereo3d.transfer import to_device, to_host

__all__ = ["RATE_FRAMES", "Colour", "FrameBatch", "PixelFormat", "Shot", "Timeline"]

RATE_FRAMES = 1500
"""A film's rate is that of its first minute: so it is known while the film is still scanned."""


@dataclass(frozen=True, slots=True)
class Colour:
    """How code values mean light: ITU-T H.273 code points, as FFmpeg numbers them (2 = unspecified).

    ``matrix`` 0 is RGB (planes in the order G, B, R). ``full_range`` False is the studio range, 16..235 in 8 bit.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """A planar layout without alpha.

    ``name`` is FFmpeg's (``yuv420p``, ``yuv422p10le``, ``gray``, ``gbrp``). ``bits`` are the significant low bits of a
    sample (8: uint8 planes, 9..16: uint16 planes). ``chroma_x`` and ``chroma_y`` are log2 of the chroma subsampling
    (4:2:0 is 1, 1). A single-plane format is grey.
    """

    name: str
    bits: int
    chroma_x: int
    chroma_y: int
    colour: Colour

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8 if self.bits == 8 else torch.uint16

    @property
    def is_rgb(self) -> bool:
        return self.name.startswith("gbr")

    def plane_size(self, plane: int, width: int, height: int) -> tuple[int, int]:
        """(width, height) of a plane; chroma rounds up, as FFmpeg does."""
        if plane == 0 or self.is_rgb:
            return width, height
        return -(-width >> self.chroma_x), -(-height >> self.chroma_y)


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """N consecutive frames.

    ``planes``: one tensor a plane, [N, h, w], uint8 or uint16 by ``format.bits``, contiguous, on one device; plane 0 has
    the frame's size. ``pts``: N timestamps in units of the source's time base. ``index``: the output frame number of the
    first frame (frames of a batch are consecutive).
    """

    planes: tuple[torch.Tensor, ...]
    pts: tuple[int, ...]
    index: int
    format: PixelFormat

    def __post_init__(self) -> None:
        count = len(self.pts)
        for number, plane in enumerate(self.planes):
            if plane.ndim != 3 or plane.shape[0] != count or plane.dtype != self.format.dtype:
                raise ValueError(
                    f"plane {number} of {self.format.name} is {plane.dtype} {tuple(plane.shape)}, "
                    f"expected {self.format.dtype} [{count}, h, w]"
                )
            size = self.format.plane_size(number, self.width, self.height)
            if (plane.shape[2], plane.shape[1]) != size:
                raise ValueError(
                    f"plane {number} of {self.format.name} is {tuple(plane.shape[1:])}, expected {size[::-1]}"
                )

    def __len__(self) -> int:
        return len(self.pts)

    def cut(self, start: int, end: int) -> FrameBatch:
        """Frames [start, end) of this batch, as views."""
        planes = tuple(plane[start:end] for plane in self.planes)
        return FrameBatch(planes, self.pts[start:end], self.index + start, self.format)

    def to(self, device: torch.device) -> FrameBatch:
        """The same frames on a device (the same planes if they are there already); see :mod:`stereo3d.transfer`."""
        if device.type == "cpu":
            planes = to_host(*self.planes)
        else:
            planes = tuple(to_device(plane, device) for plane in self.planes)
        return FrameBatch(planes, self.pts, self.index, self.format)

    @property
    def width(self) -> int:
        return int(self.planes[0].shape[2])

    @property
    def height(self) -> int:
        return int(self.planes[0].shape[1])


@dataclass(frozen=True, slots=True)
class Shot:
    """One continuous take: the half-open range [start, end) of output frame numbers."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Timeline:
    """The exact time of every output frame, as integers.

    ``pts``: strictly increasing, in units of ``time_base`` seconds. ``last_duration``: how long the last frame is shown, in
    the same units (every other frame is shown until the next).
    """

    pts: tuple[int, ...]
    time_base: Fraction
    last_duration: int

    def __len__(self) -> int:
        return len(self.pts)

    def seconds(self, frame: int) -> float:
        """Time of a frame since the first one, for people only (never computed with)."""
        return float((self.pts[frame] - self.pts[0]) * self.time_base)

    def duration(self, start: int, end: int) -> Fraction:
        """Exact seconds that frames [start, end) are shown."""
        stop = self.pts[end] if end < len(self.pts) else self.pts[-1] + self.last_duration
        return (stop - self.pts[start]) * self.time_base

    @property
    def rate(self) -> Fraction:
        """Frames a second, on average over the first :data:`RATE_FRAMES`. Headers lie about it, those of AVI above all."""
        count = min(len(self.pts), RATE_FRAMES)
        return count / self.duration(0, count)
