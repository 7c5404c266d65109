"""How the picture moves within a shot: a flow from frame to frame, and a smooth model of it that knows depth.

The model gives what the flow alone cannot know: where a point goes that is hidden behind something nearer. The flow of
a moving camera over a still world is, for small steps, a polynomial of place plus disparity times a polynomial of place
(Longuet-Higgins and Prazdny 1980); it is fitted robustly to points followed in a reduced picture. What the fit leaves, the motion of whatever moves by itself, is kept beside it. Pure numpy and OpenCV, on the CPU.

Places are normalised: ``X = (x - W/2) / W``, ``Y = (y - H/2) / W``, shifts ``D = shift / W``.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["TERMS", "Look", "Model", "Step", "chained", "look", "steps"]

Array = npt.NDArray[np.float32]
Model = npt.NDArray[np.float64]
"""[3, TERMS]: change of X, of Y and of D as polynomials of (X, Y, D)."""

TERMS = 9
"""1, X, Y, X^2, XY, Y^2, D, DX, DY."""
WIDTH = 640
"""Pixels of width (at most) of the reduced picture that is followed."""
EVERY = 20
"""Pixels of the reduced picture from one followed point to the next."""
_PATCH, _LEVELS, _FLAT = 11, 3, 1e-3
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 0.03)
_ROUNDS = 4
_LEAST_RANGE = 2e-3  # of the width: shifts that are closer together move no pixel by their jumps
_LEAST_SCALE = 2e-4  # of the width: what a good flow is wrong by anyway


@dataclass(frozen=True, slots=True)
class Look:
    """A frame as motion sees it: ``grey`` uint8 [h, w], its shifts float32 [h', w'] in pixels of a picture ``width`` wide, and the least and the
    largest D."""

    grey: npt.NDArray[np.uint8]
    shift: Array
    width: int
    farthest: float
    nearest: float

    def near(self, points: Array) -> Array:
        """D at points [M, 2] of ``grey``."""
        across, down = (there / here for here, there in zip(self.grey.shape[::-1], self.shift.shape[::-1], strict=True))
        column, row = (points[:, 0] + 0.5) * across, (points[:, 1] + 0.5) * down
        return np.asarray(self.shift[row.astype(np.intp), column.astype(np.intp)] / np.float32(self.width))


@dataclass(frozen=True, slots=True)
class Step:
    """The motion from one frame to a neighbour: ``model``, and ``rest`` float32 [h / EVERY, w / EVERY, 2], what it says too little in
    widths of the picture, 0 where nothing could be followed. ``jump``: by how much depth departs from
    the model, in the middle of the followed points, as a share of the shifts' range: where depth jumps about it does not say what
    was behind what."""

    model: Model
    rest: Array
    jump: float


FEWEST = 3 * TERMS
"""Followed points that a model of the motion needs at least."""


def look(luma: npt.NDArray[np.generic], shift: Array, peak: int) -> Look:
    """``luma`` [H, W] of any whole-number type up to ``peak``; ``shift`` in pixels of ``luma``, of any size."""
    height, width = luma.shape
    size = (min(width, WIDTH), max(2 * EVERY, round(height * min(width, WIDTH) / width)))
    small = luma
    while small.shape[1] >= 2 * size[0] and small.shape[0] >= 2 * size[1]:  # halving is fast
        small = cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA)
    small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    grey = small if small.dtype == np.uint8 else cv2.convertScaleAbs(small, alpha=255 / peak)
    return Look(np.asarray(grey, np.uint8), shift, width, float(shift.min()) / width, float(shift.max()) / width)


def steps(one: Look, two: Look) -> tuple[Step, Step]:
    """The motion from ``one`` to ``two`` and back: points of a grid are followed (pyramidal Lucas-Kanade, Bouguet 2001)."""
    height, width = one.grey.shape
    rows, columns = np.mgrid[EVERY // 2 : height : EVERY, EVERY // 2 : width : EVERY].astype(np.float32)
    start = np.stack([columns.ravel(), rows.ravel()], 1)
    end, good, _ = cv2.calcOpticalFlowPyrLK(
        one.grey,
        two.grey,
        start,
        None,
        winSize=(_PATCH, _PATCH),
        maxLevel=_LEVELS,
        criteria=_STOP,
        minEigThreshold=_FLAT,
    )
    inside = ((end >= 0) & (end <= (width - 1, height - 1))).all(1) & (good[:, 0] > 0)
    start, end = start[inside], np.asarray(end[inside], np.float32)
    depths = one.near(start), two.near(end)
    change = np.column_stack([(end - start) / width, depths[1] - depths[0]]).astype(np.float64)
    weight: npt.NDArray[np.float64] = np.ones(len(start))  # of the way there: they are the same points on the way back
    there, back = _places(start, depths[0], (width, height)), _places(end, depths[1], (width, height))
    models = _fitted(there, change, weight, _ROUNDS), _fitted(back, -change, weight, 1)
    left = change - there @ models[0].T
    jump = _jump(depths[0], left[:, 2])
    forth = Step(models[0], _grid(start, left, (width, height)), jump)
    return forth, Step(models[1], _grid(end, -change - back @ models[1].T, (width, height)), jump)


def _places(points: Array, near: Array, size: tuple[int, int]) -> Model:
    """The terms of points (reduced pixels) of shift ``near``."""
    width, height = size
    return terms((points[:, 0] + 0.5) / width - 0.5, (points[:, 1] + 0.5 - height / 2) / width, near)


def _grid(points: Array, left: Model, size: tuple[int, int]) -> Array:
    """What the model leaves of the motion, where the points are."""
    width, height = size
    rest = np.zeros((-(-height // EVERY), -(-width // EVERY), 2), np.float32)
    rest[points[:, 1].astype(int) // EVERY, points[:, 0].astype(int) // EVERY] = left[:, :2]
    return rest


def _jump(near: Array, left: npt.NDArray[np.float64]) -> float:
    """``left``: what the model leaves of the change of the shifts ``near``. Too few points tell of none."""
    if len(near) < FEWEST:
        return 0.0
    low, high = np.quantile(near, (0.05, 0.95))
    return float(np.median(np.abs(left)) / max(high - low, _LEAST_RANGE))


def terms(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating], d: npt.NDArray[np.floating]) -> Model:
    """The polynomial terms of M places, [M, TERMS]."""
    out = np.empty((TERMS, len(x)))
    for row, term in zip(out, (np.ones_like(x), x, y, x * x, x * y, y * y, d, d * x, d * y), strict=True):
        row[:] = term
    return out.T


def _fitted(places: Model, moved: Model, weight: npt.NDArray[np.float64], rounds: int) -> Model:
    """Least squares with the weights of Geman and McClure, the scale from the median residual; ``weight`` is renewed. Too few places (a
    black or plain picture) say nothing: no motion."""
    if len(places) < FEWEST:
        return np.zeros((3, TERMS))
    ridge = 1e-9 * len(places) * np.eye(TERMS)
    model: Model = np.zeros((TERMS, 3))
    for turn in range(rounds):
        weighted = places * weight[:, None]
        model = np.asarray(np.linalg.solve(weighted.T @ places + ridge, weighted.T @ moved))
        if turn + 1 < rounds:
            miss = np.square(moved[:, :2] - places @ model[:, :2]).sum(1)
            scale = max(2 * np.median(miss), _LEAST_SCALE**2)
            weight[:] = np.square(scale / (scale + miss))
    return np.ascontiguousarray(model.T)


def chained(models: list[Model], aspect: float, nearest: float, farthest: float) -> list[Model]:
    """``models`` of consecutive steps as models from the first frame to each of the next: the places of a grid go
    through all steps and a model is fitted to where they come out. ``aspect``: height / width."""
    x, y, d = (
        axis.ravel()
        for axis in np.meshgrid(
            np.linspace(-0.5, 0.5, 5),
            np.linspace(-0.5, 0.5, 5) * aspect,
            np.linspace(farthest, max(nearest, farthest + 1e-3), 3),
        )
    )
    start: Model = np.stack([x, y, d], 1).astype(np.float64)
    inverse = np.linalg.pinv(terms(x, y, d))
    place: Model = start
    out = []
    for model in models:
        place = np.asarray(place + terms(*place.T) @ model.T)
        out.append(np.ascontiguousarray((inverse @ (place - start)).T))
    return out
