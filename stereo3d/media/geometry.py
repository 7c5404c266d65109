"""Upright, square, even: sizes (pure), and the filter graph that brings decoded frames there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import av

from stereo3d.media.formats import is_full_range_name, plain_name
from stereo3d.media.info import Pose, VideoInfo
from stereo3d.plan.bars import Bars

__all__ = ["Upright", "output_bars", "output_size", "upright_size"]

_log = logging.getLogger(__name__)
_SCALE_FLAGS = "lanczos+accurate_rnd"


def _even(value: Fraction | int) -> int:
    return max(2, 2 * round(Fraction(value) / 2))


def _square(width: int, height: int, sar: Fraction) -> tuple[int, int]:
    """Size with square pixels: one side is enlarged, none shrinks. Sides that are scaled become even."""
    if sar > 1:
        return _even(width * sar), height
    if sar < 1:
        return width, _even(height / sar)
    return width, height


def upright_size(width: int, height: int, sar: Fraction, rotation: int) -> tuple[int, int]:
    """(width, height) of the decoded picture: square pixels, turned upright, odd sides padded by one pixel."""
    width, height = _square(width, height, sar)
    width, height = width + width % 2, height + height % 2
    return (height, width) if rotation % 180 else (width, height)


def output_size(video: VideoInfo, height: int | None = None) -> tuple[int, int]:
    """(width, height) that decoding gives when scaled to ``height`` rows (None: as they are); both even, aspect kept."""
    if height is None or height == video.out_height:
        return video.out_width, video.out_height
    return _even(Fraction(video.out_width * height, video.out_height)), _even(height)


def output_bars(bars: Bars, video: VideoInfo, height: int | None = None) -> Bars:
    """Bars of the coded frame, at the size and orientation that decoding gives.

    Bars become whole chroma samples and a line more where scaling or deinterlacing softens their edge: rather a line of the
    picture stays in the bar than a line of the bar in the picture.
    """
    left, top, right, bottom = bars.left, bars.top, bars.right, bars.bottom
    if video.hflip:
        left, right = right, left
    for _ in range(video.rotation // 90 % 4):
        left, top, right, bottom = top, right, bottom, left
    coded = (video.width, video.height) if video.rotation % 180 == 0 else (video.height, video.width)
    units = 1 << video.format.chroma_x, 1 << video.format.chroma_y
    sides = []
    for before, after, old, new, unit in zip(
        (left, top), (right, bottom), coded, output_size(video, height), units, strict=True
    ):
        scale = Fraction(1) if new == old + old % 2 else Fraction(new, old)
        soft = int(scale != 1 or video.interlaced)
        first = -(-(before * scale + soft) // unit) * unit if before else 0
        last = ((old - after) * scale - soft) // unit * unit if after else new
        sides.append((int(first), new - int(last)))
    return Bars(left=sides[0][0], top=sides[1][0], right=sides[0][1], bottom=sides[1][1])


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a filter graph was built for: a stream may change it on the way."""

    width: int
    height: int
    format: str
    matrix: int
    full: bool
    pose: Pose


class Upright:
    """Brings frames to one size and one planar format; frames that have them already pass through untouched.

    The result's planes may lack the last column or row of an odd source: whoever copies them repeats the edge. One instance a
    decoder; not for several threads.
    """

    def __init__(self, video: VideoInfo, height: int | None = None) -> None:
        self._video = video
        self._size = output_size(video, height)
        self._scaled = height is not None and self._size != (video.out_width, video.out_height)
        self._shape: _Shape | None = None
        self._graph: av.filter.Graph | None = None
        self.delayed = video.interlaced

    def push(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Take a frame; give those that are ready. ``pts`` goes through in the source's time base."""
        full = frame.color_range == 2 or is_full_range_name(frame.format.name)
        pose = frame.opaque if isinstance(frame.opaque, Pose) else self._video.pose
        shape = _Shape(frame.width, frame.height, frame.format.name, frame.colorspace, full, pose)
        if shape != self._shape:
            yield from self.finish()
            self._shape = shape
            filters = self._filters(shape)
            self._graph = self._build(shape, filters) if filters else None
        if self._graph is None:
            yield frame
            return
        self._graph.vpush(frame)
        yield from self._pull()

    def finish(self) -> Iterator[av.VideoFrame]:
        """The frames that a filter still holds back."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._pull()
            self._graph = None
            self._shape = None

    def _pull(self) -> Iterator[av.VideoFrame]:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            # bwdif halves the time base, so its pts are doubled; a second field may lie between two ticks of ours.
            if frame.pts is not None and frame.time_base:
                frame.pts = floor(frame.pts * frame.time_base / self._video.time_base)
            yield frame

    def _filters(self, shape: _Shape) -> list[tuple[str, str]]:
        """The filters, in order, that this shape needs: none for the common film."""
        video = self._video
        chain: list[tuple[str, str]] = []
        if video.interlaced:
            mode = "send_field" if video.fields else "send_frame"
            chain.append(("bwdif", f"mode={mode}:parity=auto:deint=interlaced"))
        width, height = shape.width, shape.height
        rotation, hflip = shape.pose.rotation, shape.pose.hflip
        first = (width, height) == (video.width, video.height) and shape.pose == video.pose
        target = self._size if rotation % 180 == 0 else self._size[::-1]
        goal = target if first and self._scaled else _square(width, height, shape.pose.sar)
        if not first:
            goal = _fit(goal, target)
        # One scaler does size and format. A size that only lacks the padding of an odd side is not scaled.
        if goal != (width, height) or plain_name(shape.format) != video.decoded_format.name:
            colours = (
                "" if video.decoded_format.is_rgb else f":in_range={_range(shape.full)}:out_range={_range(self._full)}"
            )
            chain.append(("scale", f"w={goal[0]}:h={goal[1]}:flags={_SCALE_FLAGS}{colours}"))
            chain.append(("format", f"pix_fmts={video.decoded_format.name}"))
        if not first and goal != target:
            chain.append(("pad", f"w={target[0]}:h={target[1]}:x=-1:y=-1:color=black"))
        if hflip:
            chain.append(("hflip", ""))
        chain += {
            90: [("transpose", "dir=cclock")],
            180: [("hflip", ""), ("vflip", "")],
            270: [("transpose", "dir=clock")],
        }.get(rotation, [])
        if rotation % 180 and video.decoded_format.chroma_x != video.decoded_format.chroma_y:
            chain.append(("format", f"pix_fmts={video.decoded_format.name}"))  # 4:2:2 cannot be transposed as it is
        return chain

    @property
    def _full(self) -> bool:
        return self._video.decoded_format.colour.full_range

    def _build(self, shape: _Shape, filters: list[tuple[str, str]]) -> av.filter.Graph:
        graph = av.filter.Graph()
        graph.threads = 1
        source = graph.add(
            "buffer",
            f"video_size={shape.width}x{shape.height}:pix_fmt={shape.format}:time_base={self._video.time_base}"
            f":pixel_aspect=1/1:colorspace={shape.matrix}:range={_range(shape.full)}",
        )
        nodes = [graph.add(name, arguments or None) for name, arguments in filters]
        graph.link_nodes(source, *nodes, graph.add("buffersink"))
        graph.configure()
        _log.debug("filters for %s: %s", shape, filters)
        return graph


def _range(full: bool) -> str:
    return "pc" if full else "tv"


def _fit(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int]:
    """The largest even size of the aspect of ``size`` that fits into ``target``."""
    scale = min(Fraction(target[0], size[0]), Fraction(target[1], size[1]))
    return min(_even(size[0] * scale), target[0]), min(_even(size[1] * scale), target[1])
