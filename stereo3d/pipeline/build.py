"""One segment after the other: decode, depth, render, encode, overlapped through bounded queues.

Two decoders read each segment. The first feeds the depth model and runs ahead by up to a shot, because the range of a
shot's depth is known only when the shot has been seen; holding small depth maps for that long is cheap, holding frames
is not. The second feeds the renderer. Everything is a chain of iterators, each in a thread of its own (:mod:`stages`), that
runs on from one segment into the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import cv2
import torch

from stereo3d.frames import FrameBatch
from stereo3d.layouts import LAYOUTS
from stereo3d.media.geometry import output_size
from stereo3d.media.segment import SegmentWriter
from stereo3d.media.sized import SizedWriter
from stereo3d.pipeline.depth_film import DepthKeeper, placed, shown
from stereo3d.pipeline.feed import Feed
from stereo3d.pipeline.fitting import Fitting
from stereo3d.pipeline.frames_in import frames_of_views, paired
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.recipe import Found, Models, Places, Recipe, SegmentResult
from stereo3d.pipeline.shot_depth import Depths
from stereo3d.pipeline.shot_views import Rendered, filled_over_time, rendered
from stereo3d.pipeline.stages import stage
from stereo3d.pipeline.staging import ComfortFacts, Staging
from stereo3d.pipeline.steady_depth import steady_depths
from stereo3d.pipeline.witness import Seen, Staged, Witness
from stereo3d.plan.bars import crop
from stereo3d.plan.segments import Segment
from stereo3d.render.pack import Packing, pack
from stereo3d.render.plus_depth import depth_picture

__all__ = ["PIPELINE_VERSION", "build_segments", "pictures"]

# Raised whenever the same plan would give other pixels: segments of an older version are not reused.
PIPELINE_VERSION = 6
_HOST = torch.device("cpu")
# A shot's depth is ready all at once. While it is rendered the model goes on with the next shot, so about a shot of depth must
# find room between them (eight frames an item).
_DEPTHS_AHEAD = 40


def build_segments(
    segments: Iterable[Segment],
    recipe: Recipe,
    models: Models,
    places: Places,
    meter: Meter,
    on_frames: Callable[[int], None],
) -> Generator[SegmentResult, None, None]:
    """Build segments in order; see :class:`stereo3d.executors.local.LocalExecutor`. ``segments`` is read by every stage on its
    own, so it must be a collection or a :class:`stereo3d.pipeline.feed.Feed`; a segment is finished without a look at the next."""
    if recipe.place.type == "cpu":
        cv2.setNumThreads(
            1
        )  # its threads spin while they wait, on cores that renderer and encoder want, and gain no time
    found = Found()
    last = "fill and pack" if recipe.settings.paint.colormap is None else "paint"
    views = stage(last, pictures(segments, recipe, models, meter, found, places.depth), meter, device=recipe.place)
    if recipe.place.type != "cpu" and not recipe.ends.encode:
        views = stage("copy back", (batch.to(_HOST) for batch in views), meter, device=recipe.place)
    try:
        for segment in segments:
            began = time.perf_counter()
            frames, size = _encode(segment, views, recipe, places.picture(segment), meter, on_frames)
            yield SegmentResult(
                segment,
                frames,
                size,
                time.perf_counter() - began,
                _own(found.replaced.get(segment.number, ()), segment),
                _own(found.flawed.get(segment.number, ()), segment),
                tuple(found.screens.get(segment.number, ())),
                found.comfort.get(segment.number, ComfortFacts()),
                found.seen.get(segment.number, Seen()),
                found.take_notes(),
            )
    finally:
        if isinstance(segments, Feed):
            segments.close()  # a stage may be waiting there
        views.close()


def _own(frames: Iterable[int], segment: Segment) -> tuple[int, ...]:
    """Those of the segment, and none of the frames around it."""
    return tuple(sorted(frame for frame in frames if frame in segment))


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
    writer: SegmentWriter | SizedWriter | None = None
    try:
        while left:
            asked = time.perf_counter()
            batch = next(views)
            began = time.perf_counter()
            if writer is None:
                writer = _writer(part, batch, recipe, segment)
            writer.write(batch)
            meter.add("encode", time.perf_counter() - began, starved=began - asked)
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


def _writer(part: Path, batch: FrameBatch, recipe: Recipe, segment: Segment) -> SegmentWriter | SizedWriter:
    timeline = recipe.timeline
    what = (part, recipe.encoder_of(segment), batch.format, batch.width, batch.height)
    if recipe.goals:
        return SizedWriter(*what, time_base=timeline.time_base, rate=timeline.rate, goal=recipe.goals[segment.number])
    device = recipe.place if recipe.ends.encode and recipe.encoder_of(segment) == recipe.encoder else None
    return SegmentWriter(*what, time_base=timeline.time_base, rate=timeline.rate, device=device)


def pictures(
    segments: Iterable[Segment],
    recipe: Recipe,
    models: Models,
    meter: Meter,
    found: Found,
    depth_place: Callable[[Segment], Path] | None = None,
) -> Generator[FrameBatch, None, None]:
    """The output's pictures of all segments, in order: packed views, or the depth itself; no batch spans two segments or two
    shots. ``depth_place``: where a segment's depth is kept where the recipe says so."""
    steady = steady_depths(map(recipe.widened, segments), recipe, models, meter, found)
    depths = stage("steady depth", steady, meter, ahead=_DEPTHS_AHEAD, device=recipe.place)
    pieces = placed(((segment, recipe.widened(segment)) for segment in segments), depths, found.screens)
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
    segments: Iterable[Segment], recipe: Recipe, depths: Iterator[Depths], meter: Meter, found: Found
) -> Generator[FrameBatch, None, None]:
    # Filling over time goes from frame to frame, in one thread: the next frames' views are made meanwhile.
    pairs = stage("render", _rendered(segments, recipe, depths, meter, found), meter, ahead=1, device=recipe.place)
    packing = Packing.of(recipe.settings)
    witness = Witness(segments, recipe.stills, round(recipe.rate), found.seen)
    try:
        for some in filled_over_time(pairs, recipe.widened):
            left, right = some.views()
            synthetic = recipe.in_force(some.whole.index).view.synthetic_view
            witness.see(some.whole, some.depth, Staged(left, right, some.strength, some.zero_parallax, synthetic))
            yield pack(left, right, packing)
    finally:
        pairs.close()


def _rendered(
    segments: Iterable[Segment], recipe: Recipe, depths: Iterator[Depths], meter: Meter, found: Found
) -> Generator[tuple[Segment, Rendered], None, None]:
    """Frames and their depth to their views, in smaller batches where the device's memory does not hold these."""
    frames = stage("decode", frames_of_views(segments, recipe, found.replaced), meter, ahead=3, device=recipe.place)
    staging = Staging(
        lambda frame: recipe.in_force(frame).view, recipe.cards, round(recipe.rate), segments, found.comfort
    )
    fitting = Fitting(found.notes.append)
    try:
        for segment, batch, depth in paired(frames, depths):
            render = partial(_render, batch, depth, recipe, staging)
            for some in fitting.pieces(len(batch), render):
                if batch.index in segment:
                    staging.note(some.whole.index, some.depth, some.strength, some.zero_parallax)
                yield segment, some
    finally:
        frames.close()


def _render(batch: FrameBatch, depth: Depths, recipe: Recipe, staging: Staging, start: int, end: int) -> Rendered:
    """Frames [start, end) of a batch."""
    batch, depth = batch.cut(start, end), depth.cut(start, end)
    whole = crop(batch, recipe.framing.trim).to(recipe.place)
    bars = recipe.framing.at(batch.index).beyond(recipe.framing.trim)
    view = recipe.in_force(batch.index).view
    screens = depth.zero_parallax
    return rendered(
        whole,
        bars,
        depth.maps(recipe.place),
        view,
        strength=staging.strengths(batch.index, screens),
        zero_parallax=screens,
        sides=depth.sides,
        fill=recipe.fills_over_time(batch.index),
    )


def _with_depth(
    segments: Iterable[Segment], recipe: Recipe, depths: Iterator[Depths], meter: Meter, found: Found
) -> Generator[FrameBatch, None, None]:
    """The source beside its depth: no views are made."""
    frames = stage("decode", frames_of_views(segments, recipe, found.replaced), meter, ahead=3, device=recipe.place)
    packing, device = Packing.of(recipe.settings), recipe.place
    witness = Witness(segments, recipe.stills, round(recipe.rate), found.seen)
    try:
        for _, batch, depth in paired(frames, depths):
            whole = crop(batch, recipe.framing.trim).to(device)
            bars = recipe.framing.at(batch.index).beyond(recipe.framing.trim)
            maps = depth.maps(device)
            witness.see(whole, maps)
            yield pack(whole, depth_picture(whole, maps, bars, depth.zero_parallax), packing)
    finally:
        frames.close()
