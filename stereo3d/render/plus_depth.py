"""The source beside its depth, for screens without glasses that make their views themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from stereo3d.colour import black
from stereo3d.frames import FrameBatch
from stereo3d.plan.bars import Bars, put_back

__all__ = ["depth_picture"]


def depth_picture(frames: FrameBatch, depth: torch.Tensor, bars: Bars, screen: float | Sequence[float]) -> FrameBatch:
    """Depth as grey pictures of the frames' size and format: white is near, black is far, as Philips' 2D-plus-depth has it.

    ``depth``: [N, 1, h, w] in [0, 1], of what is left of ``frames`` between their ``bars``; the bars themselves get the depth of
    the ``screen``, one for all frames or one each. Source: Philips 3D Solutions, "3D Interface Specifications" white paper,
    2008, section 4. Its header of control data, which goes into the picture's top left corner, is not written: screens then
    take their own settings.
    """
    if depth.ndim != 4 or depth.shape[:2] != (len(frames), 1):
        raise ValueError(f"depth is {tuple(depth.shape)}, expected [{len(frames)}, 1, h, w]")
    size = (frames.height - bars.top - bars.bottom, frames.width - bars.left - bars.right)
    maps = functional.interpolate(depth.float(), size, mode="bilinear", align_corners=True)[:, 0].clamp(0, 1)
    whole = maps.new_tensor(screen).reshape(-1, 1, 1).expand(len(frames), frames.height, frames.width)
    return put_back(_grey(maps, frames), _grey(whole, frames), bars)


def _grey(levels: torch.Tensor, like: FrameBatch) -> FrameBatch:
    """``levels`` [N, H, W] in [0, 1] as frames of the format, times and device of ``like``."""
    pixels = like.format
    low, high = black(pixels, 0), (1 << pixels.bits) - 1
    if not pixels.colour.full_range:
        high = 235 << (pixels.bits - 8)
    codes = (levels * (high - low) + low).round_().to(torch.int32).to(pixels.dtype).to(like.planes[0].device)
    planes = [codes]
    for number in range(1, len(like.planes)):
        wide, high = pixels.plane_size(number, levels.shape[2], levels.shape[1])
        neutral = torch.full((len(levels), high, wide), black(pixels, number), dtype=torch.int32, device=codes.device)
        planes.append(codes if pixels.is_rgb else neutral.to(pixels.dtype))
    return FrameBatch(tuple(planes), like.pts, like.index, pixels)
