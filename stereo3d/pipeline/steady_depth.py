"""The depth of all frames, shot after shot: the model's frames in, steady depth out."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import torch

from stereo3d.depth.base import DepthModel
from stereo3d.frames import FrameBatch, Shot
from stereo3d.pipeline.frames_in import by_shot, frames_of_depth
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.recipe import Found, Models, Recipe
from stereo3d.pipeline.shot_depth import Depths, Probes, ShotDepth
from stereo3d.pipeline.shot_screen import GivenScreen
from stereo3d.pipeline.stages import stage
from stereo3d.plan.segments import Segment, probe_frames
from stereo3d.render.comfort_screen import Follow

__all__ = ["probes_of", "steady_depths"]


def steady_depths(
    segments: Iterable[Segment], recipe: Recipe, models: Models, meter: Meter, found: Found
) -> Generator[Depths, None, None]:
    """Steady depth of all frames of all segments, in order."""
    # The network goes on with the next frames while these are steadied, which takes the host.
    maps = stage("depth", _raw_maps(segments, recipe, models, meter), meter, device=recipe.place)
    try:
        for raw in maps:
            for part in raw.depths.steadied(raw.frames, raw.maps):
                if raw.frames is None:  # who has the last part may ask what was found
                    _note_flaws(raw, found)
                yield part
    finally:
        maps.close()


@dataclass(frozen=True, slots=True)
class _Raw:
    """The model's ``maps`` that were ready when it had seen ``frames`` of a shot; None: the shot is over."""

    segment: Segment
    shot: Shot
    depths: ShotDepth
    frames: FrameBatch | None
    maps: torch.Tensor


def _raw_maps(segments: Iterable[Segment], recipe: Recipe, models: Models, meter: Meter) -> Generator[_Raw, None, None]:
    """What the models make of all frames of all segments, in order."""
    depths: ShotDepth | None = None
    source = stage("decode for depth", frames_of_depth(segments, recipe), meter, device=recipe.place)
    try:
        for segment, batch in source:
            for shot, piece in by_shot(batch, segment.shots):
                if depths is None:
                    model = models.named(recipe.in_force(segment.piece(shot)[1]).model)
                    depths = _shot_depth(segment, shot, recipe, model)
                picture = recipe.framing.picture(piece)
                yield _Raw(segment, shot, depths, picture, depths.estimate(picture))
                if piece.index + len(piece) == min(shot.end, segment.end + segment.lead_out):
                    yield _Raw(segment, shot, depths, None, depths.estimate(None))
                    depths = None
    finally:
        source.close()


def _note_flaws(raw: _Raw, found: Found) -> None:
    """Which frames of a shot, or of a segment's piece of it, have another's depth."""
    _, kept, end = raw.segment.piece(raw.shot)
    flawed = (kept + number for number in raw.depths.missing())
    found.flawed.setdefault(raw.segment.number, set()).update(frame for frame in flawed if frame < end)


def _shot_depth(segment: Segment, shot: Shot, recipe: Recipe, model: DepthModel) -> ShotDepth:
    first, kept, end = segment.piece(shot)
    view = recipe.in_force(kept).view
    screen: GivenScreen = None if view.zero_parallax == "auto" else view.zero_parallax
    if screen is None and recipe.depth_from is not None and recipe.depth_from.screens:
        screen = recipe.depth_from.screen
    floats = view.window == "float" and recipe.settings.paint.colormap is None
    known = screen is not None and model.info.calibrated and not floats
    return ShotDepth(
        model,
        zero_parallax=screen,
        follow=Follow.of(view.strength, recipe.rate),
        look_at_sides=floats,
        steady=recipe.settings.depth.steady,
        lead_in=kept - first,
        keep=end - kept,
        probes=probes_of(shot, recipe, model) if segment.is_divided(shot) and not known else None,
    )


def probes_of(shot: Shot, recipe: Recipe, model: DepthModel) -> Probes:
    """Raw depth of the frames, spread over a divided shot, that its pieces agree by."""
    maps: list[torch.Tensor] = []
    frames = probe_frames(shot)
    estimator = model.begin_shot()
    with recipe.depth_decoder() as decoder:
        for frame in frames:
            for batch in decoder.batches(frame, frame + 1, batch=1):
                maps += [estimator.push(recipe.framing.picture(batch))]
    maps.append(estimator.finish())
    return Probes(torch.cat([m for m in maps if len(m)]), frames[0], frames[-1])
