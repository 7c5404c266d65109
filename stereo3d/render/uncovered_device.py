"""Filling over time on CUDA: the steps of :mod:`stereo3d.render.uncovered`, where the pictures are.

What is many pixels stays on the device: the planes of the window, the search, the filling. What is little comes to the host: where the
gaps begin and end, and a reduced picture, by which motion is found (:mod:`stereo3d.render.motion`) and the gaps are made
blocks (:mod:`stereo3d.render.gaps`), several frames at a time in threads of their own. Not run on a GPU.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from stereo3d.frames import FrameBatch, PixelFormat
from stereo3d.render import motion, paste_numba, uncovered, uncovered_numba
from stereo3d.render.fill import EMPTY
from stereo3d.render.gaps import Blocks, blocks_of
from stereo3d.render.rules import has_kernels
from stereo3d.render.sight import Sight
from stereo3d.render.uncovered import REACH
from stereo3d.render.views import Eyes
from stereo3d.transfer import pinned, to_device

__all__ = ["UncoveredOnDevice", "over_time"]

_SLOTS = 2 * REACH + 1  # frames of a window
_PART = 4  # parts of an upload begin at multiples of so many numbers: kernels are compiled for that
_UNIT = 1280

# Blocks are listed and points are followed in these threads, which start when there is work.
_POOL = ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="holes")


def over_time(device: torch.device) -> uncovered.Uncovered | UncoveredOnDevice:
    """What fills the holes of a shot whose frames are on ``device``; eyes for it go through :func:`stereo3d.render.sight.sighted`."""
    return UncoveredOnDevice() if has_kernels(device) else uncovered.Uncovered()


@dataclass(slots=True)
class _Moment:
    """A frame of the window, in its ``slot`` of the rings. ``planes``: of its views until they are given away, left and right stacked,
    [2, h, w]; ``blocks``: of its holes; ``steps``: the motion from the frame before and back."""

    slot: int
    look: motion.Look
    views: tuple[FrameBatch, FrameBatch]
    planes: tuple[torch.Tensor, ...]
    blocks: Future[_Listed]
    steps: Future[tuple[motion.Step, motion.Step]] | None

    @property
    def forth(self) -> motion.Step | None:
        return None if self.steps is None else self.steps.result()[0]

    @property
    def back(self) -> motion.Step | None:
        return None if self.steps is None else self.steps.result()[1]


@dataclass(frozen=True, slots=True)
class _Way:
    """To another frame of the window: how many frames on (negative: back), its slot, the ``models`` [2, 3, TERMS] of the motion to it and to the
    frame before it, and what the last step's model says too little."""

    distance: int
    slot: int
    models: npt.NDArray[np.float32]
    rest: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Listed:
    """Blocks as they go to the device: ``ints`` (x, y, which of them lead chroma, first, ring_x, ring_y, ring_first, signs), ``floats`` (shift, limit, ring_shift,
    ring_limit), and how many there are of each; ``right``: the right view's first pixel."""

    ints: torch.Tensor
    floats: torch.Tensor
    pixels: int
    ring: int
    blocks: int
    right: int


def _listed(sight: Sight, form: PixelFormat, width: int, device: torch.device) -> _Listed:
    blocks = blocks_of(*sight.gaps, sight.near, width)
    ints = _joined(
        (
            blocks.x,
            blocks.y,
            _leads(blocks, form, width),
            blocks.first,
            blocks.ring_x,
            blocks.ring_y,
            blocks.ring_first,
            blocks.signs,
        )
    )
    floats = _joined((blocks.shift, blocks.limit, blocks.ring_shift, blocks.ring_limit))
    ints, floats = pinned(ints, device), pinned(floats, device)
    return _Listed(ints, floats, len(blocks.x), len(blocks.ring_x), len(blocks), blocks.of(-1).start)


def _leads(blocks: Blocks, form: PixelFormat, width: int) -> npt.NDArray[np.int32]:
    """Which hole pixels the views' chroma follows, 1 or 0."""
    scales = (0, 0) if form.is_rgb else (form.chroma_x, form.chroma_y)
    size = form.plane_size(1, width, int(blocks.y.max(initial=0)) + 1)
    parts = (blocks.of(sign) for sign in (1, -1))
    return np.concatenate([paste_numba.leads(blocks.x[p], blocks.y[p], *scales, *size) for p in parts]).astype(np.int32)


def _joined(parts: Sequence[npt.NDArray[np.generic]]) -> torch.Tensor:
    """One after the other, each to a multiple of :data:`_PART`."""
    padded = [np.pad(part, (0, -len(part) % _PART)) for part in parts]
    return torch.from_numpy(np.concatenate(padded))


def _apart(whole: torch.Tensor, lengths: Sequence[int]) -> list[torch.Tensor]:
    """The parts of :func:`_joined`."""
    out, at = [], 0
    for length in lengths:
        out.append(whole[at : at + length])
        at += length + -length % _PART
    return out


@dataclass(frozen=True, slots=True)
class _Found:
    """Of the pixels of a frame's blocks, on the device; see :class:`stereo3d.render.uncovered._Found`."""

    x: torch.Tensor
    y: torch.Tensor
    lead: torch.Tensor
    where: torch.Tensor
    at: torch.Tensor
    surface: torch.Tensor
    offset: torch.Tensor
    carried: torch.Tensor
    carried_at: torch.Tensor


class UncoveredOnDevice(uncovered.Window[_Moment]):
    """:class:`stereo3d.render.uncovered.Uncovered` for eyes with sights (:mod:`stereo3d.render.sight`): up to the order of sums the same pictures, the
    same from run to run. For the current stream."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._rings: tuple[torch.Tensor, ...] = ()
        self._near = torch.empty(0)
        self._last: tuple[tuple[torch.Tensor, ...], torch.Tensor] | None = None

    def _append(self, frame: FrameBatch, eyes: Eyes) -> None:
        sight, slot = eyes.sights[0], self._count % _SLOTS
        if not self._rings:
            self._rings = tuple(plane.new_empty((_SLOTS, *plane.shape[1:])) for plane in frame.planes)
            self._near = sight.near_there.new_empty((_SLOTS, *sight.near_there.shape))
        for ring, plane in zip((*self._rings, self._near), (*frame.planes, sight.near_there[None]), strict=True):
            ring[slot].copy_(plane[0])
        planes = tuple(
            torch.stack([one[0], two[0]]) for one, two in zip(eyes.left.planes, eyes.right.planes, strict=True)
        )
        views, steps = (eyes.left, eyes.right), None
        if self._moments:
            steps = _POOL.submit(motion.steps, self._moments[-1].look, sight.look)
        self._moments.append(
            _Moment(
                slot,
                sight.look,
                views,
                planes,
                _POOL.submit(_listed, sight, frame.format, frame.width, self._near.device),
                steps,
            )
        )
        self._count += 1

    def _views(self, here: _Moment) -> tuple[FrameBatch, FrameBatch]:
        listed = here.blocks.result()
        filled = here.planes[0].new_full(here.planes[0].shape, EMPTY, dtype=torch.float32)
        if listed.blocks:
            found = self._search(here, listed)
            _remember(found, listed, filled)
            for chroma in (False, True):
                self._paste(here, found, listed, chroma=chroma)
        self._last = here.planes, filled
        parts = zip(*(plane.chunk(2) for plane in here.planes), strict=True)
        left, right = (replace(view, planes=part) for view, part in zip(here.views, parts, strict=True))
        here.planes = ()
        return left, right

    def _ways(self) -> list[_Way]:
        """To the frames of the window, the nearest first, those after before those before."""
        if not uncovered.depth_is_steady(step for moment in self._moments for step in (moment.forth, moment.back)):
            return []
        look, ways = self._moments[self._next].look, []
        for sense, others in ((1, self._moments[self._next + 1 :]), (-1, self._moments[: self._next][::-1])):
            path = [self._moments[self._next], *others]
            steps = [two.forth if sense > 0 else one.back for one, two in pairwise(path)]
            walked = [step for step in steps if step is not None]
            models = uncovered.followed(look, walked) if walked else ()
            for count, (there, step, model) in enumerate(zip(others, walked, models, strict=True), 1):
                if count in uncovered.DISTANCES:
                    ways.append(_Way(sense * count, there.slot, np.stack(model), step.rest))
        return sorted(ways, key=lambda way: (abs(way.distance), -way.distance))

    def _search(self, here: _Moment, listed: _Listed) -> _Found:
        from stereo3d.render import uncovered_triton

        device, count = self._near.device, listed.pixels
        sizes = (count, count, count, listed.blocks + 1, listed.ring, listed.ring, listed.blocks + 1, listed.blocks)
        x, y, lead, first, ring_x, ring_y, ring_first, signs = _apart(to_device(listed.ints, device), sizes)
        shift, limit, ring_shift, ring_limit = _apart(
            to_device(listed.floats, device), (count, count, listed.ring, listed.blocks)
        )
        where, carried = torch.zeros((2, -(-count // _PART) * _PART), dtype=torch.int32, device=device)
        at, carried_at = torch.zeros((2, count + count % 2, 2), device=device)
        found = _Found(x, y, lead, where, at, shift.clone(), torch.zeros_like(shift), carried, carried_at)
        ways = self._ways()
        if not ways:
            return found
        goals, models, rests = _uploaded(ways, device)
        height, width = self._rings[0].shape[1:]
        grow, peak = max(1.0, width / _UNIT), (1 << here.views[0].format.bits) - 1
        drift, size, grid = torch.zeros((listed.blocks, 2), device=device), (height, width), rests.shape[1:3]
        uncovered_triton.look_for[(listed.blocks,)](
            (x, y, shift, limit),
            (ring_x, ring_y, ring_shift, ring_limit),
            (first, ring_first, signs),
            (self._rings[0], self._near),
            here.slot,
            (goals, models, rests),
            len(ways),
            (found.where, found.at, found.surface, found.offset, drift),
            (255 / peak, uncovered.NOISE, uncovered.TRUST, uncovered.FURTHEST * grow, uncovered.TOLERANCE * grow),
            size,
            tuple(grid),
            **uncovered_numba.LIMITS,
            lanes=uncovered_triton.LANES,
            num_warps=1,
            enable_fp_fusion=False,
        )
        back = next((n for n, way in enumerate(ways) if way.distance == -1), None)
        if back is not None and self._last is not None:
            uncovered_triton.carry[(listed.blocks,)](
                (x, y),
                (first, signs),
                drift,
                models[back, 0],
                self._last[1],
                (found.where, found.surface, found.carried, found.carried_at),
                uncovered.SAME * grow,
                size,
                lanes=uncovered_triton.LANES,
                num_warps=1,
                enable_fp_fusion=False,
            )
        return found

    def _paste(self, here: _Moment, found: _Found, listed: _Listed, *, chroma: bool) -> None:
        """Puts what was found into the views. Luma decides; a chroma sample follows its leading pixel."""
        from stereo3d.render import paste_triton

        form = here.views[0].format
        whole = len(here.planes) if form.is_rgb else 1
        numbers = range(whole, len(here.planes)) if chroma else range(whole)
        if not numbers:
            return
        size, peak = here.planes[numbers[0]].shape[1:], (1 << form.bits) - 1
        scales = (form.chroma_x, form.chroma_y) if chroma else (0, 0)
        passes = [(found.where, found.at, self._rings, False)]
        if self._last is not None:
            passes.append((found.carried, found.carried_at, self._last[0], True))
        for where, at, sources, ours in passes:
            grid = (-(-listed.pixels // paste_triton.BLOCK),)
            shares = (uncovered.CARRY, uncovered.STEADY, 1.0) if ours else (1.0, 1.0, 1.0)
            for k in numbers:
                paste_triton.paste[grid](
                    here.planes[k],
                    sources[k],
                    found.x,
                    found.y,
                    found.lead,
                    where,
                    at,
                    found.offset,
                    listed.pixels,
                    listed.right,
                    tuple(size),
                    (*shares, 0.0 if ours or chroma else peak / 255, peak),
                    here.slot,
                    _SLOTS,
                    *scales,
                    ours=ours,
                    block=paste_triton.BLOCK,
                    enable_fp_fusion=False,
                )


def _uploaded(ways: Sequence[_Way], device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(int32 [K, 2]: distance and slot; float32 [K, 2, 3, TERMS]: models; float32 [K, rows, columns, 2]: rests)."""
    goals = torch.tensor([(way.distance, way.slot) for way in ways], dtype=torch.int32)
    models, rests = (torch.from_numpy(np.stack(part)) for part in ([w.models for w in ways], [w.rest for w in ways]))
    one, two, three = (to_device(part, device) for part in (goals, models, rests))
    return one, two, three


def _remember(found: _Found, listed: _Listed, filled: torch.Tensor) -> None:
    """The shifts of what pixels are filled with, in ``filled`` [2, H, W]."""
    from stereo3d.render import paste_triton

    paste_triton.remember[(-(-listed.pixels // paste_triton.BLOCK),)](
        found.x,
        found.y,
        found.surface,
        listed.pixels,
        listed.right,
        filled,
        tuple(filled.shape[1:]),
        block=paste_triton.BLOCK,
    )
