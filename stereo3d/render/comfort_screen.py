"""Where the screen lies within a shot: it follows the subject, lazily, slowly and without a jump. Pure arithmetic.

The subject's depth is measured at *keyframes*, evenly spread over a shot. Then:

1. a running median over :data:`SPAN` seconds, so that a passer-by moves nothing, and over :data:`END` at the shot's ends;
2. a speed limit: the mean of the lowest function above and of the highest below that change by ``speed`` a second (both do, so
   does their mean, and what was slow enough already stays as it is), kept to where the ends can be met at that speed;
3. laziness: the screen rests while the subject is within ``slack`` of it, and is taken along beyond;
4. a quadratic B-spline with these values as control points: smooth, within their range, and no faster than they are.

So the subject keeps near the screen, at a shot's ends above all: across a cut its parallax jumps by :data:`JUMP_PERCENT` at
most, and no shot needs to know its neighbour for it. Only a subject that gets farther from where it was than the screen may
go in the whole shot ends it beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from stereo3d.transfer import to_host

__all__ = [
    "JUMP_PERCENT",
    "SLACK_PERCENT",
    "SPEED_PERCENT",
    "Follow",
    "ScreenPath",
    "subject_depth",
]

SPEED_PERCENT = 0.5
"""% of the width a second that the screen may move through the scene."""
SLACK_PERCENT = 0.25
"""% of the width that the subject may be before or behind the screen until that follows."""
JUMP_PERCENT = 1.0
"""% of the width that the subject's parallax may jump over a cut: half of it on either side, the slack and as much again for
measurement and lag."""
SPAN = 3.0
"""Seconds of the running median: what is there for less than half of it is not the subject."""
END = 1.0
"""Seconds of it at a shot's first and last frame."""
STEPS = 1024
"""Positions of the screen between depth 0 and 1: 0.002 % of the width each at the usual strength."""
_GRID = 64  # columns, about: enough to tell a subject


@dataclass(frozen=True, slots=True)
class Follow:
    """How the screen follows: ``rate`` in frames a second, ``speed`` in depth a second, ``slack`` in depth."""

    rate: float = 24.0
    speed: float = SPEED_PERCENT / 2.5
    slack: float = SLACK_PERCENT / 2.5

    @classmethod
    def of(cls, strength: float, rate: float) -> Follow:
        """For a strength in % of the width."""
        strength = max(strength, 0.1)
        return cls(rate, SPEED_PERCENT / strength, SLACK_PERCENT / strength)


def subject_depth(depths: torch.Tensor) -> list[float]:
    """The depth of the subject in each map of [N, 1, h, w], 0..1.

    The subject is what is near in the middle of the picture: the 60 % quantile of depth weighted by a Gaussian (sigma 0.2 of
    the width, 0.25 of the height, centre at 45 % of the height).
    """
    every = max(1, depths.shape[3] // _GRID)
    maps = depths[..., every // 2 :: every, every // 2 :: every].float()
    maps = to_host(maps)[0]
    frames, _, height, width = maps.shape
    x = (torch.arange(width) + 0.5) / width - 0.5
    y = (torch.arange(height) + 0.5) / height - 0.45
    weight = torch.exp(-0.5 * ((y[:, None] / 0.25) ** 2 + (x[None, :] / 0.2) ** 2)).flatten()
    values, order = maps.reshape(frames, -1).sort(dim=1)
    share = weight[order].double().cumsum(1)
    place = torch.searchsorted(share, share[:, -1:] * 0.6).clamp(max=values.shape[1] - 1)
    return [min(max(float(value), 0.0), 1.0) for value in values.gather(1, place)[:, 0]]


class ScreenPath:
    """The screen's depth at every frame of a shot.

    ``measures``: the subject's depth at keyframes, the first at frame ``first``, then every ``step`` frames. What lies beyond
    is as at the ends, or is told by :meth:`see`.
    """

    def __init__(self, measures: Sequence[float], first: float, step: float, follow: Follow) -> None:
        self._first, self._step, self._follow = first, max(step, 1e-6), follow
        self._measures = list(measures)
        self._limit = follow.speed * self._step / follow.rate
        self._radius = max(1, round(SPAN / 2 * follow.rate / self._step))
        least = max(1, round(END / 2 * follow.rate / self._step))
        self._subject = _slow(_running_median(self._measures, self._radius, least), self._limit)
        self._controls = _lazy(self._subject, follow.slack)
        self._seen = len(self._measures)

    def at(self, frame: int) -> float:
        """The depth on the screen, 0..1, a multiple of 1/STEPS."""
        place = min(max((frame - self._first) / self._step, -0.5), len(self._controls) - 0.5)
        middle = min(int(place + 0.5), len(self._controls) - 1)
        off = place - middle
        before, here, after = (self._control(middle + k) for k in (-1, 0, 1))
        value = 0.5 * (0.5 - off) ** 2 * before + (0.75 - off * off) * here + 0.5 * (0.5 + off) ** 2 * after
        return round(value * STEPS) / STEPS

    def see(self, frame: int, depth: torch.Tensor) -> None:
        """The next frame of a shot that goes on beyond the last keyframe, its depth [1, h, w]; then ask for its screen.

        What is seen here counts two keyframes later, for the path behind must not change.
        """
        if frame < round(self._first + self._seen * self._step):
            return
        if self._seen == len(self._controls):
            self._controls += [self._controls[-1]] * 2
        self._seen += 1
        self._measures += subject_depth(depth[None])
        recent = float(np.median(self._measures[-2 * self._radius - 1 :]))
        slow = min(max(recent, self._subject[-1] - self._limit), self._subject[-1] + self._limit)
        self._subject.append(slow)
        slack = self._follow.slack
        self._controls.append(min(max(self._controls[-1], slow - slack), slow + slack))

    def _control(self, number: int) -> float:
        return self._controls[min(max(number, 0), len(self._controls) - 1)]


def _running_median(values: Sequence[float], radius: int, least: int) -> list[float]:
    """Over ``radius`` values to either side; towards the ends over fewer, ``least`` or more: what is there at a cut counts."""
    last = len(values) - 1
    reach = [max(least, min(radius, i, last - i)) for i in range(len(values))]
    return [float(np.median(values[max(0, i - r) : i + r + 1])) for i, r in enumerate(reach)]


def _slow(values: Sequence[float], limit: float) -> list[float]:
    """Values that change by ``limit`` at most from one to the next, and are true at both ends if that can be."""
    given = np.asarray(values, np.float64)
    place = np.arange(len(given))
    way = limit * np.abs(place[:, None] - place)
    slow = ((given - way).max(1) + (given + way).min(1)) / 2
    short = max(0.0, abs(given[-1] - given[0]) - way[0, -1]) / 2 * np.sign(given[-1] - given[0])
    first, last = given[0] + short, given[-1] - short
    low = np.maximum(first - way[0], last - way[-1])
    high = np.minimum(first + way[0], last + way[-1])
    return [float(value) for value in np.clip(slow, low, high)]


def _lazy(values: Sequence[float], slack: float) -> list[float]:
    """Values within ``slack`` of those given that change only when they must, starting as near to the median as may be."""
    rest = float(np.median(values))
    path: list[float] = []
    for value in values:
        rest = min(max(rest, value - slack), value + slack)
        path.append(rest)
    return path
