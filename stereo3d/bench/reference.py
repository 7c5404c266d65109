"""The reference row: Depth-Anything as the well-known tutorial scripts run it.

float32, attention with explicit score matrices, one decoded RGB frame a call, resized with OpenCV on the CPU, and the depth
brought back to the frame's size and to the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from stereo3d.depth.preprocess import IMAGENET
from stereo3d.depth.registry import Architecture

__all__ = ["tutorial_way"]


def tutorial_way(
    arch: Architecture, rgb: NDArray[np.uint8], size: tuple[int, int], device: torch.device
) -> Callable[[], NDArray[np.float32]]:
    """A function that computes the depth of ``rgb`` ([H, W, 3]) once, with random weights, at the network's ``size`` (h, w)."""
    net = _eager_network(arch).eval().to(device)
    mean, std = (np.array(t, np.float32) for t in IMAGENET)
    height, width = rgb.shape[:2]

    def run() -> NDArray[np.float32]:
        small = cv2.resize(rgb / np.float32(255), size[::-1], interpolation=cv2.INTER_CUBIC)
        small = ((small - mean) / std).astype(np.float32)
        pixels = torch.from_numpy(small.transpose(2, 0, 1)[None].copy()).to(device)
        with torch.no_grad():
            depth = net(pixel_values=pixels).predicted_depth[:, None]
            whole = torch.nn.functional.interpolate(depth, (height, width), mode="bilinear", align_corners=True)
        return np.asarray(whole.cpu().numpy(), dtype=np.float32)

    return run


def _eager_network(arch: Architecture) -> Any:
    import transformers

    backbone = transformers.Dinov2Config(
        hidden_size=arch.width,
        num_hidden_layers=arch.layers,
        num_attention_heads=arch.heads,
        image_size=518,
        patch_size=14,
        out_indices=[tap + 1 for tap in arch.taps],
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=arch.width,
        neck_hidden_sizes=list(arch.neck),
        fusion_hidden_size=arch.fusion,
    )
    return transformers.DepthAnythingForDepthEstimation._from_config(config, attn_implementation="eager")
