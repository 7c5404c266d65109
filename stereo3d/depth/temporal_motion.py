"""Steadying over pixels: the depth of a frame, averaged with that of its neighbours along the motion.

What is left when scale and shift are steady is flicker in places: a wall that breathes, a texture that boils. Depth of
the frames before and after is brought along the flow and averaged in, at the depth's own resolution. Before and after count alike,
so nothing lags. A neighbour's value counts as far as the flow is trusted there, and as it differs by no more than what is
noise in quiet places thereabouts: at an outline that moved it differs by far more, and counts nothing.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from stereo3d.depth.motion import Grey, Link, link, ways
from stereo3d.depth.motion_numba import average_map
from stereo3d.transfer import to_device

__all__ = ["REACH", "MotionAverage", "average_along"]

REACH = 3  # frames before, and after, that count
_BLOCK = 16  # values along a block; noise is told from blocks,
_RANK = 2  # by the third smallest of 3 x 3: an outline that is wrong in six of them does not raise it
_NOISY = 5.5  # times the noise: a change beyond that is none
_LEAST = 0.002  # of the range of depth: always noise
_CHUNK = 8  # frames a tensor that finish() gives

# Motion is found, and on the CPU averaged, in these threads, which start when there is work.
_POOL = ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="motion")


class MotionAverage:
    """Depth of one shot, averaged along the motion. ``see`` each frame's thumbnail before its depth is pushed.

    The output depends on the sequence of frames and maps alone, not on how it is cut into calls. Held are 2 * REACH + 1 maps,
    and the motion of the frames seen whose depth has not come, 110 KiB a frame.
    """

    def __init__(self) -> None:
        self._newest: Grey | None = None
        self._links: deque[Future[Link]] = deque()  # between the oldest map held and the newest frame seen
        self._maps: deque[torch.Tensor] = deque()
        self._now = 0  # of the maps held, the one whose average is due

    def see(self, pictures: Iterable[Grey]) -> None:
        """The next frames of the shot, small: what moves in them is found out meanwhile."""
        for grey in pictures:
            if self._newest is not None:
                self._links.append(_POOL.submit(link, self._newest, grey))
            self._newest = grey

    def push(self, depth: torch.Tensor) -> torch.Tensor:
        """The next maps, [k, 1, h, w] float32 in [0, 1]; returns those that are ready, [j, 1, h, w], j >= 0."""
        due: list[Callable[[], torch.Tensor]] = []
        for one in torch.split(depth, 1):
            self._maps.append(one)
            if len(self._maps) - self._now > REACH:
                due.append(self._due())
        return torch.cat([average() for average in due]) if due else depth[:0]

    def finish(self) -> Iterator[torch.Tensor]:
        """The maps still owed, in tensors of a few frames each."""
        while owed := len(self._maps) - self._now:
            due = [self._due() for _ in range(min(_CHUNK, owed))]
            yield torch.cat([average() for average in due])

    def _due(self) -> Callable[[], torch.Tensor]:
        """Start the average of the map that is due, and let go of what no later one needs. On a device only the ways are found
        by threads: maps are of the caller's stream, and so is their average."""
        now, maps = self._now, list(self._maps)
        links = [future for future, _ in zip(self._links, maps[1:], strict=False)]
        others = [*(maps[now - 1 :: -1] if now else []), *maps[now + 1 :]]
        # Tasks start in the order they were given, so a task's links never wait behind it.
        if maps[now].device.type == "cpu":
            average: Callable[[], torch.Tensor] = _POOL.submit(_averaged, maps[now], others, links, now).result
        else:
            average = partial(_averaged_there, maps[now], others, _POOL.submit(_ways, links, now))
        if now == REACH:
            self._maps.popleft()
            self._links.popleft()
        else:
            self._now += 1
        return average


@torch.no_grad()
def _averaged(
    depth: torch.Tensor, others: Sequence[torch.Tensor], links: Sequence[Future[Link]], before: int
) -> torch.Tensor:
    """``others``: ``before`` maps of frames before, newest first, then those after. ``links``: from the oldest map to the newest."""
    return average_along(depth, torch.cat([*others]), _ways(links, before)) if links else depth


@torch.no_grad()
def _averaged_there(depth: torch.Tensor, others: Sequence[torch.Tensor], field: Future[torch.Tensor]) -> torch.Tensor:
    """:func:`_averaged` on a device."""
    return average_along(depth, torch.cat([*others]), field.result()) if others else depth


def _ways(links: Sequence[Future[Link]], before: int) -> torch.Tensor:
    """The field that :func:`average_along` takes."""
    known = [future.result() for future in links]
    return torch.from_numpy(ways(known[:before], known[before:])) if known else torch.empty(0)


def average_along(depth: torch.Tensor, others: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """The average of a map [1, 1, h, w] with ``others`` [n, 1, h, w], each brought here along its way: ``field`` [n, 3, ., .] as
    :func:`stereo3d.depth.motion.ways` gives it. A change ``c`` to another map has the weight (1 - (c / limit)^2)^2
    (Tukey's) times the trust, the map itself 1. [1, 1, h, w] on its device."""
    if depth.device.type == "cpu":
        out = torch.empty_like(depth, memory_format=torch.contiguous_format)
        maps = (depth[0, 0].contiguous().numpy(), others[:, 0].contiguous().numpy(), field.numpy())
        average_map(*maps, _BLOCK, _RANK, np.float32(_NOISY), np.float32(_LEAST), out[0, 0].numpy())
        return out
    return _average_along(depth, others, to_device(field, depth.device))


def _average_along(depth: torch.Tensor, others: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """The reference, for all devices."""
    height, width = depth.shape[-2:]
    full = F.interpolate(field, (height, width), mode="bilinear", align_corners=False)
    rows = torch.arange(1, 2 * height, 2, device=depth.device) / height - 1
    cols = torch.arange(1, 2 * width, 2, device=depth.device) / width - 1
    across, down = 2 * full[:, 0] + cols, 2 * full[:, 1] + rows[:, None]
    # Edges are repeated by clamping: not every device pads by itself.
    grid = torch.stack([across.clamp_(1 / width - 1, 1 - 1 / width), down.clamp_(1 / height - 1, 1 - 1 / height)], -1)
    change = F.grid_sample(others, grid, mode="bilinear", padding_mode="zeros", align_corners=False).sub_(depth)
    weight = change.div(_limit(change.abs())).square_().neg_().add_(1).clamp_min_(0).square_().mul_(full[:, 2:])
    total = weight.sum(0, keepdim=True).add_(1)
    return weight.mul_(change).sum(0, keepdim=True).div_(total).add_(depth)


def _limit(change: torch.Tensor) -> torch.Tensor:
    """The change at which a value counts no more, from how large changes are in quiet places thereabouts, [n, 1, h, w]."""
    blocks = F.avg_pool2d(change, _BLOCK, ceil_mode=True, count_include_pad=False)
    around = F.pad(blocks, (1, 1, 1, 1), mode="replicate").unfold(2, 3, 1).unfold(3, 3, 1).flatten(-2)
    limit = around.sort(-1).values[..., _RANK].mul_(_NOISY).clamp_min_(_LEAST)
    return F.interpolate(limit, change.shape[-2:], mode="bilinear", align_corners=False)
