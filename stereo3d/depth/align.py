"""Robust affine maps between depth maps that agree up to scale and shift (pure NumPy).

A depth network knows depth only up to ``scale * value + shift``, its *gauge*, and the gauge differs from frame to frame.
Here a gauge is found by comparing two maps of (mostly) the same scene, cell by cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["IDENTITY", "Affine", "Fit", "fit_affine", "mean_affine"]

Values = npt.NDArray[np.float64]

_TOLERANCE = 0.04  # of the spread: a cell that fits better than this agrees with the fit
_SPARSE = 3  # every third cell is enough to start from
_ROUNDS = 5
_CUT = 2.5  # deviations at which a cell is left out: tight, since cells that moved are many and lie on one side


@dataclass(frozen=True, slots=True)
class Affine:
    """The map ``v -> scale * v + shift``."""

    scale: float = 1.0
    shift: float = 0.0

    def __call__(self, value: float) -> float:
        return self.scale * value + self.shift

    def after(self, first: Affine) -> Affine:
        """The map that applies ``first``, then this one."""
        return Affine(self.scale * first.scale, self.scale * first.shift + self.shift)

    def inverse(self) -> Affine:
        return Affine(1.0 / self.scale, -self.shift / self.scale)

    def toward(self, other: Affine, share: float) -> Affine:
        """``share`` = 0 gives this map, 1 gives ``other``; in between, the pointwise mixture."""
        return Affine(
            self.scale + share * (other.scale - self.scale),
            self.shift + share * (other.shift - self.shift),
        )


IDENTITY = Affine()


@dataclass(frozen=True, slots=True)
class Fit:
    """``affine`` maps the first map's values to the second's. ``doubt`` >= 0 says how little to believe it: the residual of
    the cells that agree with it over their own deviation (noise to signal), divided by the square of their share;
    infinite where no map could be told. Measured: the ends of the range are right to 0.5 % for a doubt below 0.2."""

    affine: Affine
    doubt: float


NO_FIT = Fit(IDENTITY, math.inf)


def mean_affine(maps: Iterable[Affine]) -> Affine:
    """The pointwise mean of some maps (at least one)."""
    table = np.array([(m.scale, m.shift) for m in maps])
    scale, shift = table.mean(axis=0)
    return Affine(float(scale), float(shift))


def fit_affine(source: Values, target: Values) -> Fit:
    """The gauge between two maps of the same cells: ``affine(source) ~ target``. Both [n], finite.

    Robust: cells that moved, appeared or went are left out (Tukey weights, from a start that most cells agree with).
    Symmetric: the slope is the ratio of the weighted deviations (reduced major axis), not the least squares slope, which
    noise makes too small; chained over hundreds of frames that would flatten the depth.
    """
    spread = float(target.std())
    if source.size < 8 or spread == 0.0 or float(source.std()) == 0.0:
        return NO_FIT
    affine = _start(source[::_SPARSE], target[::_SPARSE], _TOLERANCE * spread)
    for _ in range(_ROUNDS):
        residual = _residual(affine, source, target)
        cut = _CUT * max(1.4826 * float(np.median(np.abs(residual))), 1e-3 * spread)
        weight = np.square(np.maximum(1.0 - np.square(residual / cut), 0.0))
        better = _major_axis(source, target, weight)
        if better is None:
            return NO_FIT
        affine = better
    return Fit(affine, _doubt(affine, source, target))


def _residual(affine: Affine, source: Values, target: Values) -> Values:
    return target - affine.scale * source - affine.shift


def _start(source: Values, target: Values, tolerance: float) -> Affine:
    """The best of a few lines: slope 1, and deciles of the slopes through pairs of cells far apart in value. Where 60 % of
    the cells agree, so do a third of the pairs, and a decile falls among them. Best: the smallest mean residual when no
    cell may count more than twice ``tolerance``."""
    half = source.size // 2
    run, rise = source[half : 2 * half] - source[:half], target[half : 2 * half] - target[:half]
    apart = np.abs(run) > 0.25 * float(source.std())
    slopes = [1.0]
    if apart.any():
        slopes += [float(s) for s in np.quantile(rise[apart] / run[apart], np.arange(0.1, 0.95, 0.1)) if s > 0]
    lines = [Affine(slope, float(np.median(target - slope * source))) for slope in slopes]
    return min(lines, key=lambda a: float(np.minimum(np.abs(_residual(a, source, target)), 2 * tolerance).mean()))


def _major_axis(source: Values, target: Values, weight: Values) -> Affine | None:
    """Reduced major axis of the weighted cells; None where they do not determine a rising line."""
    total = float(weight.sum())
    mean_s, mean_t = float(weight @ source) / total, float(weight @ target) / total
    ds, dt = source - mean_s, target - mean_t
    var_s, var_t = float(weight @ np.square(ds)), float(weight @ np.square(dt))
    if var_s <= 0 or var_t <= 0 or float(weight @ (ds * dt)) <= 0:
        return None
    slope = float(np.sqrt(var_t / var_s))
    return Affine(slope, mean_t - slope * mean_s)


def _doubt(affine: Affine, source: Values, target: Values) -> float:
    residual = _residual(affine, source, target)
    good = np.abs(residual) < _TOLERANCE * float(np.ptp(np.quantile(target, (0.01, 0.99))))
    share = float(good.mean())
    signal = affine.scale * float(source[good].std()) if share > 0 else 0.0
    return float(residual[good].std()) / signal / share**2 if signal > 0 else math.inf
