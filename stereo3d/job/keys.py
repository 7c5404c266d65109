"""What a thing is named by: hashes of all that it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple

from stereo3d.files import digest
from stereo3d.pipeline.build import PIPELINE_VERSION
from stereo3d.pipeline.recipe import Recipe
from stereo3d.plan.segments import Segment

__all__ = ["segment_key"]


def segment_key(segment: Segment, fingerprint: str, recipe: Recipe, identities: Mapping[str, str] | None = None) -> str:
    """The hash of all that a segment's pixels and times depend on. ``identities``: of the models that shots have of their
    own, by name."""
    timeline, settings = recipe.timeline, recipe.settings
    first = segment.start - segment.lead_in
    names = identities or {}
    own = [recipe.in_force(segment.piece(shot)[1]) for shot in segment.shots]
    return digest(
        {
            "pipeline": PIPELINE_VERSION,
            "source": fingerprint,
            "times": [str(timeline.time_base), list(timeline.pts[first : segment.end + segment.lead_out])],
            "frames": [segment.start, segment.end, segment.lead_in, segment.lead_out],
            "shots": [[shot.start, shot.end] for shot in segment.shots],
            "models": [names[o.model] if o.model else recipe.model_identity for o in own],
            "numerics": asdict(recipe.numerics),
            "views": [o.view.model_dump(mode="json") for o in own],
            "black": [o.black for o in own],
            "steady": settings.depth.steady,
            "cards": [recipe.cards.ease, list(recipe.cards.near(segment.start, segment.end))],
            "picture": settings.picture.model_dump(mode="json", exclude={"bars"}),
            "bars": [astuple(recipe.framing.trim), [astuple(recipe.framing.at(s.start)) for s in segment.shots]],
            "paint": settings.paint.model_dump(mode="json"),
            "encoder": asdict(recipe.encoder),
        }
    )
