"""A picture in, a stereoscopic picture out: the film path for one frame, without a work folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from stereo3d.depth.base import DepthModel
from stereo3d.files import publish
from stereo3d.frames import Shot
from stereo3d.media.still import write_picture
from stereo3d.pipeline.build import pictures
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.recipe import Found, Models, Recipe
from stereo3d.pipeline.staging import ComfortFacts
from stereo3d.plan.segments import make_plan

__all__ = ["convert_picture"]


def convert_picture(recipe: Recipe, model: DepthModel, output: Path, meter: Meter) -> ComfortFacts:
    """Render the one frame of a picture source and write it to ``output`` (.png or .jpg). What it asks of eyes."""
    plan = make_plan(recipe.timeline, (Shot(0, 1),))
    found = Found()
    with closing(pictures(plan, recipe, Models(model), meter, found)) as views:
        packed = next(views)
    temporary = output.with_name(f".{output.stem}.part{output.suffix}")
    try:
        write_picture(temporary, packed)
        publish(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)
    return found.comfort.get(0, ComfortFacts())
