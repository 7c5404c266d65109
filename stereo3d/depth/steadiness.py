"""How steady a sequence of depth maps is, and how true (pure). Used by the tests and by ``stereo3d bench steadiness``.

Maps are [N, h, w] float arrays in any unit; every score is relative to the sequence's own extent, so that a method
cannot win by flattening the depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["Drift", "Fidelity", "Flow", "drift", "estimate_flow", "extent", "fidelity", "flicker", "follow"]

Array = npt.NDArray[np.float32]

_WINDOW = 24  # frames over which drift is averaged
_EDGE = 0.03  # of the range a pixel: an outline is steeper


@dataclass(frozen=True, slots=True)
class Flow:
    """Where the pixels of a frame are in the next one: x + dx, y + dy (pixels, [h, w] float32), known where ``valid``."""

    dx: Array
    dy: Array
    valid: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Drift:
    """``moved``: the farthest that the map from true depth to depth goes from where it was in the first window, at the
    near or the far end, in % of the range. ``contrast``: its slope in the last window over its slope in the first."""

    moved: float
    contrast: float


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What a sequence is beside the truth, once brought to its scale by one affine map; in % of the truth's extent.

    ``flicker``: mean change of the error from a frame to the next (no flow is asked). ``error``: its mean size; ``edge_error``:
    within two pixels of true outlines. ``sharpness``: slope across true outlines over that of the truth.
    """

    flicker: float
    error: float
    edge_error: float
    sharpness: float


def fidelity(depth: Array, truth: Array) -> Fidelity:
    """``depth`` beside ``truth``, both [N, h, w], N >= 2."""
    x, y = truth - truth.mean(), depth - depth.mean()
    slope = float((x * y).mean() / max(float(np.square(x).mean()), 1e-30))
    error = y / slope - x
    edges = np.stack([_slopes(frame) for frame in truth])
    steep = edges > _EDGE
    near = np.stack([cv2.dilate(frame.astype(np.uint8), np.ones((5, 5), np.uint8)) for frame in steep]).astype(bool)
    blurred = np.stack([_slopes(frame) for frame in depth / np.float32(slope)])
    unit = 100 / extent(truth)
    return Fidelity(
        unit * float(np.abs(np.diff(error, axis=0)).mean()),
        unit * float(np.abs(error).mean()),
        unit * float(np.abs(error[near]).mean()) if near.any() else 0.0,
        float(blurred[steep].mean() / edges[steep].mean()) if near.any() else 1.0,
    )


def _slopes(depth: Array) -> Array:
    """Change a pixel at each pixel (Sobel)."""
    slopes: Array = np.hypot(cv2.Sobel(depth, cv2.CV_32F, 1, 0), cv2.Sobel(depth, cv2.CV_32F, 0, 1)) / 8
    return slopes


def extent(depth: Array) -> float:
    """Percentile 99 minus percentile 1 over the whole sequence."""
    low, high = np.quantile(depth[:: max(1, len(depth) // 64)], (0.01, 0.99))
    return float(high - low)


def follow(depth: Array, flow: Flow) -> Array:
    """A map of the next frame seen from the pixels of this one (bilinear), [h, w]."""
    rows, cols = np.indices(depth.shape, dtype=np.float32)
    seen: Array = cv2.remap(depth, cols + flow.dx, rows + flow.dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return seen


def flicker(depth: Array, flows: list[Flow]) -> float:
    """Mean change of depth from a frame to the next along the motion, in % of the sequence's extent.

    ``flows``: N - 1 of them. What comes nearer or goes farther changes along the motion too: compare methods on the same
    sequence, and see the score of the truth."""
    changes = [
        float(np.abs(follow(depth[i + 1], flow) - depth[i])[flow.valid].mean())
        for i, flow in enumerate(flows)
        if flow.valid.any()
    ]
    return 100 * float(np.mean(changes)) / max(extent(depth), 1e-12)


def drift(depth: Array, truth: Array) -> Drift:
    """How the map from ``truth`` to ``depth`` (least squares over windows of 24 frames) wanders over the sequence."""
    ends = np.quantile(truth, (0.01, 0.99))
    lines = []
    for start in range(0, len(depth) - _WINDOW + 1, _WINDOW):
        x = truth[start : start + _WINDOW].ravel().astype(np.float64)
        y = depth[start : start + _WINDOW].ravel().astype(np.float64)
        slope = float(((x - x.mean()) * (y - y.mean())).mean() / max(x.var(), 1e-30))
        lines.append((slope, slope * (ends - x.mean()) + y.mean()))
    first_slope, first = lines[0]
    moved = max(float(np.abs(at - first).max()) for _, at in lines)
    unit = max(abs(first_slope) * float(ends[1] - ends[0]), 1e-12)
    return Drift(100 * moved / unit, lines[-1][0] / first_slope if first_slope else 0.0)


def estimate_flow(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> Flow:
    """Dense inverse search flow between two grey pictures [h, w]; valid where it and its reverse agree to one pixel."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    there, back = search.calc(before, after, None), search.calc(after, before, None)
    forward = Flow(there[..., 0], there[..., 1], np.ones(before.shape, np.bool_))
    miss_x = there[..., 0] + follow(np.ascontiguousarray(back[..., 0]), forward)
    miss_y = there[..., 1] + follow(np.ascontiguousarray(back[..., 1]), forward)
    return Flow(forward.dx, forward.dy, np.hypot(miss_x, miss_y) < 1.0)
