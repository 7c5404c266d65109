"""Disocclusions: what the shift uncovers is filled from the background beside it, never from the subject in front.

Each hole belongs to one gap of its row. The farther of the two sides of the gap is the background; a pixel of the hole
becomes the mean of the visible background pixels around it, weighted by distance^-4 within a disc that grows with the
distance to the background (inverse distance weighting, Shepard 1968). Close to the border that continues the picture,
deep inside it is the local mean: no streaks, and nothing that could shimmer. Deep pixels share a value in cells of
2, 4, 8 pixels, which costs nothing to see and most of the time to compute.

This is the torch form: the reference in tests, and the path of devices without a kernel of their own.
"""

from __future__ import annotations

import torch

__all__ = ["EMPTY", "GRID", "REACH", "SHARE", "SLACK", "fill", "trace"]

EMPTY = float("-inf")
SLACK = 2.0
"""Pixels of shift by which a filling pixel may be nearer than the background beside the hole ..."""
SHARE = 0.3
"""... or this share of the step in depth at the hole, whichever is more."""
REACH = 1.4
"""Radius of the disc, in distances to the background (plus 1 pixel)."""
GRID = 6
"""Samples along that radius, at most."""


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


def _roots(edge: torch.Tensor, spots: torch.Tensor, height: int) -> torch.Tensor:
    """For each hole pixel (flat index) the flat index of the pixel whose value it shares."""
    width = edge.shape[1]
    flat = edge.flatten().long()
    parent = torch.arange(flat.numel(), device=edge.device)
    x, line = spots % width, (spots // width) % height
    depth = flat[spots] - x
    cell = torch.ones_like(depth)
    for size in (2, 4, 8):
        cell = torch.where(depth.abs() >= size * 3, size, cell)
    right, up = x % cell, line % cell
    rep = spots - right - up * width
    reach = flat[rep] - rep % width
    twin = (flat[rep] >= 0) & ((reach > 0) == (depth > 0)) & ((reach - depth).abs() <= 2 * cell)
    parent[spots] = torch.where(twin, rep, spots)
    for _ in range(3):
        parent = parent[parent]
    return parent[spots]


def fill(view: torch.Tensor, source: torch.Tensor, surface: torch.Tensor) -> torch.Tensor:
    """``view`` [N, C, H, W] float32 with its holes filled; ``source``, same shape, is used in rows that lost everything;
    ``surface`` [N * H, W]. Holes of the result are means, not yet rounded."""
    frames, channels, height, width = view.shape
    edge, limit = trace(surface)
    flat_edge, flat_seen = edge.flatten().long(), surface.flatten()
    pixels = view.movedim(1, 0).reshape(channels, -1).clone()
    lost = (flat_edge == -2).nonzero()[:, 0]
    pixels[:, lost] = source.movedim(1, 0).reshape(channels, -1)[:, lost]
    spots = (flat_edge >= 0).nonzero()[:, 0]
    if spots.numel() == 0:
        return pixels.reshape(channels, frames, height, width).movedim(0, 1)
    owner = _roots(edge, spots, height)
    roots, inverse = torch.unique(owner, return_inverse=True)
    pixels[:, spots] = _means(pixels, flat_seen, flat_edge, limit.flatten(), roots, (height, width))[:, inverse]
    return pixels.reshape(channels, frames, height, width).movedim(0, 1)


def _means(
    pixels: torch.Tensor,
    seen: torch.Tensor,
    edge: torch.Tensor,
    limit: torch.Tensor,
    spots: torch.Tensor,
    size: tuple[int, int],
) -> torch.Tensor:
    """[C, M]: the weighted mean of the background around each of the M spots (flat indices)."""
    height, width = size
    x, line = spots % width, (spots // width) % height
    depth = edge[spots] - x
    radius = (REACH * depth.abs().float() + 1).long()
    stride = (radius + GRID - 1) // GRID
    steps = radius // stride
    first = torch.where(depth > 0, -(steps // 3), -steps)
    last = torch.where(depth > 0, steps, steps // 3)
    weights = torch.zeros(spots.shape, device=pixels.device)
    total = torch.zeros((pixels.shape[0], spots.numel()), device=pixels.device)
    most = int(steps.max())
    for j in range(-most, most + 2):
        for i in range(-most, most + 2):
            dx, dy = (x // stride + i) * stride - x, (line // stride + j) * stride - line
            square = dx * dx + dy * dy
            inside = (-steps <= j) & (j <= steps + 1) & (first <= i) & (i <= last + 1) & (square <= radius * radius)
            inside &= (x + dx >= 0) & (x + dx < width) & (line + dy >= 0) & (line + dy < height)
            at = torch.where(inside, spots + dy * width + dx, spots)
            inside &= (seen[at] != EMPTY) & (seen[at] <= limit[spots])
            weight = torch.where(inside, 1 / (square.float() * square.float()), 0.0)
            weights += weight
            total += torch.where(inside, weight * pixels[:, at], 0.0)
    beside = pixels[:, spots - x + edge[spots]]
    return torch.where(weights > 0, total / weights, beside)
