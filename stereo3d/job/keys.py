"""What a thing is named by: hashes of all that it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path

from stereo3d.errors import ChangedError
from stereo3d.files import digest, source_fingerprint
from stereo3d.media.info import MediaInfo
from stereo3d.pipeline.build import PIPELINE_VERSION
from stereo3d.pipeline.recipe import Recipe
from stereo3d.plan.segments import Segment

__all__ = ["Unchanged", "film_fingerprint", "segment_key"]


def film_fingerprint(info: MediaInfo) -> str:
    """What a film is by its content, and by how its fields are read: a frame for each is another film, with other times."""
    return source_fingerprint(info.path) + ("-fields" if info.video.fields else "")


class Unchanged:
    """Watches that a source stays what it was. ``fingerprint``: see :func:`source_fingerprint`."""

    def __init__(self, source: Path, fingerprint: str) -> None:
        self._source, self._fingerprint = source, fingerprint
        self._look: tuple[int, int] | None = None

    def check(self) -> None:
        """Look again; its content is compared the first time, and where its size or time is another. Raises ChangedError. A source
        that is gone is for those to tell who read it."""
        look = self._looks()
        if look is None or look == self._look:
            return
        if not self._fingerprint.startswith(source_fingerprint(self._source)):
            raise ChangedError(
                f"{self._source} changed while it was converted",
                hint="wait until nobody writes to it; the same command then makes the film anew",
            )
        self._look = look

    def _looks(self) -> tuple[int, int] | None:
        try:
            status = self._source.stat()
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns


def segment_key(segment: Segment, fingerprint: str, recipe: Recipe, identities: Mapping[str, str] | None = None) -> str:
    """The hash of all that a segment's pixels and times depend on. ``identities``: of the models that shots have of their
    own, by name."""
    timeline, settings = recipe.timeline, recipe.settings
    wide = recipe.widened(segment)
    names = identities or {}
    own = [recipe.in_force(segment.piece(shot)[1]) for shot in segment.shots]
    return digest(
        {
            "pipeline": PIPELINE_VERSION,
            "source": fingerprint,
            "times": [
                str(timeline.time_base),
                list(timeline.pts[wide.start - wide.lead_in : wide.end + wide.lead_out]),
            ],
            "frames": [segment.start, segment.end, wide.start, wide.end, wide.lead_in, wide.lead_out],
            "shots": [[shot.start, shot.end] for shot in segment.shots],
            "models": [names[o.model] if o.model else recipe.model_identity for o in own],
            "numerics": asdict(recipe.numerics),
            "views": [o.view.model_dump(mode="json") for o in own],
            "black": [o.black for o in own],
            "steady": settings.depth.steady,
            "cards": [recipe.cards.ease, list(recipe.cards.near(segment.start, segment.end))],
            "seekable": recipe.seekable,
            "picture": settings.picture.model_dump(mode="json", exclude={"bars"}),
            "bars": [astuple(recipe.framing.trim), [astuple(recipe.framing.at(s.start)) for s in segment.shots]],
            "paint": settings.paint.model_dump(mode="json"),
            "encoder": asdict(recipe.encoder_of(segment)),
            **({"goal": recipe.goals[segment.number]} if recipe.goals else {}),
        }
    )
