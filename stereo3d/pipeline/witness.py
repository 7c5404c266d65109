"""What the report shows of each segment: some pictures, and measures of its views over time. Facts only: no picture of the film
depends on them."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from stereo3d.frames import FrameBatch
from stereo3d.media.still import jpeg
from stereo3d.plan.segments import Segment
from stereo3d.quality import hole_share, parallax_range
from stereo3d.render.anaglyph import mixed
from stereo3d.render.fill import EMPTY
from stereo3d.render.paint import paint
from stereo3d.render.shrink import shrunk
from stereo3d.render.views import EYE_POSITIONS, Synthetic
from stereo3d.render.warp import surface
from stereo3d.transfer import to_host

__all__ = ["STILLS", "Seen", "Span", "Staged", "Still", "Witness", "still_frames"]

STILLS = 60
"""Pictures of a film at most: the report of a long one must stay small enough to open."""
_WIDTH = 256  # pixels of a picture
_SCALE = 6  # of its JPEG's quantiser
_SPAN_SECONDS = 4
_GRID = 4  # every so many samples of the depth map, both ways, are looked at for range and flicker


@dataclass(frozen=True, slots=True)
class Still:
    """One frame small, as JPEGs in base64: the source, its depth in colours (red is near), a red-cyan anaglyph; "" where there
    are no views."""

    frame: int
    source: str
    depth: str
    anaglyph: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Output frames [start, end) of one shot, some seconds. ``behind``, ``front``: how far the picture reaches behind and in front
    of the screen, in % of one eye's width, the outermost 1 % of the pixels left out. ``holes``: the share of an eye that the shift
    uncovers, in %, by the depth map. ``flicker``: how far a pixel goes one way and back from frame to frame, in % of the width,
    on average."""

    start: int
    end: int
    behind: float
    front: float
    holes: float
    flicker: float


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one segment."""

    spans: tuple[Span, ...] = ()
    stills: tuple[Still, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Seen:
        """Raises KeyError or TypeError when the value is not of this kind."""
        return cls(tuple(Span(**s) for s in value["spans"]), tuple(Still(**s) for s in value["stills"]))


def still_frames(plan: Sequence[Segment], share: float = 1.0) -> frozenset[int]:
    """The middle of every shot (of every piece of a divided one); of too many, some that are spread evenly over the film.
    ``share``: of the film that the plan covers."""
    pieces = [segment.piece(shot)[1:] for segment in plan for shot in segment.shots]
    count = min(max(1, round(STILLS * share)), len(pieces))
    chosen = (pieces[(2 * n + 1) * len(pieces) // (2 * count)] for n in range(count))
    return frozenset((start + end) // 2 for start, end in chosen)


@dataclass(frozen=True, slots=True)
class Staged:
    """The two views of some frames, and how they were staged: strength in % of the width and the depth on the screen, for each."""

    left: FrameBatch
    right: FrameBatch
    strengths: Sequence[float]
    screens: Sequence[float]
    synthetic: Synthetic


class Witness:
    """Sees all frames of ``segments`` in order. ``wanted``: frames to keep a picture of. ``second``: frames in one. ``seen`` hears
    about every segment, by its number, when its last frame was shown."""

    def __init__(self, segments: Iterable[Segment], wanted: frozenset[int], second: int, seen: dict[int, Seen]) -> None:
        self._segments, self._wanted, self._second, self._seen = iter(segments), wanted, max(1, second), seen
        self._segment: Segment | None = None
        self._stills: list[Still] = []
        self._spans: list[Span] = []
        self._ahead: list[tuple[int, int]] = []
        self._ruler = _Ruler()

    def see(self, frames: FrameBatch, depth: torch.Tensor, eyes: Staged | None = None) -> None:
        """The next frames, all of one shot, with their depth [n, 1, h, w], and their views where there are any."""
        segment = self._segment
        if segment is None:
            segment = self._segment = next(self._segments)
            self._ahead = _cut(segment, _SPAN_SECONDS * self._second)
        for place in range(len(frames)):
            if frames.index + place in self._wanted:
                self._stills.append(_still(frames, depth, eyes, place))
        if eyes is not None:
            fresh = any(frames.index == segment.piece(shot)[1] for shot in segment.shots)
            self._measure(frames.index, depth, eyes, fresh=fresh)
        if frames.index + len(frames) == segment.end:
            self._seen[segment.number] = Seen(tuple(self._spans), tuple(self._stills))
            self._segment, self._stills, self._spans = None, [], []

    def _measure(self, first: int, depth: torch.Tensor, eyes: Staged, *, fresh: bool) -> None:
        flickers = self._ruler.flickers(depth, eyes.strengths, fresh=fresh)
        for place, flicker in enumerate(flickers):
            start, end = self._ahead[0]
            self._ruler.note(flicker)
            if (first + place - start) % self._second == 0:
                self._ruler.look(depth[place : place + 1], eyes, place)
            if first + place + 1 == end:
                self._spans.append(self._ruler.span(start, end))
                self._ahead.pop(0)


def _cut(segment: Segment, most: int) -> list[tuple[int, int]]:
    """The shots of a segment in equal runs of at most ``most`` frames."""
    runs: list[tuple[int, int]] = []
    for shot in segment.shots:
        _, start, end = segment.piece(shot)
        count = -(-(end - start) // most)
        edges = [start + (end - start) * n // count for n in range(count + 1)]
        runs += list(pairwise(edges))
    return runs


class _Ruler:
    """Measures of the frames since the last :meth:`span`."""

    def __init__(self) -> None:
        self._before: torch.Tensor | None = None
        self._begin()

    def _begin(self) -> None:
        self._extents: list[tuple[float, float]] = []
        self._holes: list[float] = []
        self._flickers: list[float] = []

    def flickers(self, depth: torch.Tensor, strengths: Sequence[float], *, fresh: bool) -> list[float | None]:
        """Of each of the next frames, in % of the width: half of what the disparity changes and changes back, on average over
        the picture; steady motion does not count. None for the first two of a shot (``fresh``)."""
        small = depth[:, 0, ::_GRID, ::_GRID]
        known = small if fresh or self._before is None else torch.cat([self._before, small])
        self._before = known[-2:].clone()
        turns = (known[:-2] - 2 * known[1:-1] + known[2:]).abs().mean((1, 2)).div(2)
        back = to_host(turns)[0].tolist() if len(turns) else []
        padded = [None] * (len(small) - len(back)) + back
        return [None if b is None else b * s for b, s in zip(padded, strengths, strict=True)]

    def note(self, flicker: float | None) -> None:
        if flicker is not None:
            self._flickers.append(flicker)

    def look(self, depth: torch.Tensor, eyes: Staged, place: int) -> None:
        """Range and holes of one frame, depth [1, 1, h, w]."""
        strength, screen = eyes.strengths[place], eyes.screens[place]
        width = depth.shape[3]
        shift = (depth - screen) * (strength / 100 * width)
        holes = [
            surface(shift * abs(position), 1 if position > 0 else -1) == EMPTY
            for position in EYE_POSITIONS[eyes.synthetic]
            if position and strength
        ]
        small, *masks = (part.numpy() for part in to_host(shift[0, 0, ::_GRID, ::_GRID], *holes))
        far, near = parallax_range(small, width)
        self._extents.append((-far, near))
        shares = [hole_share(mask) for mask in masks]
        self._holes.append(100 * max(shares, default=0.0))

    def span(self, start: int, end: int) -> Span:
        behind, front = (max(0.0, *values) for values in zip(*self._extents, strict=True))
        holes, flicker = (sum(v) / len(v) if v else 0.0 for v in (self._holes, self._flickers))
        self._begin()
        return Span(start, end, round(behind, 3), round(front, 3), round(holes, 3), round(flicker, 4))


def _still(frames: FrameBatch, depth: torch.Tensor, eyes: Staged | None, place: int) -> Still:
    source = shrunk(frames.cut(place, place + 1), _WIDTH)
    size = source.width, source.height
    pictures = [source, paint(to_host(depth[place : place + 1])[0], size, "jet", source.pts, source.index)]
    if eyes is not None:
        left, right = (shrunk(eye.cut(place, place + 1), _WIDTH) for eye in (eyes.left, eyes.right))
        pictures.append(mixed(left, right, "red-cyan"))
    return Still(frames.index + place, *(base64.b64encode(jpeg(p, _SCALE)).decode() for p in pictures))
