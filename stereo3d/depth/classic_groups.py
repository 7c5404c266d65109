"""Grouping of blocks by the weakest edges between them, and the depth of each group.

Cheng, Li and Chen, "A Novel 2D-to-3D Conversion System Using Edge Information", IEEE Trans. Consumer Electronics
56(3), 2010: blocks are the nodes of a grid, links weigh the difference of two blocks, the minimum spanning tree is cut
at its heavy links, and every group takes the mean of a depth hypothesis over its blocks.

Two things are ours. One fixed cut flips whole groups when noise moves a link over the threshold; here the threshold is
a random variable and a block takes the expectation of its group's depth. Kruskal's algorithm meets the groups of every
threshold on its way (the merge tree), so this costs nothing more. And a boundary is as strong as its contrast times the
root of the smaller side's size, so specks join their surroundings (hierarchies by an attribute of the smaller region:
Cousty and Najman, "Incremental Algorithm for Hierarchical Minimum Spanning Forests and Saliency of Cuts", ISMM 2011).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from stereo3d.depth.classic_picture import Floats

__all__ = ["group_depth", "links"]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def links(y: Floats, cb: Floats, cr: Floats) -> Floats:
    """Weights of the links between neighbouring blocks: [2, h, w], to the right and downwards (unused ones are 0)."""
    height, width = y.shape
    out = np.zeros((2, height, width), np.float32)
    for row in range(height):
        for col in range(width):
            for way in range(2):
                r, c = row + way, col + 1 - way
                if r < height and c < width:
                    out[way, row, col] = (
                        abs(y[row, col] - y[r, c]) + abs(cb[row, col] - cb[r, c]) + abs(cr[row, col] - cr[r, c])
                    )
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _root(above: NDArray[np.int32], node: int) -> int:
    while above[node] != node:
        above[node] = above[above[node]]
        node = above[node]
    return node


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _merge_tree(weights: Floats) -> tuple[NDArray[np.int32], Floats]:
    """(parent [2n - 1], height [2n - 1]) of the n = h * w blocks, leaves first; a parent comes after its children, and
    its height, the strength of the boundary it removes, is not below theirs."""
    _, rows, cols = weights.shape
    n = rows * cols
    flat = weights.ravel()
    parent = np.zeros(2 * n - 1, np.int32)
    height = np.zeros(2 * n - 1, np.float32)
    above = np.arange(2 * n - 1).astype(np.int32)
    size = np.ones(2 * n - 1, np.float32)
    made = n
    for link in np.argsort(flat, kind="mergesort"):
        way, block = link // n, link % n
        if (way == 0 and block % cols == cols - 1) or (way == 1 and block >= n - cols):
            continue
        a = _root(above, block)
        b = _root(above, block + (1 if way == 0 else cols))
        if a == b:
            continue
        parent[a] = parent[b] = above[a] = above[b] = made
        size[made] = size[a] + size[b]
        strength = flat[link] * np.sqrt(min(size[a], size[b]))
        height[made] = max(strength, height[a], height[b])
        made += 1
    parent[2 * n - 2] = 2 * n - 2
    return parent, height


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def group_depth(weights: Floats, prior: Floats, threshold: float, largest: float, lift: float) -> Floats:
    """Depth of the blocks [h, w] from a depth hypothesis ``prior`` [h, w] and :func:`links`.

    The cut is Rayleigh distributed: it lies above t with the chance exp(-(t / ``threshold``)^2). A group's depth is the mean of
    the prior over it. The nearer a group's share of the picture comes to ``largest``, the less it is an object and the more a
    receding surface, whose blocks keep the prior. A group that hardly touches the left, upper and right border is raised by
    ``lift`` towards the viewer (boundary connectivity: Zhu, Liang, Wei and Sun, "Saliency Optimization from Robust Background
    Detection", CVPR 2014).
    """
    rows, cols = prior.shape
    n = rows * cols
    parent, height = _merge_tree(weights)
    size = np.zeros(2 * n - 1, np.float64)
    total = np.zeros(2 * n - 1, np.float64)
    border = np.zeros(2 * n - 1, np.float64)
    for node in range(2 * n - 1):
        if node < n:
            row, col = node // cols, node % cols
            size[node] = 1
            total[node] = prior[row, col]
            border[node] = int(row == 0) + int(col == 0) + int(col == cols - 1)
        if node < 2 * n - 2:
            size[parent[node]] += size[node]
            total[parent[node]] += total[node]
            border[parent[node]] += border[node]
    constant = np.zeros(2 * n - 1, np.float64)
    kept = np.zeros(2 * n - 1, np.float64)
    out = np.empty((rows, cols), np.float32)
    for node in range(2 * n - 2, -1, -1):
        top = np.exp(-((height[parent[node]] / threshold) ** 2)) if node < 2 * n - 2 else 0.0
        chance = np.exp(-((height[node] / threshold) ** 2)) - top
        touch = border[node] / np.sqrt(size[node])
        whole = max(0.0, 1 - (size[node] / (largest * n)) ** 2) ** 2
        above = parent[node] if node < 2 * n - 2 else node
        figure = lift * np.exp(-0.5 * touch * touch)
        constant[node] = constant[above] + chance * whole * (total[node] / size[node] + figure)
        kept[node] = kept[above] + chance * (1 - whole)
        if node < n:
            out[node // cols, node % cols] = constant[node] + kept[node] * prior[node // cols, node % cols]
    return out
