"""A picture to compute on, and frames of it as a decoder gives them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from stereo3d.frames import Colour, FrameBatch, PixelFormat

__all__ = ["frames_of", "picture"]

_YUV = PixelFormat("yuv420p", 8, 1, 1, Colour(matrix=1))


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """Gradients, discs, texture and noise: uint8 RGB [height, width, 3], always the same."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    canvas = np.stack([80 + 100 * y / height, 120 + 60 * np.sin(40 * x / width), 60 + 120 * x / width], -1)
    for centre_y, centre_x, radius, colour in ((0.3, 0.3, 0.2, (200, 60, 30)), (0.6, 0.6, 0.3, (40, 180, 200))):
        inside = (y - centre_y * height) ** 2 + (x - centre_x * width) ** 2 < (radius * height) ** 2
        canvas[inside] = np.array(colour) * (0.6 + 0.4 * ((x + 2 * y)[inside] % 37 / 37))[:, None]
    canvas += 8 * np.random.default_rng(7).standard_normal(canvas.shape, np.float32)
    return np.asarray(np.clip(canvas, 0, 255), dtype=np.uint8)


def frames_of(rgb: NDArray[np.uint8], count: int) -> FrameBatch:
    """``count`` frames of RGB [H, W, 3], even sides, as 4:2:0 planes (BT.709, studio range)."""
    pixels = torch.from_numpy(rgb).to(torch.float32).permute(2, 0, 1) / 255
    kr, kb = 0.2126, 0.0722
    luma = kr * pixels[0] + (1 - kr - kb) * pixels[1] + kb * pixels[2]
    chroma = torch.stack([(pixels[2] - luma) / (2 - 2 * kb), (pixels[0] - luma) / (2 - 2 * kr)])
    chroma = 128 + 224 * torch.nn.functional.avg_pool2d(chroma, 2)
    planes = [part.round().clamp(0, 255).to(torch.uint8) for part in (16 + 219 * luma, *chroma)]
    return FrameBatch(tuple(p.expand(count, -1, -1).contiguous() for p in planes), tuple(range(count)), 0, _YUV)
