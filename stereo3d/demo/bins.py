"""Which bodies a tile of the picture, or a cell of the shadow map, can meet: conservative lists.

A body is covered by *pieces*: up to eight points, each with the same radius around it, whose convex hull contains it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stereo3d.demo.jit import FloatArray, kernel
from stereo3d.demo.scene import BALL, BOX, ROD, Scene

__all__ = ["TILE", "Bins", "light_axes", "light_bins", "view_bins"]

TILE = 16
_LIGHT_CELLS = 160
_HILL = 10.0  # bodies of this radius are scenery; their shadows would blow up the grid


class Bins(NamedTuple):
    """``items[start[c]:start[c + 1]]`` are the bodies of cell c = row * columns + column."""

    start: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    columns: int
    rows: int
    low_x: float
    low_y: float
    cell: float


def _pieces(scene: Scene) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Points [M, 8, 3], radius [M], body [M] (non-decreasing)."""
    points: list[FloatArray] = []
    radius: list[float] = []
    owner: list[int] = []
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    for body, (kind, g) in enumerate(zip(scene.kind, scene.geometry, strict=True)):
        if kind == BOX:
            local = corners * g[3:6]
            x, z = local[:, 0] * g[6] + local[:, 2] * g[7], local[:, 2] * g[6] - local[:, 0] * g[7]
            parts = [(g[:3] + np.stack([x, local[:, 1], z], axis=1), 0.0)]
        elif kind == ROD:
            a, b = g[:3], g[3:6]
            count = int(np.clip(np.ceil(np.linalg.norm(b - a) / 0.4), 1, 24))
            ends = a + (b - a) * np.linspace(0, 1, count + 1)[:, None]
            parts = [(np.repeat(ends[k : k + 2], 4, axis=0), g[6]) for k in range(count)]
        else:
            reach = g[3:6].max() if kind == BALL else 1 / min(np.linalg.norm(g[3:6]), np.linalg.norm(g[6:9]))
            parts = [(np.repeat(g[None, :3], 8, axis=0), float(reach))]
        for where, size in parts:
            points.append(where)
            radius.append(size)
            owner.append(body)
    return np.array(points), np.array(radius), np.array(owner, dtype=np.int64)


@kernel
def _fill(
    boxes: npt.NDArray[np.int64], owner: npt.NDArray[np.int64], columns: int, rows: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lists from the cell rectangles (x0, y0, x1, y1 inclusive) of pieces; those of a body stand together."""
    last = np.full(columns * rows, -1, np.int64)
    count = np.zeros(columns * rows + 1, np.int64)
    for k in range(len(owner)):
        for y in range(boxes[k, 1], boxes[k, 3] + 1):
            for x in range(boxes[k, 0], boxes[k, 2] + 1):
                if last[y * columns + x] != owner[k]:
                    last[y * columns + x] = owner[k]
                    count[y * columns + x + 1] += 1
    start = np.cumsum(count)
    items = np.empty(start[-1], np.int64)
    fill = start.copy()
    last[:] = -1
    for k in range(len(owner)):
        for y in range(boxes[k, 1], boxes[k, 3] + 1):
            for x in range(boxes[k, 0], boxes[k, 2] + 1):
                cell = y * columns + x
                if last[cell] != owner[k]:
                    last[cell] = owner[k]
                    items[fill[cell]] = owner[k]
                    fill[cell] += 1
    return start, items


def _cells(low: FloatArray, high: FloatArray, columns: int, rows: int) -> npt.NDArray[np.int64]:
    """Rectangles of cells [M, 4], empty (x1 < x0) for what lies outside."""
    size = np.array([columns, rows])
    first = np.clip(np.floor(low), 0, size).astype(np.int64)
    last = np.clip(np.floor(high), -1, size - 1).astype(np.int64)
    return np.concatenate([first, last], axis=1)


def view_bins(scene: Scene, view: FloatArray, width: int, height: int) -> Bins:
    """Lists per TILE x TILE pixels for the pinhole ``view`` (see :mod:`stereo3d.demo.render`)."""
    points, radius, owner = _pieces(scene)
    columns, rows = -(-width // TILE), -(-height // TILE)
    local = (points - view[0:3]) @ view[3:12].reshape(3, 3).T
    z, r = local[..., 2], radius[:, None]
    behind = (z - r) < 0.05
    near, away = np.maximum(z - r, 0.05), np.maximum(z + r, 0.05)
    low, high = np.empty((len(owner), 2)), np.empty((len(owner), 2))
    for axis, centre, sign in ((0, view[13], 1.0), (1, view[14], -1.0)):
        side = sign * local[..., axis]
        least = np.minimum((side - r) / near, (side - r) / away).min(axis=1)
        most = np.maximum((side + r) / near, (side + r) / away).max(axis=1)
        low[:, axis], high[:, axis] = centre + view[12] * least - 1, centre + view[12] * most + 1
    low[behind.any(axis=1)] = -1e6
    high[behind.any(axis=1)] = 1e6
    low[(z + r < 0.05).all(axis=1)] = 1e6
    boxes = _cells(np.clip(low / TILE, -9, 1e6), np.clip(high / TILE, -9, 1e6), columns, rows)
    start, items = _fill(boxes, owner, columns, rows)
    return Bins(start, items, columns, rows, 0.0, 0.0, float(TILE))


def light_axes(scene: Scene) -> FloatArray:
    """Rows: two directions across the sunlight, and the one towards the sun (unit vectors)."""
    sun = np.asarray(scene.light.sun) / np.linalg.norm(scene.light.sun)
    first = np.cross(sun, [0.0, 1.0, 0.0] if abs(sun[1]) < 0.9 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(first, sun), sun])


def light_bins(scene: Scene) -> Bins:
    """Lists per cell across the sunlight: the bodies that can throw a shadow on a point of the cell's column.

    The penumbra grows on the way down to the ground; the lists provide for that.
    """
    points, radius, owner = _pieces(scene)
    small = radius < _HILL
    points, radius, owner = points[small], radius[small], owner[small]
    across = points @ light_axes(scene)[:2].T
    fall = (points[..., 1].max(axis=1) + radius).clip(0) / max(light_axes(scene)[2, 1], 0.05)
    margin = (radius + scene.light.softness * fall + 0.02)[:, None]
    low, high = across.min(axis=1) - margin, across.max(axis=1) + margin
    corner = low.min(axis=0)
    cell = float((high.max(axis=0) - corner).max()) / _LIGHT_CELLS
    boxes = _cells((low - corner) / cell, (high - corner) / cell, _LIGHT_CELLS, _LIGHT_CELLS)
    start, items = _fill(boxes, owner, _LIGHT_CELLS, _LIGHT_CELLS)
    return Bins(start, items, _LIGHT_CELLS, _LIGHT_CELLS, float(corner[0]), float(corner[1]), cell)
