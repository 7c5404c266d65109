"""Depth as grey pictures, and back: what is kept of a film's depth, and what other tools wrote."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from stereo3d.errors import UsageError
from stereo3d.frames import FrameBatch, PixelFormat

__all__ = ["from_grey", "to_grey"]

_COLOURED = 0.02  # share of the code range that a grey picture's chroma may be off neutral, on average


def to_grey(depth: torch.Tensor, format: PixelFormat, pts: Sequence[int], index: int) -> FrameBatch:
    """Depth [N, 1, h, w] in [0, 1] as pictures of a full-range grey ``format``: white is near. ``pts`` and ``index``: the
    frames' times and the first one's number."""
    top = (1 << format.bits) - 1
    codes = depth[:, 0].float().clamp(0, 1).mul(top).round_().to(torch.int32).to(format.dtype)
    return FrameBatch((codes.contiguous(),), tuple(pts), index, format)


def from_grey(frames: FrameBatch, *, invert: bool = False) -> torch.Tensor:
    """The depth that grey pictures (or colour formats without colour) mean: [N, 1, h, w] float32 in [0, 1], white = 1 = near.

    Code values are read by the format's range: all of it, or 16..235 (of 8 bit). ``invert``: black is near. Raises
    UsageError for pictures in colour, whose brightness says nothing.
    """
    format = frames.format
    if len(frames.planes) > 1 and _colour(frames) > _COLOURED:
        raise UsageError(
            "--depth-from names a film in colour, not depth in grey",
            hint="colour maps are for people; write grey depth with 'stereo3d depth' or convert --keep-depth",
        )
    low, high = 0, (1 << format.bits) - 1
    if not format.colour.full_range and not format.is_rgb:
        low, high = 16 << (format.bits - 8), 235 << (format.bits - 8)
    # Not by torch: waking its threads for a map takes longer than the map.
    depth = np.subtract(frames.planes[0].cpu().numpy(), np.float32(low), dtype=np.float32)
    np.clip(np.divide(depth, np.float32(high - low), out=depth), 0, 1, out=depth)
    return torch.from_numpy(1 - depth if invert else depth).unsqueeze(1)


def _colour(frames: FrameBatch) -> float:
    """Mean distance from grey, as a share of the code range."""
    top = float((1 << frames.format.bits) - 1)
    if frames.format.is_rgb:
        green, *others = (plane.float() for plane in frames.planes)
        return max(float((plane - green).abs().mean()) for plane in others) / top
    neutral = 1 << (frames.format.bits - 1)
    return max(float((plane.float() - neutral).abs().mean()) for plane in frames.planes[1:]) / top
