"""Depth in colours, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch.nn import functional

from stereo3d.frames import Colour, FrameBatch, PixelFormat

__all__ = ["PAINTED", "paint"]

PAINTED = PixelFormat("gbrp", 8, 0, 0, Colour(1, 13, 0, True))
"""The format of painted pictures: RGB, 8 bit."""


def paint(depth: torch.Tensor, size: tuple[int, int], colormap: str, pts: Sequence[int], index: int) -> FrameBatch:
    """Depth [N, 1, h, w] in [0, 1] scaled to ``size`` (width, height) and coloured by OpenCV's map of that name (``jet``:
    near is red, far is blue). ``pts`` and ``index``: the frames' times and the first one's number."""
    maps = functional.interpolate(depth.float(), size[::-1], mode="bilinear", align_corners=True)
    levels = maps[:, 0].clamp(0, 1).mul(255).round_().to(torch.uint8).cpu().numpy()
    table = getattr(cv2, f"COLORMAP_{colormap.upper()}")
    blue, green, red = np.stack([cv2.applyColorMap(picture, table) for picture in levels]).transpose(3, 0, 1, 2)
    planes = tuple(torch.from_numpy(np.ascontiguousarray(plane)) for plane in (green, blue, red))
    return FrameBatch(planes, tuple(pts), index, PAINTED)
