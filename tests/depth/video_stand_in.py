"""Seeded stand-in checkpoints in the official Video-Depth-Anything layout.

The layout is written out here from the public sources, independently of the network's code. For vits it counts 351 tensors
of 29,080,193 numbers, as the published checkpoint does. The weights know nothing of depth.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch

from tests.depth import stand_in

NECKS = {"vits": (192, 384, 64, 64), "vitb": (384, 768, 128, 128), "vitl": (1024, 1024, 256, 256)}


def motion_shapes(module: int, channels: int) -> dict[str, tuple[int, ...]]:
    """The tensors of one module over time."""
    wide = (channels, channels)
    out: dict[str, tuple[int, ...]] = {"norm.weight": (channels,), "norm.bias": (channels,)}
    for end in ("proj_in", "proj_out"):
        out |= {f"{end}.weight": wide, f"{end}.bias": (channels,)}
    for part in (0, 1):
        attention = f"transformer_blocks.0.attention_blocks.{part}"
        out |= {f"{attention}.to_{name}.weight": wide for name in "qkv"}
        out |= {f"{attention}.to_out.0.weight": wide, f"{attention}.to_out.0.bias": (channels,)}
        out[f"{attention}.pos_encoder.pe"] = (1, 32, channels)
        out |= {f"transformer_blocks.0.norms.{part}.{kind}": (channels,) for kind in ("weight", "bias")}
    out |= {f"transformer_blocks.0.ff_norm.{kind}": (channels,) for kind in ("weight", "bias")}
    out |= {
        "transformer_blocks.0.ff.net.0.proj.weight": (8 * channels, channels),
        "transformer_blocks.0.ff.net.0.proj.bias": (8 * channels,),
        "transformer_blocks.0.ff.net.2.weight": (channels, 4 * channels),
        "transformer_blocks.0.ff.net.2.bias": (channels,),
    }
    return {f"head.motion_modules.{module}.temporal_transformer.{key}": shape for key, shape in out.items()}


def shapes(encoder: str) -> dict[str, tuple[int, ...]]:
    """Every tensor of ``vits``, ``vitb`` or ``vitl`` and its shape."""
    out = {key.replace("depth_head.", "head."): shape for key, shape in stand_in.shapes(encoder).items()}
    for module, channels in enumerate(NECKS[encoder]):
        out |= motion_shapes(module, channels)
    return out


def positions(channels: int) -> torch.Tensor:
    """The published table: sines and cosines of the frame's number, wave lengths from 2 pi to 10000 * 2 pi."""
    angle = torch.arange(32)[:, None] * 10000.0 ** (-torch.arange(0, channels, 2) / channels)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)[None]


def state_dict(encoder: str) -> dict[str, torch.Tensor]:
    state = {key.replace("depth_head.", "head."): value for key, value in stand_in.state_dict(encoder).items()}
    for module, channels in enumerate(NECKS[encoder]):
        for key, shape in motion_shapes(module, channels).items():
            state[key] = positions(channels) if key.endswith(".pe") else stand_in.tensor(key, shape)
    return state


def write_checkpoint(encoder: str, path: Path) -> Path:
    """The official ``.pth`` file with seeded weights."""
    torch.save(state_dict(encoder), path)
    return path


def numbers(encoder: str) -> int:
    return sum(math.prod(shape) for shape in shapes(encoder).values())
