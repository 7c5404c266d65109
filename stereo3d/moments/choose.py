"""Moments that stand for a film: spread over it, and over its kinds of shots, found from a sparse sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import torch

from stereo3d.colour import black
from stereo3d.depth import load_model
from stereo3d.depth.base import DepthModel
from stereo3d.moments.moments import Moments
from stereo3d.plan.bars import crop
from stereo3d.render.comfort_screen import subject_depth
from stereo3d.render.shrink import shrunk

__all__ = ["KINDS", "Candidate", "chosen", "sampled"]

KINDS = ("near", "far", "dark", "fast")
"""What sets a shot apart: its subject is near, or far; it is dark; much moves."""

_EACH = 3  # candidates for a moment
_WIDTH = 192  # pixels: enough to tell near from far
_REACH = Fraction(1, 4)  # seconds on either side: enough to see motion
_SETTLE = Fraction(1)  # seconds after a keyframe, where a shot has often begun just now
_BLANK = 0.02  # of the code values: less deviation from the mean is a blank frame


@dataclass(frozen=True, slots=True)
class Candidate:
    """A moment to choose from. ``light``: its mean brightness, ``near``: the depth of its subject as the weight-free model sees it,
    ``motion``: as :attr:`Scene.motion`; all 0..1. ``blank``: there is nothing to see, or a card."""

    time: Fraction
    light: float
    near: float
    motion: float
    blank: bool = False

    def rank(self, kind: str) -> float:
        """How much it is of a kind (see :data:`KINDS`): of two the one with more is more of it."""
        return {"near": self.near, "far": -self.near, "dark": -self.light, "fast": self.motion}[kind]


def sampled(moments: Moments, count: int, start: Fraction, end: Fraction) -> Iterator[Candidate]:
    """Candidates for ``count`` moments (fewer in a film of fewer frames), spread over [start, end) seconds, each shortly after a keyframe
    where that is near. One is sought and decoded when it is asked for, and not before."""
    model = load_model("classic", device="cpu")
    many = count * _EACH
    step = (end - start) / many
    found: set[Fraction] = set()
    for n in range(many):
        candidate = _candidate(moments, start + step * (2 * n + 1) / 2, step, model)
        if candidate.time not in found:
            found.add(candidate.time)
            yield candidate


def _candidate(moments: Moments, time: Fraction, step: Fraction, model: DepthModel) -> Candidate:
    key = moments.keyframe(time)
    if 2 * _SETTLE < time - key < step:  # so that little is decoded, and no two candidates fall together
        time = key + _SETTLE
    scene = moments.scene(time, beside=1, reach=_REACH)
    picture = shrunk(crop(scene.source, scene.bars), _WIDTH)
    luma = picture.planes[0].float()
    low, top = black(picture.format, 0), (1 << picture.format.bits) - 1
    blank = scene.card or float(luma.std()) / top < _BLANK
    estimator = model.begin_shot()
    raw = torch.cat([estimator.push(picture), estimator.finish()])
    low_depth, high_depth = raw.amin(), raw.amax()
    near = subject_depth((raw - low_depth) / (high_depth - low_depth).clamp_min(1e-6))[0]
    return Candidate(scene.time, (float(luma.mean()) - low) / top, near, scene.motion, blank)


def chosen(candidates: Sequence[Candidate], count: int) -> list[tuple[Candidate, str]]:
    """``count`` of the candidates (fewer where there are no more) in order, with their kind, "" for the rest.

    The candidates are cut into ``count`` stretches, and each stretch has one moment, so that they are spread over the film. First every
    kind chooses the moment that is most of it, in stretches that are still free; the rest of the stretches give what is least
    remarkable, with blank ones last everywhere.
    """
    count = min(count, len(candidates))
    free = {
        n: list(candidates[n * len(candidates) // count : (n + 1) * len(candidates) // count]) for n in range(count)
    }
    taken: dict[int, tuple[Candidate, str]] = {}
    for kind in islice(KINDS, max(0, count - 1)):  # one at least is just the film
        stretch, best = max(
            ((n, candidate) for n, some in free.items() for candidate in some),
            key=lambda item: (not item[1].blank, item[1].rank(kind)),
        )
        if not best.blank:
            taken[stretch] = (best, kind)
            del free[stretch]
    middle = _middle(candidates)
    for stretch, some in free.items():
        taken[stretch] = min(some, key=lambda candidate: (candidate.blank, middle(candidate))), ""
    return [taken[n] for n in sorted(taken)]


def _middle(candidates: Sequence[Candidate]) -> Callable[[Candidate], float]:
    """How far a candidate is from the usual."""

    def usual(values: Sequence[float]) -> float:
        return sorted(values)[len(values) // 2]

    near, light = usual([c.near for c in candidates]), usual([c.light for c in candidates])
    return lambda candidate: abs(candidate.near - near) + abs(candidate.light - light)
