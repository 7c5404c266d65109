"""What filling over time needs to know of a frame on the host, found on the device: little, so that little goes over the bus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from stereo3d.frames import FrameBatch
from stereo3d.render import fill as filling
from stereo3d.render import motion
from stereo3d.render.fill import EMPTY
from stereo3d.render.gaps import Gaps
from stereo3d.render.rules import has_kernels
from stereo3d.render.views import Eyes
from stereo3d.transfer import constant, to_host

__all__ = ["Sight", "sighted", "sights"]

_UNIT = 1280


@dataclass(frozen=True, slots=True)
class Sight:
    """What filling needs to know of one frame. On the host: its ``look``, the ``gaps`` of the left and the right view, and ``near``
    [ceil(H/2), ceil(W/2)], the nearest shift of 2 x 2 pixels and those around, which is on the device too, as ``near_there``."""

    look: motion.Look
    gaps: tuple[Gaps, Gaps]
    near: npt.NDArray[np.float32]
    near_there: torch.Tensor


def sighted(frames: FrameBatch, eyes: Eyes) -> Eyes:
    """``eyes`` as :func:`stereo3d.render.uncovered_device.over_time` wants them on the device of ``frames``."""
    return sights(frames, eyes) if has_kernels(frames.planes[0].device) else eyes


def sights(frames: FrameBatch, eyes: Eyes) -> Eyes:
    """``eyes``, on a device, with the frames' sights, and without the surfaces, which are larger than the pictures."""
    luma, width = frames.planes[0], frames.width
    height = max(2 * motion.EVERY, round(frames.height * min(width, motion.WIDTH) / width))
    size = (height, min(width, motion.WIDTH))
    codes = luma.to(torch.int32) if luma.dtype == torch.uint16 else luma  # uint16 has few kernels
    grey = (_reduced(codes.float(), size) * (255 / ((1 << frames.format.bits) - 1))).round_().clamp_(0, 255)
    margin = max(1, round(width / _UNIT))
    near = functional.max_pool2d(eyes.shift, 2 * margin + 2, 2, margin, ceil_mode=True)[:, 0].contiguous()
    places, beside = _borders(eyes)
    host = to_host(grey.to(torch.uint8), near, places, beside)
    looks, nears, ends, levels = (tensor.numpy() for tensor in host)
    found = tuple(
        Sight(
            motion.Look(looks[n], nears[n], width, float(nears[n].min()) / width, float(nears[n].max()) / width),
            (_gaps(ends, levels, 0, n, width), _gaps(ends, levels, 1, n, width)),
            nears[n],
            near[n],
        )
        for n in range(len(frames))
    )
    return Eyes(eyes.left, eyes.right, eyes.shift.new_empty(0), (None, None), found)


def _reduced(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """[N, H, W] float32 to [N, *size]: means over areas."""
    down, across = (_area(of, to, picture.device) for of, to in zip(picture.shape[1:], size, strict=True))
    return down @ picture @ across.T


@cache
def _area(of: int, to: int, device: torch.device) -> torch.Tensor:
    """[to, of] float32: the share of each of ``of`` samples in the mean of each of ``to``."""
    edge = torch.arange(to + 1, dtype=torch.float64) * (of / to)
    place = torch.arange(of, dtype=torch.float64)
    share = torch.minimum(edge[1:, None], place + 1) - torch.maximum(edge[:-1, None], place)
    return constant((share.clamp_(min=0) * (to / of)).float(), device)


def _borders(eyes: Eyes) -> tuple[torch.Tensor, torch.Tensor]:
    """Where gaps are: int32 [G, 5] (eye, frame, row, first column, end), in this order, and float32 [G, 2], the shift beside either
    end (of the pixel at the picture's side where there is none)."""
    made = [(eye, surface[:, 0]) for eye, surface in enumerate(eyes.seen) if surface is not None]
    if not made:
        none = eyes.shift.new_empty(0, 5, dtype=torch.int32)
        return none, eyes.shift.new_empty(0, 2)
    seen = torch.stack([surface for _, surface in made])
    hole = functional.pad((seen == EMPTY).to(torch.uint8), (1, 1))
    places = (hole[..., 1:] != hole[..., :-1]).nonzero()  # beginning and end by turns; the host waits for their number
    start, stop = places[0::2], places[1::2, 3]
    which, frame, row, begin = start.unbind(1)
    width = seen.shape[3]
    left = seen[which, frame, row, (begin - 1).clamp(min=0)]
    right = seen[which, frame, row, stop.clamp(max=width - 1)]
    eye = which if len(made) == 2 else which + made[0][0]
    return torch.stack([eye, frame, row, begin, stop], 1).to(torch.int32), torch.stack([left, right], 1)


def _gaps(ends: npt.NDArray[np.int32], beside: npt.NDArray[np.float32], eye: int, frame: int, width: int) -> Gaps:
    """:func:`stereo3d.render.gaps_numba.find_gaps` of one view, from :func:`_borders`."""
    own = (ends[:, 0] == eye) & (ends[:, 1] == frame) & (ends[:, 4] - ends[:, 3] < width)
    row, begin, end = ends[own, 2:].T
    outer_left, outer_right = begin == 0, end == width
    left = np.where(outer_left, np.float32(np.inf), beside[own, 0])
    right = np.where(outer_right, np.float32(np.inf), beside[own, 1])
    at_side, low = outer_left | outer_right, np.minimum(left, right)
    jump = np.abs(np.where(at_side, 0, left) - np.where(at_side, 0, right))
    limit = low + np.maximum(np.float32(filling.SLACK), np.float32(filling.SHARE) * jump)
    gaps = np.stack([row, begin, end, np.where(right <= left, end, begin - 1)], 1).astype(np.int32)
    return gaps, np.stack([low, np.where(at_side, np.float32(np.inf), limit)], 1).astype(np.float32)
