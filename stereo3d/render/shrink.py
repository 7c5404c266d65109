"""Small pictures for people to look at, in the planes of the large ones."""

from __future__ import annotations

import torch
from torch.nn import functional

from stereo3d.frames import FrameBatch
from stereo3d.transfer import to_host

__all__ = ["shrunk"]


def shrunk(frames: FrameBatch, width: int) -> FrameBatch:
    """The frames at about ``width`` pixels (no more than they have), aspect kept, whole samples of chroma, by area; on the CPU."""
    width = min(width, frames.width) & ~3
    size = width, max(4, round(frames.height * width / frames.width) & ~3)
    planes = []
    for number, plane in enumerate(frames.planes):
        across, down = frames.format.plane_size(number, *size)
        small = functional.interpolate(plane.unsqueeze(1).float(), (down, across), mode="area")[:, 0].round_()
        planes.append(small.to(torch.int32).to(plane.dtype))
    return FrameBatch(to_host(*planes), frames.pts, frames.index, frames.format)
