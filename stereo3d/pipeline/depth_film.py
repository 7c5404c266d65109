"""Steady depth as pictures: kept beside a film, segment by segment, or shown instead of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from stereo3d.depth.grey import to_grey
from stereo3d.frames import FrameBatch, Timeline
from stereo3d.media.depth_video import depth_format
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.segment import SegmentWriter
from stereo3d.pipeline.shot_depth import Depths
from stereo3d.plan.segments import Segment
from stereo3d.render.paint import paint

__all__ = ["DepthKeeper", "Placed", "placed", "shown"]

_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Placed:
    """Depth of consecutive frames of one segment, or of those around it; ``index``: the first one's output frame number."""

    segment: Segment
    index: int
    depths: Depths

    @property
    def end(self) -> int:
        return self.index + len(self.depths)

    def own(self) -> Placed | None:
        """What of it is the segment's."""
        start, end = max(self.index, self.segment.start), min(self.end, self.segment.end)
        if start >= end:
            return None
        return Placed(self.segment, start, self.depths.cut(start - self.index, end - self.index))


def placed(
    segments: Iterable[tuple[Segment, Segment]],
    depths: Iterator[Depths],
    screens: dict[int, list[tuple[int, float]]],
) -> Iterator[Placed]:
    """Depth with its place. ``segments``: each with itself widened. ``screens`` hears, for each segment's number, from which frame
    on what depth is on the screen."""
    for segment, wide in segments:
        index = wide.start
        heard = screens.setdefault(segment.number, [])
        while index < wide.end:
            item = next(depths)
            piece = Placed(segment, index, item)
            own = piece.own()
            for number, screen in enumerate(own.depths.zero_parallax, own.index) if own else ():
                if not heard or heard[-1][1] != screen:
                    heard.append((number, screen))
            yield piece
            index += len(item)


def shown(
    pieces: Iterable[Placed], timeline: Timeline, how: str, codec: str, size: tuple[int, int]
) -> Iterator[FrameBatch]:
    """Pictures of the depth itself. ``how``: ``none`` is grey at the depth's own size, in the format of ``codec``; else the
    name of a colour map, at ``size`` (width, height)."""
    for piece in pieces:
        pts, maps = timeline.pts[piece.index : piece.end], piece.depths.maps(_CPU)
        if how == "none":
            yield to_grey(maps, depth_format(codec), pts, piece.index)
        else:
            yield paint(maps, size, how, pts, piece.index)


class DepthKeeper:
    """Writes the depth that passes through to one file a segment. A segment's file is complete and flushed before its last
    depth is passed on, so before its last view can be rendered."""

    def __init__(self, encoder: EncoderSpec, timeline: Timeline, part_of: Callable[[Segment], Path]) -> None:
        self._encoder = encoder
        self._timeline = timeline
        self._part_of = part_of

    def passing(self, pieces: Iterable[Placed]) -> Generator[Placed, None, None]:
        writer: SegmentWriter | None = None
        timeline = self._timeline
        format = depth_format(self._encoder.codec)
        try:
            for piece in pieces:
                own = piece.own()
                if own is not None:
                    pts: Sequence[int] = timeline.pts[own.index : own.end]
                    batch = to_grey(own.depths.maps(_CPU), format, pts, own.index)
                    if writer is None:
                        writer = SegmentWriter(
                            self._part_of(own.segment),
                            self._encoder,
                            format,
                            batch.width,
                            batch.height,
                            time_base=timeline.time_base,
                            rate=timeline.rate,
                        )
                    writer.write(batch)
                    if own.end == own.segment.end:
                        writer.close()
                        writer = None
                yield piece
        finally:
            if writer is not None:
                writer.abort()
