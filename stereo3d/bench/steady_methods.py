"""The ways to make raw depth maps into depth that ``stereo3d bench steadiness`` compares, and what spoils true depth.

Maps are [N, h, w] float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch

from stereo3d.depth.motion import Grey
from stereo3d.depth.temporal import LOOK_AHEAD, ShotStabiliser
from stereo3d.depth.temporal_anchor import Anchor
from stereo3d.depth.temporal_motion import MotionAverage

__all__ = ["PER_FRAME", "Maps", "averaged", "minimum_maximum", "spoil", "stabilised"]

Maps = npt.NDArray[np.float32]


def minimum_maximum(raw: Maps) -> Maps:
    """Each picture by its own minimum and maximum: the tutorials' way."""
    low, high = raw.min(axis=(1, 2), keepdims=True), raw.max(axis=(1, 2), keepdims=True)
    return np.asarray((raw - low) / np.maximum(high - low, 1e-12), np.float32)


def percentiles(raw: Maps) -> Maps:
    """Each picture by its own percentiles 2 and 98."""
    return _ranged(raw, _ends(raw))


def smoothed_percentiles(raw: Maps) -> Maps:
    """Percentiles 2 and 98, smoothed over time: each frame's weigh a tenth."""
    ends = _ends(raw)
    for i in range(1, len(ends)):
        ends[i] = 0.9 * ends[i - 1] + 0.1 * ends[i]
    return _ranged(raw, ends)


def _ends(raw: Maps) -> npt.NDArray[np.float64]:
    return np.quantile(raw, (0.02, 0.98), axis=(1, 2)).T.astype(np.float64)


def _ranged(raw: Maps, ends: npt.NDArray[np.float64]) -> Maps:
    low, high = ends[:, 0, None, None], ends[:, 1, None, None]
    return np.asarray(((raw - low) / np.maximum(high - low, 1e-12)).clip(0, 1), np.float32)


PER_FRAME: dict[str, Callable[[Maps], Maps]] = {
    "min-max per frame": minimum_maximum,
    "p2-p98 per frame": percentiles,
    "EMA 0.9 of p2-p98": smoothed_percentiles,
}


def stabilised(raw: Maps, anchor: Anchor | None = None, *, align: bool = True) -> Maps:
    """``--steady range`` (``align`` False: ``--steady off``), with an ``anchor`` as a piece of a divided shot."""
    stabiliser = ShotStabiliser(LOOK_AHEAD, anchor, align=align)
    maps = torch.from_numpy(raw)[:, None]
    parts = [stabiliser.push(chunk) for chunk in torch.split(maps, 8)]
    return np.asarray(torch.cat([*parts, *stabiliser.finish()])[:, 0].numpy(), np.float32)


def averaged(depth: Maps, pictures: Sequence[Grey]) -> Maps:
    """What ``--steady motion`` does after that. ``pictures``: the frames' thumbnails."""
    motion = MotionAverage()
    motion.see(pictures)
    parts = [motion.push(chunk) for chunk in torch.split(torch.from_numpy(depth)[:, None], 8)]
    return np.asarray(torch.cat([*parts, *motion.finish()])[:, 0].numpy(), np.float32)


def spoil(truth: Maps, *, seed: int = 3) -> Maps:
    """Raw maps as a network gives them for true depth: soft outlines that wobble by 0.7 pixels, patches that breathe by 1 %
    of the range, fine noise of 0.3 %, scale and shift that jitter by 2 % and 1 %, and a re-scaling by 1.4 for good at half."""
    random = np.random.default_rng(seed)
    count, height, width = truth.shape
    rows, cols = np.indices((height, width), dtype=np.float32)
    maps = []
    for number, frame in enumerate(truth):
        dx, dy, breath = (_patches(random, height, width) for _ in range(3))
        wobbled = cv2.remap(frame, cols + 0.7 * dx, rows + 0.7 * dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        seen = cv2.GaussianBlur(wobbled, (0, 0), 1.0) + 0.01 * breath
        seen += 0.003 * random.standard_normal((height, width), np.float32)
        scale, shift = 1 + 0.02 * random.standard_normal(), 0.01 * random.standard_normal()
        if number >= count // 2:
            scale, shift = 1.4 * scale, shift + 0.1
        maps.append(8 * (scale * seen + shift))
    return np.stack(maps).astype(np.float32)


def _patches(random: np.random.Generator, height: int, width: int) -> Maps:
    """Smooth noise of deviation 1."""
    field = cv2.GaussianBlur(random.standard_normal((height, width), np.float32), (0, 0), 7.0)
    return np.asarray(field / field.std(), np.float32)
