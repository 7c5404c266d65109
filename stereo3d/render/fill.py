"""Disocclusions: what the shift uncovers is filled from the background beside it, never from the subject in front.

Each hole belongs to one gap of its row. The farther of the two sides of the gap is the background, or both sides if they are
about as far (then each half of the picture counts from its own side); a pixel of the hole becomes the mean of the visible
background around, weighted by distance^-4 (inverse distance weighting, Shepard 1968). The background is sampled around the
gap's edge at every pixel, further away at every second, fourth, .. (a sample counts for the area it stands for). Distance is
measured with the picture's grain: where the background beside the gap has one direction (the structure tensor of the sum of its
channels says so, clearly), distance across it counts for more than along it, so that lines and folds go on into the hole (after
coherence transport, Bornemann and Maerz 2007). Close to the border that continues the picture, deep inside it is the local
mean: no streaks, and nothing that could shimmer.

This is the torch form: the reference in tests, and the path of devices without a kernel of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

__all__ = ["BOX", "CERTAIN", "EMPTY", "GRAIN", "REACH", "SHARE", "SLACK", "STRETCH", "fill"]

EMPTY = float("-inf")
SLACK = 2.0
"""Pixels of shift by which a filling pixel may be nearer than the background beside the hole ..."""
SHARE = 0.3
"""... or this share of the step in depth at the hole, whichever is more."""
REACH = 1.0
"""How far from its edge the background is sampled, in widths of the gap (plus 1 pixel)."""
BOX = 2
"""Samples to each side of a gap's edge, of each distance between samples."""
GRAIN = 4
"""Rows up and down (and half as many columns, plus one) beside a gap's edge that tell the picture's grain."""
CERTAIN = 0.5
"""Coherence of the grain (0..1) that a few noisy pixels reach by chance: none up to here."""
STRETCH = 8.0
"""Squared distance across the picture's grain counts up to so much more than along it."""


class _Gaps(NamedTuple):
    """The holes of a view, gap by gap: ``pixel`` [P] the flat index of each hole pixel, ``number`` [P] its gap; for each gap
    its first column and the one after its last, and how near a pixel may be to fill it."""

    pixel: torch.Tensor
    number: torch.Tensor
    begin: torch.Tensor
    stop: torch.Tensor
    limit: torch.Tensor
    row: torch.Tensor


def _gaps(surface: torch.Tensor) -> _Gaps:
    """``surface``: [R, W] float32, visible shift, -inf in holes."""
    width = surface.shape[1]
    hole = surface == EMPTY
    opens, closes = hole.clone(), hole.clone()
    opens[:, 1:] &= ~hole[:, :-1]
    closes[:, :-1] &= ~hole[:, 1:]
    first, last = opens.flatten().nonzero()[:, 0], closes.flatten().nonzero()[:, 0]
    begin, stop, row = first % width, last % width + 1, first // width
    left = torch.where(begin > 0, surface[row, (begin - 1).clamp(min=0)], EMPTY)
    right = torch.where(stop < width, surface[row, stop.clamp(max=width - 1)], EMPTY)
    both = (begin > 0) & (stop < width)
    low = torch.where(both, torch.minimum(left, right), torch.maximum(left, right))
    jump = torch.where(both, (left - right).abs(), 0.0)
    pixel = hole.flatten().nonzero()[:, 0]
    number = opens.flatten().long().cumsum(0)[pixel] - 1
    return _Gaps(pixel, number, begin, stop, low + (SHARE * jump).clamp(min=SLACK), row)


def fill(view: torch.Tensor, source: torch.Tensor, surface: torch.Tensor) -> torch.Tensor:
    """``view`` [N, C, H, W] float32 with its holes filled; ``source``, same shape, is used in rows that lost everything;
    ``surface`` [N * H, W]. Holes of the result are means, not yet rounded."""
    frames, channels, height, width = view.shape
    gaps, seen = _gaps(surface), surface.flatten()
    pixels = view.movedim(1, 0).reshape(channels, -1).clone()
    lost = (gaps.stop - gaps.begin == width)[gaps.number]
    pixels[:, gaps.pixel[lost]] = source.movedim(1, 0).reshape(channels, -1)[:, gaps.pixel[lost]]
    spots, gap = gaps.pixel[~lost], gaps.number[~lost]
    if spots.numel() == 0:
        return pixels.reshape(channels, frames, height, width).movedim(0, 1)
    x = spots % width
    grounds = _grounds(gaps, pixels, seen, (height, width))
    tensors = [_tensor(ground) for ground in grounds]
    xx, xy, yy = (term[gap] for term in _metric(*(sum(terms) for terms in zip(*tensors, strict=True))))
    weights = torch.zeros(spots.shape, device=view.device)
    total = torch.zeros((channels, spots.numel()), device=view.device)
    reach = (REACH * (gaps.stop - gaps.begin).float()).long() + 1
    for ground in grounds:
        for column, line, area, valid in _samples(ground, reach):
            at = torch.where(valid, ground.edge + (line - ground.line) * width + column - ground.column, 0)
            dx, dy = (column[gap] - x).float(), (line - ground.line)[gap].float()
            square = (xx * dx + xy * dy) * dx + yy * dy * dy
            weight = torch.where(valid[gap], area / (square * square), 0.0)
            weights += weight
            total += weight * pixels[:, at[gap]]
    pixels[:, spots] = total / weights
    return pixels.reshape(channels, frames, height, width).movedim(0, 1)


class _Ground(NamedTuple):
    """One side of M gaps, to fill them from: all pixels [C, P] and their shift [P], a frame's size, and for each gap the flat
    index of its edge, the way from there into the background (+1 right, -1 left), how near a pixel may be, and between which
    columns it may lie (none where this side is no background)."""

    pixels: torch.Tensor
    seen: torch.Tensor
    size: tuple[int, int]
    edge: torch.Tensor
    way: int
    limit: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor

    @property
    def column(self) -> torch.Tensor:
        return self.edge % self.size[1]

    @property
    def line(self) -> torch.Tensor:
        return self.edge // self.size[1] % self.size[0]

    def usable(self, at: torch.Tensor) -> torch.Tensor:
        return (self.seen[at] != EMPTY) & (self.seen[at] <= self.limit) & (self.low < self.high)


def _grounds(gaps: _Gaps, pixels: torch.Tensor, seen: torch.Tensor, size: tuple[int, int]) -> tuple[_Ground, _Ground]:
    """The left and the right side of all gaps. Where both are background they meet in the middle of the gap."""
    width = size[1]
    edges = (gaps.row * width + (gaps.begin - 1).clamp(min=0), gaps.row * width + gaps.stop.clamp(max=width - 1))
    left = (gaps.begin > 0) & (seen[edges[0]] <= gaps.limit)
    right = (gaps.stop < width) & (seen[edges[1]] <= gaps.limit)
    middle = torch.where(left & right, (gaps.begin + gaps.stop) // 2, torch.where(left, width, 0))
    nothing, whole = torch.zeros_like(middle), torch.full_like(middle, width)
    return (
        _Ground(pixels, seen, size, edges[0], -1, gaps.limit, nothing, middle),
        _Ground(pixels, seen, size, edges[1], 1, gaps.limit, middle, torch.where(right, whole, 0)),
    )


def _samples(ground: _Ground, reach: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor, float, torch.Tensor]]:
    """(column, line, area, valid) of the samples of all gaps, one after the other."""
    height, width = ground.size
    column, line = ground.column, ground.line
    needed, level = torch.ones_like(reach, dtype=torch.bool), 0
    while bool(needed.any()):
        for j in range(-BOX, BOX + 1):
            for i in range(-BOX, BOX + 1):
                x, y = ((column >> level) + i) << level, ((line >> level) + j) << level
                valid = needed & (x >= ground.low) & (x < ground.high) & (y >= 0) & (y < height)
                if level:  # not what the level before has seen
                    finer = level - 1
                    valid &= (((x >> finer) - (column >> finer)).abs() > BOX) | (
                        ((y >> finer) - (line >> finer)).abs() > BOX
                    )
                at = torch.where(valid, ground.edge + (y - line) * width + x - column, ground.edge)
                yield x, y, float(1 << 2 * level), valid & ground.usable(at)
        needed = needed & ((BOX << level) < reach)
        level += 1


def _tensor(ground: _Ground) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The structure tensor (across, mixed, down) beside each gap."""
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
    return across, mixed, down


def _metric(
    across: torch.Tensor, mixed: torch.Tensor, down: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(xx, 2xy, yy) of the squared distance beside each gap, from its structure tensor."""
    half, total = (across - down) * 0.5, across + down
    spread = (half * half + mixed * mixed).sqrt()
    grained = spread > 0
    coherence = (2 * spread / torch.where(grained, total, 1.0) - CERTAIN).clamp(min=0) / (1 - CERTAIN)
    gain = STRETCH * coherence * coherence / torch.where(grained, 2 * spread, 1.0)
    weak = total * 0.5 - spread
    return 1 + gain * (across - weak), 2 * gain * mixed, 1 + gain * (down - weak)
