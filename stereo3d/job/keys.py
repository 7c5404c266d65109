"""What a thing is named by: hashes of all that it depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from stereo3d.errors import InputError
from stereo3d.pipeline.build import PIPELINE_VERSION
from stereo3d.pipeline.recipe import Recipe
from stereo3d.plan.segments import Segment

__all__ = ["segment_key", "source_fingerprint"]

_SAMPLE = 1 << 18
_SAMPLES = 64


def digest(value: Any) -> str:
    """32 hex digits for a JSON-ready value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def source_fingerprint(path: Path) -> str:
    """What the source is, by content: its size and 64 samples of 256 KiB spread over it, the first and the last bytes
    among them. Reading 80 GB to the end each evening would cost minutes; an edit that spares every sample and the size
    is not a thing that happens to films. A folder is the list of its files' names, sizes and samples.
    """
    try:
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.is_file())
            return digest([[p.name, _file_fingerprint(p, samples=1)] for p in files])
        return _file_fingerprint(path, samples=_SAMPLES)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", hint="see that the file is readable") from error


def _file_fingerprint(path: Path, *, samples: int) -> str:
    size = path.stat().st_size
    hasher = hashlib.sha256(str(size).encode())
    with open(path, "rb") as stream:
        step = max(1, (size - _SAMPLE) // max(1, samples - 1)) if size > _SAMPLE * samples else _SAMPLE
        for position in range(0, max(1, size), step):
            stream.seek(min(position, max(0, size - _SAMPLE)) if size > _SAMPLE * samples else position)
            hasher.update(stream.read(_SAMPLE))
    return hasher.hexdigest()[:32]


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
            "picture": settings.picture.model_dump(mode="json", exclude={"bars"}),
            "bars": [astuple(recipe.framing.trim), [astuple(recipe.framing.at(s.start)) for s in segment.shots]],
            "paint": settings.paint.model_dump(mode="json"),
            "encoder": asdict(recipe.encoder),
        }
    )
