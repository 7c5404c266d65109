"""Disocclusions: what the shift uncovers is filled from the background beside it, never from the subject in front.

Each hole belongs to one gap of its row. The farther of the two sides of the gap is the background; a pixel of the hole
becomes the mean of the visible background around, weighted by distance^-4 (inverse distance weighting, Shepard 1968).
The background is sampled around the gap's edge at every pixel, further away at every second, fourth, .. (a sample counts
for the area it stands for). Distance is measured with the picture's grain: where the background beside the gap has one
direction (the structure tensor of the sum of its channels says so, clearly), distance across it counts for more than along it,
so that lines and folds go on into the hole (after coherence transport, Bornemann and Maerz 2007). Close to the border
that continues the picture, deep inside it is the local mean: no streaks, and nothing that could shimmer.

This is the torch form: the reference in tests, and the path of devices without a kernel of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

__all__ = ["BOX", "CERTAIN", "EMPTY", "GRAIN", "REACH", "SHARE", "SLACK", "STRETCH", "fill", "trace"]

EMPTY = float("-inf")
SLACK = 2.0
"""Pixels of shift by which a filling pixel may be nearer than the background beside the hole ..."""
SHARE = 0.3
"""... or this share of the step in depth at the hole, whichever is more."""
REACH = 0.7
"""How far from its edge the background is sampled, in widths of the gap (plus 1 pixel)."""
BOX = 3
"""Samples to each side of a gap's edge, of each distance between samples."""
GRAIN = 4
"""Rows up and down (and half as many columns, plus one) beside a gap's edge that tell the picture's grain."""
CERTAIN = 0.5
"""Coherence of the grain (0..1) that a few noisy pixels reach by chance: none up to here."""
STRETCH = 8.0
"""Squared distance across the picture's grain counts up to so much more than along it."""


def trace(surface: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each hole, where its background is and how near a pixel may be to fill it.

    ``surface``: [R, W] float32, visible shift, -inf in holes. Returns (edge, limit), [R, W]: edge int32 is the column of
    the background beside the hole, -1 where there is no hole, -2 in a row without any surface; limit float32 is the
    largest shift that may fill (meaningful in holes only).
    """
    width = surface.shape[1]
    hole = surface == EMPTY
    x = torch.arange(width, device=surface.device).expand_as(surface)
    left = torch.where(hole, -1, x).cummax(1).values
    right = torch.where(hole, width, x).flip(1).cummin(1).values.flip(1)
    has_left, has_right = left >= 0, right < width
    near_left = surface.gather(1, left.clamp(min=0))
    near_right = surface.gather(1, right.clamp(max=width - 1))
    both = has_left & has_right
    take_right = torch.where(both, near_right <= near_left, ~has_left)
    edge = torch.where(take_right, right, left)
    low = torch.where(take_right, near_right, near_left)
    jump = torch.where(both, (near_left - near_right).abs(), 0.0)
    limit = low + (SHARE * jump).clamp(min=SLACK)
    edge = torch.where(has_left | has_right, edge, -2)
    return torch.where(hole, edge, -1).to(torch.int32), limit


def fill(view: torch.Tensor, source: torch.Tensor, surface: torch.Tensor) -> torch.Tensor:
    """``view`` [N, C, H, W] float32 with its holes filled; ``source``, same shape, is used in rows that lost everything;
    ``surface`` [N * H, W]. Holes of the result are means, not yet rounded."""
    frames, channels, height, width = view.shape
    edge, limit = trace(surface)
    flat_edge, seen = edge.flatten().long(), surface.flatten()
    pixels = view.movedim(1, 0).reshape(channels, -1).clone()
    lost = (flat_edge == -2).nonzero()[:, 0]
    pixels[:, lost] = source.movedim(1, 0).reshape(channels, -1)[:, lost]
    spots = (flat_edge >= 0).nonzero()[:, 0]
    if spots.numel() == 0:
        return pixels.reshape(channels, frames, height, width).movedim(0, 1)
    x, row = spots % width, spots // width
    side = flat_edge[spots] > x
    gaps, gap, widths = torch.unique(
        (row * width + flat_edge[spots]) * 2 + side, return_inverse=True, return_counts=True
    )
    first = torch.full_like(gaps, spots.numel()).scatter_reduce(
        0, gap, torch.arange(spots.numel(), device=gap.device), "amin"
    )
    ground = _Ground(pixels, seen, (height, width), gaps // 2, gaps % 2 * 2 - 1, limit.flatten()[spots[first]])
    xx, xy, yy = (term[gap] for term in _metric(ground))
    weights = torch.zeros(spots.shape, device=view.device)
    total = torch.zeros((channels, spots.numel()), device=view.device)
    for column, line, area, valid in _samples(ground, (REACH * widths.float()).long() + 1):
        at = torch.where(valid, ground.edge + (line - ground.line) * width + column - ground.column, ground.edge)
        dx, dy = (column[gap] - x).float(), (line - ground.line)[gap].float()
        square = (xx * dx + xy * dy) * dx + yy * dy * dy
        weight = torch.where(valid[gap], area / (square * square), 0.0)
        weights += weight
        total += weight * pixels[:, at[gap]]
    pixels[:, spots] = total / weights
    return pixels.reshape(channels, frames, height, width).movedim(0, 1)


class _Ground(NamedTuple):
    """What M gaps are filled from: all pixels [C, P] and their shift [P], a frame's size, and for each gap the flat index
    of its edge, the way from there into the background (+1 right, -1 left), and how near a pixel may be."""

    pixels: torch.Tensor
    seen: torch.Tensor
    size: tuple[int, int]
    edge: torch.Tensor
    way: torch.Tensor
    limit: torch.Tensor

    @property
    def column(self) -> torch.Tensor:
        return self.edge % self.size[1]

    @property
    def line(self) -> torch.Tensor:
        return self.edge // self.size[1] % self.size[0]

    def usable(self, at: torch.Tensor) -> torch.Tensor:
        return (self.seen[at] != EMPTY) & (self.seen[at] <= self.limit)


def _samples(ground: _Ground, reach: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor, float, torch.Tensor]]:
    """(column, line, area, valid) of the samples of all gaps, one after the other."""
    height, width = ground.size
    column, line = ground.column, ground.line
    needed, level = torch.ones_like(reach, dtype=torch.bool), 0
    while bool(needed.any()):
        for j in range(-BOX, BOX + 1):
            for i in range(-BOX, BOX + 1):
                x, y = ((column >> level) + i) << level, ((line >> level) + j) << level
                valid = needed & (x >= 0) & (x < width) & (y >= 0) & (y < height)
                if level:  # not what the level before has seen
                    finer = level - 1
                    valid &= (((x >> finer) - (column >> finer)).abs() > BOX) | (
                        ((y >> finer) - (line >> finer)).abs() > BOX
                    )
                at = torch.where(valid, ground.edge + (y - line) * width + x - column, ground.edge)
                yield x, y, float(1 << 2 * level), valid & ground.usable(at)
        needed = needed & ((BOX << level) < reach)
        level += 1


def _metric(ground: _Ground) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(xx, 2xy, yy) of the squared distance beside each gap."""
    height, width = ground.size
    across = torch.zeros(ground.edge.shape, device=ground.edge.device)
    mixed, down = torch.zeros_like(across), torch.zeros_like(across)
    for j in range(-GRAIN, GRAIN + 1):
        for i in range(GRAIN // 2 + 1):
            x, y = ground.column + ground.way * i, ground.line + j
            valid = (x >= 0) & (x < width - 1) & (y >= 0) & (y < height - 1)
            at = torch.where(valid, ground.edge + j * width + ground.way * i, 0)
            corners = [torch.where(valid, corner, 0) for corner in (at, at + 1, at + width, at + width + 1)]
            for corner in corners:
                valid = valid & ground.usable(corner)
            p, q, r, s = (ground.pixels[:, corner] for corner in corners)
            falling, rising = (s - p).sum(0), (q - r).sum(0)  # differences along the two diagonals
            right, below = falling + rising, falling - rising
            across += torch.where(valid, right * right, 0.0)
            mixed += torch.where(valid, right * below, 0.0)
            down += torch.where(valid, below * below, 0.0)
    half, total = (across - down) * 0.5, across + down
    spread = (half * half + mixed * mixed).sqrt()
    grained = spread > 0
    coherence = (2 * spread / torch.where(grained, total, 1.0) - CERTAIN).clamp(min=0) / (1 - CERTAIN)
    gain = STRETCH * coherence * coherence / torch.where(grained, 2 * spread, 1.0)
    weak = total * 0.5 - spread
    return 1 + gain * (across - weak), 2 * gain * mixed, 1 + gain * (down - weak)
