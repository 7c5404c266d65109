"""One segment after the other: decode, depth, render, encode, overlapped through bounded queues.

Two decoders read each segment. The first feeds the depth model and runs ahead by up to a shot, because the range of a
shot's depth is known only when the shot has been seen; holding small depth maps for that long is cheap, holding frames
is not. The second feeds the renderer. Everything is a chain of iterators, each in a thread of its own (:mod:`stages`), that
runs on from one segment into the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import torch

from stereo3d.bars import Framing, crop, put_back
from stereo3d.depth.base import DepthModel
from stereo3d.depth_film import DepthKeeper, placed, shown
from stereo3d.frames import FrameBatch, Shot, Timeline
from stereo3d.layouts import LAYOUTS
from stereo3d.media.decode import Decoder
from stereo3d.media.depth_video import DepthVideo
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.geometry import output_size
from stereo3d.media.info import MediaInfo
from stereo3d.media.segment import SegmentWriter
from stereo3d.plan import Segment, probe_frames
from stereo3d.render.pack import Packing, pack
from stereo3d.render.plus_depth import depth_picture
from stereo3d.render.views import render_views
from stereo3d.settings import Settings
from stereo3d.shot_depth import Depths, Probes, ShotDepth
from stereo3d.stages import Meter, stage

__all__ = ["PIPELINE_VERSION", "Found", "Numerics", "Places", "Recipe", "SegmentResult", "build_segments", "pictures"]

# Raised whenever the same plan would give other pixels: segments of an older version are not reused.
PIPELINE_VERSION = 2
# Frames a batch outside the depth model: small, because they travel at full size.
_FRAMES_PER_BATCH = 4
# A shot's depth is ready all at once. While it is rendered the model goes on with the next shot, so about a shot of depth must
# find room between them (eight frames an item).
_DEPTHS_AHEAD = 40


@dataclass(frozen=True, slots=True)
class Numerics:
    """What touches the numbers beyond the settings. Fixed when a job starts and used again when it continues.

    ``device``: cpu, cuda or mps. ``batch``: frames a call of the model. ``threads``: of torch on the CPU. ``compiled``: whether the
    network runs through torch.compile.
    """

    device: str
    batch: int
    threads: int
    compiled: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a segment's pictures depend on, besides the segment itself.

    ``depth_from``: the depth film that is read instead of asking a model. ``keep``: how depth is kept beside, None: not at all.
    """

    info: MediaInfo
    timeline: Timeline
    seekable: bool
    settings: Settings
    encoder: EncoderSpec
    numerics: Numerics
    model_identity: str
    framing: Framing = field(default_factory=Framing)
    depth_from: DepthVideo | None = None
    keep: EncoderSpec | None = None

    def decoder(self) -> Decoder:
        """A decoder of the source at the size that is converted. Close it."""
        height = self.settings.picture.height
        device = torch.device(self.numerics.device)
        return Decoder(self.info, self.timeline, height=height, seekable=self.seekable, device=device)

    def depth_decoder(self) -> Decoder:
        """A decoder of what the depth model looks at: the source, or the depth film. Close it."""
        if self.depth_from is None:
            return self.decoder()
        return Decoder(self.depth_from.info, self.depth_from.timeline, seekable=self.depth_from.seekable)


@dataclass(slots=True)
class Found:
    """What comes to light while segments are built, by segment number. ``replaced``: output frames that stand in for frames
    that could not be decoded. ``screens``: (output frame, depth on the screen from there on)."""

    replaced: dict[int, list[int]] = field(default_factory=dict)
    screens: dict[int, list[tuple[int, float]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a segment's unfinished files go: its pictures, and the depth that is kept."""

    picture: Callable[[Segment], Path]
    depth: Callable[[Segment], Path]


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """A segment whose part file is complete and flushed. ``seconds``: wall time since the one before.

    ``replaced`` and ``screens``: see :class:`Found`.
    """

    segment: Segment
    frames: int
    size: int
    seconds: float
    replaced: tuple[int, ...]
    screens: tuple[tuple[int, float], ...]


def build_segments(
    segments: Sequence[Segment],
    recipe: Recipe,
    model: DepthModel,
    places: Places,
    meter: Meter,
    on_frames: Callable[[int], None],
) -> Generator[SegmentResult, None, None]:
    """Build segments in order; see :class:`stereo3d.executors.local.LocalExecutor`."""
    found = Found()
    views = stage("render", pictures(segments, recipe, model, meter, found, places.depth), meter)
    try:
        for segment in segments:
            began = time.perf_counter()
            frames, size = _encode(segment, views, recipe, places.picture(segment), meter, on_frames)
            yield SegmentResult(
                segment,
                frames,
                size,
                time.perf_counter() - began,
                tuple(sorted(found.replaced.get(segment.number, ()))),
                tuple(found.screens.get(segment.number, ())),
            )
    finally:
        views.close()


def _encode(
    segment: Segment,
    views: Iterator[FrameBatch],
    recipe: Recipe,
    part: Path,
    meter: Meter,
    on_frames: Callable[[int], None],
) -> tuple[int, int]:
    """Write one segment's frames to its part file; (packets, bytes)."""
    left = len(segment)
    writer: SegmentWriter | None = None
    try:
        while left:
            batch = next(views)
            began = time.perf_counter()
            if writer is None:
                writer = _writer(part, batch, recipe)
            writer.write(batch)
            meter.add("encode", time.perf_counter() - began)
            left -= len(batch)
            on_frames(len(batch))
        if writer is None:
            raise ValueError(f"segment {segment.number} holds no frames")
        began = time.perf_counter()
        done = writer.close()
        meter.add("encode", time.perf_counter() - began)
    finally:
        if writer is not None:
            writer.abort()
    return done.packets, done.bytes


def _writer(part: Path, batch: FrameBatch, recipe: Recipe) -> SegmentWriter:
    timeline = recipe.timeline
    rate = len(timeline) / timeline.duration(0, len(timeline))  # headers lie about it, those of AVI above all
    return SegmentWriter(
        part, recipe.encoder, batch.format, batch.width, batch.height, time_base=timeline.time_base, rate=rate
    )


def pictures(
    segments: Sequence[Segment],
    recipe: Recipe,
    model: DepthModel,
    meter: Meter,
    found: Found,
    depth_place: Callable[[Segment], Path] | None = None,
) -> Generator[FrameBatch, None, None]:
    """The output's pictures of all segments, in order: packed views, or the depth itself; no batch spans two segments or two
    shots. ``depth_place``: where a segment's depth is kept where the recipe says so."""
    depths = stage("depth", _steady_depths(segments, recipe, model, meter), meter, ahead=_DEPTHS_AHEAD)
    pieces = placed(segments, depths, found.screens)
    settings = recipe.settings
    packed = _with_depth if LAYOUTS[settings.picture.layout].depth else _packed_views
    try:
        if settings.paint.colormap is not None:
            size = output_size(recipe.info.video, settings.picture.height)
            yield from shown(pieces, recipe.timeline, settings.paint.colormap, settings.encode.depth_codec, size)
            return
        if recipe.keep is not None and depth_place is not None:
            keeper = DepthKeeper(recipe.keep, recipe.timeline, depth_place)
            with closing(stage("keep", keeper.passing(pieces), meter)) as kept:
                yield from packed(segments, recipe, (piece.depths for piece in kept), meter, found)
        else:
            yield from packed(segments, recipe, (piece.depths for piece in pieces), meter, found)
    finally:
        depths.close()


def _packed_views(
    segments: Sequence[Segment], recipe: Recipe, depths: Iterator[Depths], meter: Meter, found: Found
) -> Generator[FrameBatch, None, None]:
    frames = stage("decode", _frames(segments, recipe, found.replaced), meter, ahead=3)
    packing = Packing.of(recipe.settings)
    device = torch.device(recipe.numerics.device)
    try:
        for batch, depth in _pair(frames, depths):
            whole = crop(batch, recipe.framing.trim).to(device)
            bars = recipe.framing.at(batch.index).beyond(recipe.framing.trim)
            views = render_views(
                crop(whole, bars),
                depth.maps(device),
                strength=recipe.settings.view.strength,
                zero_parallax=depth.zero_parallax,
            )
            left, right = (put_back(view, whole, bars) for view in views)
            yield pack(left, right, packing)
    finally:
        frames.close()


def _with_depth(
    segments: Sequence[Segment], recipe: Recipe, depths: Iterator[Depths], meter: Meter, found: Found
) -> Generator[FrameBatch, None, None]:
    """The source beside its depth: no views are made."""
    frames = stage("decode", _frames(segments, recipe, found.replaced), meter, ahead=3)
    packing, device = Packing.of(recipe.settings), torch.device(recipe.numerics.device)
    try:
        for batch, depth in _pair(frames, depths):
            whole = crop(batch, recipe.framing.trim).to(device)
            bars = recipe.framing.at(batch.index).beyond(recipe.framing.trim)
            yield pack(whole, depth_picture(whole, depth.maps(device), bars, depth.zero_parallax), packing)
    finally:
        frames.close()


def _frames(
    segments: Sequence[Segment], recipe: Recipe, replaced: dict[int, list[int]]
) -> Generator[FrameBatch, None, None]:
    """The source's frames of all segments, in order; no batch spans two segments or two shots."""
    with recipe.decoder() as decoder:
        for segment in segments:
            known = len(decoder.replaced)
            for batch in decoder.batches(segment.start, segment.end, batch=_FRAMES_PER_BATCH):
                replaced.setdefault(segment.number, []).extend(m.index for m in decoder.replaced[known:])
                known = len(decoder.replaced)
                yield from (piece for _, piece in _by_shot(batch, segment.shots))


def _by_shot(batch: FrameBatch, shots: Iterable[Shot]) -> Iterator[tuple[Shot, FrameBatch]]:
    """A batch cut at shot boundaries."""
    for shot in shots:
        start = max(shot.start - batch.index, 0)
        end = min(shot.end - batch.index, len(batch))
        if start < end:
            yield shot, batch.cut(start, end)


def _pair(frames: Iterable[FrameBatch], depths: Iterator[Depths]) -> Iterator[tuple[FrameBatch, Depths]]:
    """Frames beside the depth of just these frames, in pieces where the two are cut differently."""
    held: Depths | None = None
    for batch in frames:
        done = 0
        while done < len(batch):
            if not held:
                held = next(depths)
            count = min(len(batch) - done, len(held))
            yield batch.cut(done, done + count), held.cut(0, count)
            held = held.cut(count)
            done += count


def _depth_frames(segments: Sequence[Segment], recipe: Recipe) -> Generator[tuple[Segment, FrameBatch], None, None]:
    """What the depth model looks at, of all segments, with their lead-in, in batches for the model."""
    with recipe.depth_decoder() as decoder:
        for segment in segments:
            first = segment.start - segment.lead_in
            for batch in decoder.batches(first, segment.end, batch=recipe.numerics.batch):
                yield segment, batch


def _steady_depths(
    segments: Sequence[Segment], recipe: Recipe, model: DepthModel, meter: Meter
) -> Generator[Depths, None, None]:
    """Steady depth of all frames of all segments, in order."""
    current: tuple[Segment, Shot] | None = None
    depths: ShotDepth | None = None
    source = stage("decode", _depth_frames(segments, recipe), meter)
    try:
        for segment, batch in source:
            for shot, piece in _by_shot(batch, segment.shots):
                if (segment, shot) != current:
                    if depths is not None:
                        yield from depths.finish()
                    current, depths = (segment, shot), _shot_depth(segment, shot, recipe, model)
                if depths is not None:
                    yield from depths.push(recipe.framing.picture(piece))
        if depths is not None:
            yield from depths.finish()
    finally:
        source.close()


def _shot_depth(segment: Segment, shot: Shot, recipe: Recipe, model: DepthModel) -> ShotDepth:
    first, kept, _ = segment.piece(shot)
    wanted = recipe.settings.view.zero_parallax
    screen = None if wanted == "auto" else wanted
    if screen is None and recipe.depth_from is not None:
        screen = recipe.depth_from.screen(kept)
    known = screen is not None and model.info.calibrated
    return ShotDepth(
        model,
        zero_parallax=screen,
        lead_in=kept - first,
        probes=_probe(shot, recipe, model) if segment.is_divided(shot) and not known else None,
    )


def _probe(shot: Shot, recipe: Recipe, model: DepthModel) -> Probes:
    """Raw depth of the frames, spread over a divided shot, that its pieces agree by."""
    maps: list[torch.Tensor] = []
    with recipe.depth_decoder() as decoder:
        for frame in probe_frames(shot):
            estimator = model.begin_shot()
            for batch in decoder.batches(frame, frame + 1, batch=1):
                maps += [estimator.push(recipe.framing.picture(batch)), estimator.finish()]
    return Probes(torch.cat([m for m in maps if len(m)]))
