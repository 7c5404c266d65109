"""Seeded stand-in checkpoints in the official Depth-Anything-V2 layout: random weights that make the networks lively.

The recipe is the one the golden values in tests/data/depth were made with, by the original implementation, so every draw
must stay as it is. The weights know nothing of depth.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch

torch.set_num_threads(1)  # tests share the machine: threads that wait for one another cost more than they bring

REPO = Path(__file__).parents[2]
DATA = REPO / "tests" / "data" / "depth"
SHARED = REPO.parent / "shared"
RECIPES = json.loads((DATA / "depth_anything_v2_shapes.json").read_text())


def shapes(encoder: str) -> dict[str, tuple[int, ...]]:
    """Every tensor of ``vits``, ``vitb`` or ``vitl`` and its shape (the file lists block 0 for all blocks)."""
    out: dict[str, tuple[int, ...]] = {}
    for key, shape in RECIPES[encoder]["shapes"].items():
        count = RECIPES[encoder]["blocks"] if ".blocks.0." in key else 1
        out |= {key.replace(".blocks.0.", f".blocks.{i}."): tuple(shape) for i in range(count)}
    return out


def tensor(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    g = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    if key.endswith("gamma"):
        a = 0.1 + 0.4 * g.random(shape)
    elif "norm" in key:
        a = (1.0 if key.endswith("weight") else 0.0) + 0.1 * g.standard_normal(shape)
    elif key.endswith("pos_embed"):
        a = _positions(g, shape)
    elif len(shape) >= 2 and key.endswith("weight"):
        transposed = "resize_layers.0" in key or "resize_layers.1" in key
        fan_in = shape[0] if transposed else math.prod(shape[1:])
        a = g.standard_normal(shape) * (1.0 if "pretrained" in key else 1.3) / math.sqrt(fan_in)
    else:
        a = 0.02 * g.standard_normal(shape)
    return torch.from_numpy(a.astype(np.float32))


def _positions(g: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    _, count, dim = shape
    n = math.isqrt(count - 1)
    yy, xx = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    f, phase = 2 * g.random((dim, 2)), 2 * math.pi * g.random(dim)
    grid = np.cos(2 * math.pi * (yy[..., None] * f[:, 0] + xx[..., None] * f[:, 1]) / n + phase)
    a = 0.1 * g.standard_normal(shape)
    a[0, 1:] = (0.1 * grid + 0.01 * g.standard_normal(grid.shape)).reshape(count - 1, dim)
    return a


def state_dict(encoder: str) -> dict[str, torch.Tensor]:
    state = {key: tensor(key, shape) for key, shape in shapes(encoder).items()}
    for layer, (scale, mean, target) in RECIPES[encoder]["calibration"].items():
        weight, bias = f"depth_head.scratch.{layer}.weight", f"depth_head.scratch.{layer}.bias"
        state[weight] *= scale
        state[bias] = (state[bias] - mean) * scale + target
    return state


def write_checkpoint(encoder: str, path: Path) -> Path:
    """The official ``.pth`` file of ``vits``, ``vitb`` or ``vitl`` with seeded weights."""
    torch.save(state_dict(encoder), path)
    return path


def picture(height: int = 360, width: int = 640) -> torch.Tensor:
    """A picture with gradients, edges, texture and noise: uint8 RGB [1, 3, height, width], the same everywhere."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    a = np.stack([80 + 100 * y / height, 120 + 60 * np.sin(x / 23.0), 60 + 120 * x / width], -1)
    discs = ((120, 180, 70, (30, 60, 200)), (220, 400, 110, (200, 180, 40)), (260, 250, 50, (20, 220, 120)))
    for cy, cx, r, colour in discs:
        inside = (y - cy) ** 2 + (x - cx) ** 2 < r * r
        a[inside] = np.array(colour) * (0.6 + 0.4 * ((x + 2 * y)[inside] % 37 / 37))[:, None]
    a += 12 * np.random.Generator(np.random.PCG64(7)).standard_normal(a.shape)
    bgr = np.clip(np.rint(a), 0, 255).astype(np.uint8)
    return torch.from_numpy(bgr[..., ::-1].copy()).permute(2, 0, 1)[None]
