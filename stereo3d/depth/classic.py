"""``classic``: the embedded depth model that needs no weights.

Cheng, Li and Chen, "A Novel 2D-to-3D Conversion System Using Edge Information", IEEE Trans. Consumer Electronics 56(3),
2010: blocks are grouped along weak edges, each group takes its depth from a gradient hypothesis, and a joint filter
smooths the blocks along the picture's outlines. :mod:`.classic_groups` holds the grouping, :mod:`.classic_cues` the
hypothesis, :mod:`.classic_picture` the working picture and the filter. Here they meet time and the model's protocol.

It guesses a plausible relief, it does not measure one: for demos, tests and machines without weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from stereo3d.depth import classic_cues as cues
from stereo3d.depth.base import ModelInfo
from stereo3d.depth.classic_groups import group_depth, links
from stereo3d.depth.classic_picture import (
    Floats,
    Picture,
    cross_bilateral,
    guided,
    picture_of_frame,
    picture_of_rgb,
    resize,
)
from stereo3d.frames import FrameBatch

__all__ = ["ClassicModel", "ClassicShot"]

BATCH = 4
VERSION = 1
BLOCK = 6  # pixels of the working picture
FLAT = np.float32(0.5)  # the depth of a picture without content

THRESHOLD = 0.8  # scale of the cut: luma + chroma contrast, times the root of the smaller group's blocks
LARGEST = 0.8  # share of the picture above which a group is a receding surface
LIFT = 0.08  # how much nearer a figure is than what it stands before
SIGMA = 0.06  # colour difference that cross-bilateral fitting takes for another thing
RADIUS, EPSILON = 4, 0.0012  # of the guided filter: pixels, (luma of 0..1) squared

STILL = np.float32(0.06)  # weight of the newest frame in a block where nothing moves
SLOW = np.float32(0.04)  # weight of the newest frame in what describes the whole shot
MOVES = (0.015, 0.06)  # change of a block, luma + chroma, that is noise still; that is another content for sure


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a shot remembers of its past: colours and depth of the blocks, and what describes the whole picture."""

    blocks: Picture
    depth: Floats
    rows: Floats
    votes: Floats
    relief: Floats


class ClassicShot:
    """Depth of one shot. Every frame is answered at once, and frames are taken one by one, however they are batched."""

    def __init__(self) -> None:
        self._memory: _Memory | None = None
        self._size = (1, 1)

    def push(self, frames: FrameBatch) -> torch.Tensor:
        """Depth in [0, 1], 1 = near, of all the frames: [k, 1, h, w] float32 on the CPU, h x w the working size."""
        depth = np.stack([self.step(picture_of_frame(frames, number)) for number in range(len(frames))])
        return torch.from_numpy(depth[:, None])

    def finish(self) -> torch.Tensor:
        """No frame is ever owed: [0, 1, h, w]."""
        return torch.empty((0, 1, *self._size))

    def step(self, picture: Picture) -> Floats:
        """Depth of the next frame of the shot, [h, w] like the picture."""
        height, width = self._size = picture.y.shape
        blocks = cues.blocks_of(picture, max(1, round(width / BLOCK)), max(1, round(height / BLOCK)))
        self._memory = now = _remember(self._memory, picture, blocks)
        fitted = cross_bilateral(now.depth, blocks.planes, picture.planes, SIGMA)
        return np.clip(guided(picture.y, fitted, RADIUS, EPSILON), 0, 1)


def _remember(past: _Memory | None, picture: Picture, blocks: Picture) -> _Memory:
    """The memory of a shot after ``picture``, whose means over blocks are ``blocks``."""
    rows, cols = blocks.y.shape
    light = cues.lit(blocks.y)
    seen = cues.active_rows(light), cues.perspective(picture.y, _POINTS), cues.relief(light)
    if past is not None:
        before = past.rows, past.votes, past.relief
        seen = tuple(old + SLOW * (new - old) for old, new in zip(before, seen, strict=True))
    row_weights, votes, relief = seen
    prior = cues.prior(cues.hypothesis(row_weights, cols, votes), blocks, resize(cues.detail(picture.y), cols, rows))
    depth = group_depth(links(*blocks.planes), prior, THRESHOLD, LARGEST, LIFT)
    depth = FLAT + relief * (np.clip(depth, 0, 1) - FLAT)
    if past is not None:
        blocks, depth = _settle(past, blocks, depth)
    return _Memory(blocks, depth, row_weights, votes, relief)


_POINTS = np.array(cues.PERSPECTIVE_AT, np.float32)


def _settle(past: _Memory, blocks: Picture, depth: Floats) -> tuple[Picture, Floats]:
    """(colours, depth) of the blocks after this frame: the past where a block still shows what it showed, the new
    frame where it does not. Colours follow at the pace of the depth, so a slow change is noticed in the end."""
    moves = list(zip(past.blocks.planes, blocks.planes, strict=True))
    change = sum(np.abs(new - old) for old, new in moves)
    pace = STILL + (1 - STILL) * cues.smoothstep(*MOVES, change)
    return Picture(*(old + pace * (new - old) for old, new in moves)), past.depth + pace * (depth - past.depth)


class ClassicModel:
    """The weight-free model. It computes on the CPU whatever ``device`` says, and its results lie there."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device("cpu")

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            name="classic",
            identity=f"classic-edge-groups-v{VERSION}",
            licence="Apache-2.0",
            calibrated=True,
            notes=("classic is the weight-free stand-in: a plausible relief for demos and tests, not measured depth",),
        )

    def batch_for(self, height: int, width: int) -> int:
        """Frames travel a few at a time; each is computed on its own, so the number changes no pixel."""
        return BATCH

    def begin_shot(self) -> ClassicShot:
        return ClassicShot()

    def infer_raw(self, rgb: torch.Tensor) -> torch.Tensor:
        """Depth in [0, 1], 1 = near, of independent pictures [N, 3, H, W], uint8, or float in 0..1: [N, 1, H, W]."""
        depth = [ClassicShot().step(picture_of_rgb(picture)) for picture in rgb]
        height, width = int(rgb.shape[2]), int(rgb.shape[3])
        return torch.from_numpy(np.stack([resize(d, width, height) for d in depth])[:, None])

    def infer(self, rgb: torch.Tensor) -> torch.Tensor:
        """:meth:`infer_raw`, each picture scaled to 0..1 by its own minimum and maximum; a flat picture is 0.5."""
        raw = self.infer_raw(rgb)
        low, high = raw.amin((2, 3), keepdim=True), raw.amax((2, 3), keepdim=True)
        return torch.where(high - low > 1e-4, (raw - low) / (high - low).clamp_min(1e-4), torch.full_like(raw, 0.5))
