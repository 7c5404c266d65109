"""Black bars: kept out of depth and views, then put back as the source has them, or cropped.

Where they are is found by :mod:`stereo3d.plan.bar_finder`; this file only cuts and pastes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import astuple, dataclass
from functools import reduce

from stereo3d.frames import FrameBatch, Shot

__all__ = ["NO_BARS", "Bars", "Framing", "crop", "put_back"]


@dataclass(frozen=True, slots=True)
class Bars:
    """Columns and rows of bar at each side of a frame, in pixels, >= 0. What they leave is the picture."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return bool(self.left or self.top or self.right or self.bottom)  # asked for with every frame

    def common(self, other: Bars) -> Bars:
        """The bars that both have: they leave the smallest rectangle that holds both pictures."""
        return Bars(*map(min, astuple(self), astuple(other)))

    def beyond(self, trim: Bars) -> Bars:
        """What is left of these bars when ``trim`` was cut off already."""
        return Bars(*(max(0, a - b) for a, b in zip(astuple(self), astuple(trim), strict=True)))


NO_BARS = Bars()


def crop(frames: FrameBatch, bars: Bars) -> FrameBatch:
    """The frames without their bars (themselves where there are none).

    Raises ValueError for bars that split a chroma sample or leave nothing.
    """
    if not bars:
        return frames
    planes = tuple(
        plane[window].contiguous() for plane, window in zip(frames.planes, _windows(frames, bars), strict=True)
    )
    return FrameBatch(planes, frames.pts, frames.index, frames.format)


def put_back(picture: FrameBatch, frames: FrameBatch, bars: Bars) -> FrameBatch:
    """``picture`` (the size of ``crop(frames, bars)``) framed by the bars of ``frames``, sample for sample."""
    if not bars:
        return picture
    planes = tuple(plane.clone() for plane in frames.planes)
    for plane, inner, window in zip(planes, picture.planes, _windows(frames, bars), strict=True):
        plane[window] = inner
    return FrameBatch(planes, frames.pts, frames.index, frames.format)


def _windows(frames: FrameBatch, bars: Bars) -> list[tuple[slice, slice, slice]]:
    """Where the picture lies in each plane."""
    fmt, width, height = frames.format, frames.width, frames.height
    right, bottom = width - bars.right, height - bars.bottom
    unit_x, unit_y = 1 << fmt.chroma_x, 1 << fmt.chroma_y
    split = (
        bars.left % unit_x or bars.top % unit_y or (bars.right and right % unit_x) or (bars.bottom and bottom % unit_y)
    )
    if split or bars.left >= right or bars.top >= bottom:
        raise ValueError(f"{bars} cannot be cut off {fmt.name} of {width}x{height}")
    windows = []
    for plane in range(len(frames.planes)):
        x0, y0 = fmt.plane_size(plane, bars.left, bars.top)
        x1, y1 = fmt.plane_size(plane, right, bottom)
        windows.append((slice(None), slice(y0, y1), slice(x0, x1)))
    return windows


@dataclass(frozen=True, slots=True)
class Framing:
    """The bars of a whole film at the size that is converted.

    ``trim``: cut off every frame for good. ``starts``: first frames of the shots, in order. ``bars``: of each of these shots,
    ``trim`` included. Without shots nothing has bars.
    """

    trim: Bars = NO_BARS
    starts: tuple[int, ...] = ()
    bars: tuple[Bars, ...] = ()

    def at(self, frame: int) -> Bars:
        """The bars of an output frame."""
        return self.bars[bisect_right(self.starts, frame) - 1] if self.starts else NO_BARS

    def picture(self, frames: FrameBatch) -> FrameBatch:
        """Source frames of one shot without their bars: what depth is computed of."""
        return crop(frames, self.at(frames.index))

    @classmethod
    def keeping(cls, shots: tuple[Shot, ...], bars: tuple[Bars | None, ...]) -> Framing:
        """Bars are put back. ``bars``: of each shot; None where nothing but black is seen."""
        return cls(NO_BARS, tuple(shot.start for shot in shots), tuple(found or NO_BARS for found in bars))

    @classmethod
    def cropping(cls, shots: tuple[Shot, ...], bars: tuple[Bars | None, ...]) -> Framing:
        """Bars that all shots share are cut off, so that the size stays; those that come and go are put back."""
        seen = [found for found in bars if found is not None]
        common = reduce(Bars.common, seen) if seen else NO_BARS
        trim = Bars(*(side - side % 2 for side in astuple(common)))  # encoders want even sizes
        return cls(trim, tuple(shot.start for shot in shots), tuple(trim if b is None else b for b in bars))
