"""The weights to measure with: the real ones where they are, else random ones of the same architecture.

Speed does not depend on what a network knows; every row says which it was.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch

from stereo3d.depth.hub import cached, weight_files
from stereo3d.depth.network import DepthAnythingNet
from stereo3d.depth.registry import Architecture, ModelEntry

__all__ = ["weights_for", "write_random_checkpoint"]


def weights_for(entry: ModelEntry, folder: Path) -> tuple[Path | None, str]:
    """(checkpoint, 'real' or 'random'), a random one written into ``folder``; (None, 'no') where a model has none."""
    if entry.architecture is None:
        return None, "no"
    place = cached(entry.hub_id) if entry.hub_id else None
    if place is not None:
        return weight_files(place)[0], "real"
    return write_random_checkpoint(entry.architecture, folder / f"{entry.name}-random.pth"), "random"


def write_random_checkpoint(arch: Architecture, path: Path) -> Path:
    """A checkpoint in the official layout with seeded random weights, scaled so that values neither fade nor explode."""
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in DepthAnythingNet(arch).state_dict().items()}
    generator = torch.Generator().manual_seed(1)
    torch.save({key: _tensor(key, shape, generator) for key, shape in shapes.items()}, path)
    return path


def _tensor(key: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    if key.endswith("gamma"):
        return torch.full(shape, 0.2)
    if "norm" in key:
        return torch.full(shape, 1.0 if key.endswith("weight") else 0.0)
    if len(shape) == 4 or (len(shape) == 2 and key.endswith("weight")):
        return torch.randn(shape, generator=generator) / math.sqrt(math.prod(shape[1:]))
    return 0.02 * torch.randn(shape, generator=generator)
