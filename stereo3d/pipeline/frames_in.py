"""The source's frames on their way in: for the views and, ahead of them, for the depth model; never across a cut."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import pairwise

from stereo3d.frames import FrameBatch, Shot
from stereo3d.media.geometry import output_size
from stereo3d.pipeline.recipe import Recipe
from stereo3d.pipeline.shot_depth import Depths
from stereo3d.plan.overrides import black
from stereo3d.plan.segments import Segment

__all__ = ["by_shot", "frames_of_depth", "frames_of_views", "paired"]

# Frames a batch outside the depth model: few, because they travel at full size. A processor gains nothing by more than one.
_ON_DEVICE, _ON_CPU = 4, 1


def frames_of_views(
    segments: Iterable[Segment], recipe: Recipe, replaced: dict[int, list[int]]
) -> Generator[tuple[Segment, FrameBatch], None, None]:
    """The source's frames of all segments and around them, in order; no batch spans two segments, two shots, or a segment's end."""
    count = _ON_CPU if recipe.place.type == "cpu" else _ON_DEVICE
    with recipe.decoder() as decoder:
        for segment in segments:
            if recipe.in_force(segment.start).black:
                for batch in _black(segment.start, segment.end, segment, recipe, count):
                    yield segment, batch
                continue
            known, wide = len(decoder.replaced), recipe.widened(segment)
            for batch in decoder.batches(wide.start, wide.end, batch=count):
                replaced.setdefault(segment.number, []).extend(m.index for m in decoder.replaced[known:])
                known = len(decoder.replaced)
                there = batch.to(recipe.place)  # here, beside the renderer
                for _, piece in by_shot(there, segment.shots):
                    yield from ((segment, part) for part in _at_ends(piece, segment))


def frames_of_depth(segments: Iterable[Segment], recipe: Recipe) -> Generator[tuple[Segment, FrameBatch], None, None]:
    """What the depth model looks at, of all segments, with lead-in and lead-out, in batches for the model."""
    with recipe.depth_decoder() as decoder:
        for segment in segments:
            first = segment.start - segment.lead_in
            if recipe.in_force(segment.start).black:
                yield from (
                    (segment, batch)
                    for batch in _black(first, segment.end + segment.lead_out, segment, recipe, recipe.numerics.batch)
                )
                continue
            for batch in decoder.batches(first, segment.end + segment.lead_out, batch=recipe.numerics.batch):
                yield segment, batch.to(recipe.place) if recipe.network else batch


def _black(first: int, end: int, segment: Segment, recipe: Recipe, count: int) -> Iterator[FrameBatch]:
    """Frames [first, end) where the source's cannot be had, ``count`` at a time."""
    size = output_size(recipe.info.video, recipe.settings.picture.height)
    for start in range(first, end, count):
        pts = recipe.timeline.pts[start : min(start + count, end)]
        batch = black(recipe.info.video.format, size, pts, start)
        yield from (piece for _, piece in by_shot(batch, segment.shots))


def by_shot(batch: FrameBatch, shots: Iterable[Shot]) -> Iterator[tuple[Shot, FrameBatch]]:
    """A batch cut at shot boundaries."""
    for shot in shots:
        start = max(shot.start - batch.index, 0)
        end = min(shot.end - batch.index, len(batch))
        if start < end:
            yield shot, batch.cut(start, end)


def _at_ends(batch: FrameBatch, segment: Segment) -> Iterator[FrameBatch]:
    """A batch cut at the ends of a segment."""
    edges = (0, *(min(max(end - batch.index, 0), len(batch)) for end in (segment.start, segment.end)), len(batch))
    return (batch.cut(start, end) for start, end in pairwise(edges) if start < end)


def paired(
    frames: Iterable[tuple[Segment, FrameBatch]], depths: Iterator[Depths]
) -> Iterator[tuple[Segment, FrameBatch, Depths]]:
    """Frames beside the depth of just these frames, in pieces where the two are cut differently."""
    held: Depths | None = None
    for segment, batch in frames:
        done = 0
        while done < len(batch):
            if not held:
                held = next(depths)
            count = min(len(batch) - done, len(held))
            yield segment, batch.cut(done, done + count), held.cut(0, count)
            held = held.cut(count)
            done += count
