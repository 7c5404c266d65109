"""A synthetic shot with known depth and motion, and the ways a network spoils it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stereo3d.depth.steadiness import Flow

HEIGHT, WIDTH = 144, 256
MARGIN = 60  # a disc that leaves the picture by this much comes back on the other side


@dataclass(frozen=True)
class Layer:
    """A disc: centre and radius in pixels of frame 0, inverse depth, its own speed and approach a frame."""

    x: float
    y: float
    radius: float
    depth: float
    speed: float = 0.0
    approach: float = 0.0
    enters: int = 0
    leaves: int = 10**9


DISCS = (
    Layer(40, 60, 22, 0.35, 0.10),
    Layer(200, 70, 26, 0.42, -0.15),
    Layer(120, 95, 20, 0.55, 0.25),
    Layer(230, 110, 24, 0.62, -0.30, 0.0001),
    Layer(60, 115, 26, 0.70, 0.20),
)
WALKER = Layer(-55, 85, 50, 1.0, 1.4, enters=120, leaves=340)


@dataclass(frozen=True)
class SyntheticShot:
    """``truth`` [N, h, w] float32 inverse depth; ``flows`` N - 1."""

    truth: np.ndarray
    flows: list[Flow]


def synthetic_shot(frames: int, *, pan: float = 0.5, travel: float = 0.0, walker: bool = True) -> SyntheticShot:
    """A hilly ground, a far wall and discs, seen by a camera that sways by ``pan`` (1: 60 pixels of what is
    nearest) and travels sideways by ``travel`` pixels a frame; parallax grows with depth."""
    rows, cols = np.indices((HEIGHT, WIDTH), dtype=np.float32)
    discs = sorted((*DISCS, *([WALKER] if walker else [])), key=lambda d: d.depth)
    sway = [60 * pan * np.sin(2 * np.pi * t / 240) - travel * t for t in range(frames + 1)]
    truth, owners, moves = [], [], []
    for t in range(frames):
        shift = 0.4 * sway[t]
        ground = 0.12 + 0.45 * np.clip(rows / HEIGHT - 0.35, 0, 1)
        depth = ground + 0.03 * np.sin((cols - shift) / 17) * np.cos(rows / 11)
        owner = np.zeros(depth.shape, np.int8)
        move = np.full(depth.shape, 0.4 * (sway[t + 1] - sway[t]), np.float32)
        for number, disc in enumerate(discs, start=1):
            if not disc.enters <= t < disc.leaves:
                continue
            x = (disc.x + disc.speed * (t - disc.enters) + disc.depth * sway[t] + MARGIN) % (
                WIDTH + 2 * MARGIN
            ) - MARGIN
            inside = (cols - x) ** 2 + (rows - disc.y) ** 2 < disc.radius**2
            depth[inside] = disc.depth + disc.approach * t + 0.0004 * (rows - disc.y)[inside]
            owner[inside] = number
            move[inside] = disc.speed + disc.depth * (sway[t + 1] - sway[t])
        truth.append(depth.astype(np.float32))
        owners.append(owner)
        moves.append(move)
    flows = []
    for t in range(frames - 1):
        x = np.rint(cols + moves[t]).astype(int)
        inside = (x >= 0) & (x < WIDTH)
        landed = owners[t + 1][rows.astype(int), x.clip(0, WIDTH - 1)]
        flows.append(Flow(moves[t], np.zeros_like(moves[t]), inside & (landed == owners[t])))
    return SyntheticShot(np.stack(truth), flows)


def spoil(
    truth: np.ndarray,
    *,
    jitter: float = 0.0,
    noise: float = 0.0003,
    steps: tuple[tuple[int, float, float], ...] = (),
    slow: float = 0.0,
    seed: int = 7,
) -> np.ndarray:
    """Raw maps [N, h, w] as a network gives them: 8 * gain * truth + shift, in a gauge that ``jitter`` (standard deviation
    of gain; of shift, half of it) changes each frame, ``steps`` (frame, gain, shift) for good, ``slow`` over the shot."""
    random = np.random.default_rng(seed)
    count = len(truth)
    gain = 1 + jitter * random.standard_normal(count) + slow * np.linspace(0, 1, count)
    shift = 0.5 * jitter * random.standard_normal(count)
    for frame, factor, offset in steps:
        gain[frame:] *= factor
        shift[frame:] += offset
    grain = noise * random.standard_normal(truth.shape, dtype=np.float32)
    return (8 * (gain[:, None, None] * (truth + grain) + shift[:, None, None])).astype(np.float32)
