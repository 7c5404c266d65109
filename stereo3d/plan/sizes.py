"""A size for the whole film, divided among its segments. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from stereo3d.plan.segments import Segment

__all__ = ["segment_goals"]

_LEAST = 0.1
"""Share of the average that a segment gets at least: what its source does not tell may cost something in two views."""


def segment_goals(total: int, plan: Sequence[Segment], weights: Sequence[int]) -> tuple[int, ...]:
    """Bytes for each segment, ``total`` together. ``weights``: what each frame took in the source, whose encoder knew how hard it was
    to show; where it does not say, all frames weigh the same."""
    frames = sum(map(len, plan))
    mean = sum(weights) / frames or 1.0
    known = [max(sum(weights[s.start : s.end]), _LEAST * mean * len(s)) for s in plan]
    whole = sum(known)
    return tuple(max(1, round(total * share / whole)) for share in known)
