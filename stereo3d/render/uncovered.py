"""Holes filled over time: what a shift uncovers now was often seen some frames before or after in the same shot.

Each hole's background is followed to the frames around: by a model of the picture's motion that knows depth
(:mod:`stereo3d.render.motion`), by what the flow of the visible background beside the hole says beyond it, and by laying that
background over the other frame. A pixel is taken from the nearest frame in which, at the place where the background
must be, a surface as far as the background is seen that would land on this very pixel of the view, if the visible
background beside looks the same there. What no frame shows keeps the fill it has, carried on from frame to frame along
the background's motion so that it does not shimmer. What a pixel was filled with is remembered with its shift, so that the
colour of a wire, which beside the hole passed for background, is soon forgotten once the wall is seen, and the wall remembered.

Nothing looks across the ends of the sequence: the result is a function of its frames. Work is done on the CPU; planes on
another device come here and go back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from stereo3d.frames import FrameBatch
from stereo3d.render import gaps_numba, motion, paste_numba, uncovered_numba
from stereo3d.render.bands import over_rows
from stereo3d.render.fill import EMPTY
from stereo3d.render.gaps import Blocks, find_blocks
from stereo3d.render.views import Eyes

__all__ = ["DISTANCES", "REACH", "Uncovered", "Window", "depth_is_steady", "followed"]

DISTANCES = (1, 2, 3, 5, 8)
"""Which frames before and after are looked at: what is not seen in one is seldom seen in the next one."""
REACH = DISTANCES[-1]
"""Frames before and after that are kept for it."""
CARRY = 0.8
"""Share of the last frame's fill in this one's, where no frame shows the background."""
STEADY = 0.5
"""The same where one does, and where the last frame's fill is of something nearer."""
NOISE = 8.0
"""Code values of 8 bit by which the same place may differ from frame to frame."""
TRUST = 0.5
"""The visible background, laid over another frame, may differ by this share of its own contrast."""
UNSTEADY = 0.008
"""Share of the shifts' range by which depth may jump from frame to frame; where it is more, frames keep the fill they have."""
FURTHEST = 2.0
"""Pixels, of a picture 1280 wide, by which laying over may correct what the motion says."""
TOLERANCE = 0.75
"""Pixels by which a surface may miss the hole pixel it is taken for, for a picture 1280 wide, and at least."""


SAME = 2.5
"""Pixels, in the same way: shifts that are closer together are one surface."""

_UNIT = 1280
_SIGNS = (1, -1)  # of the left and the right view

Floats = npt.NDArray[np.float32]
Plane = npt.NDArray[np.generic]


@dataclass(slots=True)
class _Moment:
    """One frame: its planes, its nearest shift (of 2 x 2 pixels and those around), its views, until they are given away filled, their
    holes, and the motion from the frame before to this one and back."""

    planes: tuple[Plane, ...]
    near: Floats
    look: motion.Look
    views: tuple[FrameBatch, ...]
    blocks: Blocks
    forth: motion.Step | None = None
    back: motion.Step | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """To another frame of the window: its number there, how many frames on (negative: back), the model of the motion to it, that to the frame before it,
    and what the last step's model says too little."""

    number: int
    distance: int
    model: Floats
    before: Floats
    rest: Floats


@dataclass(frozen=True, slots=True)
class _Memory:
    """The last frame's views, their holes, and the shift of what these are filled with, [2, H, W], -inf elsewhere."""

    views: tuple[FrameBatch, ...]
    blocks: Blocks
    shift: Floats


M = TypeVar("M")


class Window(ABC, Generic[M]):
    """Consecutive frames of one shot, each filled when :data:`REACH` frames after it are there, or the last one."""

    def __init__(self) -> None:
        self._moments: list[M] = []
        self._next = 0  # the number in the window of the first frame that is still owed

    def push(self, frames: FrameBatch, eyes: Eyes) -> Iterator[tuple[FrameBatch, FrameBatch]]:
        """The next frames and their views, filled already; gives (left, right) of those that are ready, one frame at a time.
        The views' planes may be changed in place."""
        for n in range(len(frames)):
            self._append(frames.cut(n, n + 1), eyes.cut(n, n + 1))
            if len(self._moments) - self._next > REACH:
                yield self._filled()

    def finish(self) -> Iterator[tuple[FrameBatch, FrameBatch]]:
        """All that are still owed."""
        while self._next < len(self._moments):
            yield self._filled()

    def _filled(self) -> tuple[FrameBatch, FrameBatch]:
        """The views of the next frame that is owed; the window moves on."""
        views = self._views(self._moments[self._next])
        self._next += 1
        if self._next > REACH:
            del self._moments[0]
            self._next -= 1
        return views

    @abstractmethod
    def _append(self, frame: FrameBatch, eyes: Eyes) -> None:
        """Take one more frame into the window."""

    @abstractmethod
    def _views(self, here: M) -> tuple[FrameBatch, FrameBatch]:
        """The frame's views, filled; it gives them away."""


class Uncovered(Window[_Moment]):
    """The holes of consecutive frames of one shot, filled from one another. Views come out up to :data:`REACH` frames late."""

    def __init__(self) -> None:
        super().__init__()
        self._last: _Memory | None = None

    def _append(self, frame: FrameBatch, eyes: Eyes) -> None:
        here = torch.device("cpu")
        planes = tuple(plane[0].numpy() for plane in frame.to(here).planes)
        shift = np.ascontiguousarray(eyes.shift[0, 0].cpu().numpy())
        near = gaps_numba.nearest(shift, max(1, round(frame.width / _UNIT)))
        look = motion.look(planes[0], near, (1 << frame.format.bits) - 1)
        seen = [None if surface is None else surface[0, 0].cpu().numpy() for surface in eyes.seen]
        views = (eyes.left.to(here), eyes.right.to(here))
        moment = _Moment(planes, near, look, views, find_blocks(seen[0], seen[1], near))
        if self._moments:
            moment.forth, moment.back = motion.steps(self._moments[-1].look, look)
        self._moments.append(moment)

    def _views(self, here: _Moment) -> tuple[FrameBatch, FrameBatch]:
        surface = self._fill(here)
        self._last = self._remembered(here, surface)
        left, right = here.views
        here.views = ()
        return left, right

    def _remembered(self, here: _Moment, surface: Floats) -> _Memory:
        """One array of shifts serves the whole shot: it is as large as the views, and most of it is empty."""
        if self._last is None:
            last, shift = here.blocks, np.full((2, *here.planes[0].shape), EMPTY, np.float32)
        else:
            last, shift = self._last.blocks, self._last.shift
        then, now = ((blocks.x, blocks.y, blocks.of(1).stop) for blocks in (last, here.blocks))
        uncovered_numba.remember(shift, then, now, surface)
        return _Memory(here.views, here.blocks, shift)

    def _fill(self, here: _Moment) -> Floats:
        """Fills the views of a frame; the shift of what each hole pixel is filled with."""
        blocks, form = here.blocks, here.views[0].format
        surface = blocks.shift.copy()
        ways = [*self._ways(1), *self._ways(-1)] if self._depth_is_steady() and len(surface) else []
        if not ways:
            return surface
        grow, peak = max(1.0, here.planes[0].shape[1] / _UNIT), (1 << form.bits) - 1
        rule = tuple(np.float32(v) for v in (255 / peak, NOISE, TRUST, FURTHEST * grow, TOLERANCE * grow))
        ring = (blocks.ring_x, blocks.ring_y)
        look = (*ring, blocks.ring_shift, uncovered_numba.slopes(here.planes[0], *ring, rule[0]))
        drift = {sense: np.zeros((len(blocks), 4), np.float32) for sense in (1, -1)}
        left, found, lead = np.diff(blocks.first), np.zeros(len(surface), np.bool_), self._leads(here)
        pixels = (blocks.x, blocks.y, blocks.limit, lead)
        parts = (blocks.first, blocks.ring_first, blocks.ring_limit, blocks.signs)
        target = _planes(here.views), (form.chroma_x, form.chroma_y, form.is_rgb, np.float32(peak))
        for way in sorted(ways, key=lambda way: (abs(way.distance), -way.distance)):
            there = self._moments[way.number]
            moves, state = (way.model, way.before, way.rest), (drift[np.sign(way.distance)], left, found, surface)
            given = (pixels, look, parts, (there.planes, there.near), moves, rule, state, *target)
            over_rows(partial(uncovered_numba.look_for, *given), 1, len(blocks))
        back = next((way for way in ways if way.distance == -1), None)
        if back is not None and self._last is not None:
            memory = (drift[-1], _planes(self._last.views), self._last.shift)
            shares = tuple(np.float32(v) for v in (SAME * grow, CARRY, STEADY))
            held = ((blocks.x, blocks.y, lead), (blocks.first, blocks.signs), back.model, memory)
            over_rows(partial(uncovered_numba.carry, *held, shares, (found, surface), *target), 1, len(blocks))
        return surface

    def _leads(self, here: _Moment) -> npt.NDArray[np.bool_]:
        """Which hole pixels the views' chroma follows."""
        form, blocks = here.views[0].format, here.blocks
        scales = (0, 0) if form.is_rgb else (form.chroma_x, form.chroma_y)
        height, width = here.planes[-1].shape
        parts = [blocks.of(sign) for sign in _SIGNS]
        return np.concatenate([paste_numba.leads(blocks.x[p], blocks.y[p], *scales, width, height) for p in parts])

    def _depth_is_steady(self) -> bool:
        """Whether depth goes along with the picture in most frames of the window."""
        return depth_is_steady(step for moment in self._moments for step in (moment.forth, moment.back))

    def _ways(self, sense: int) -> Iterator[_Way]:
        """The frames of the window that are looked at, after (1) or before (-1) the next one."""
        end = min(len(self._moments), self._next + REACH + 1) if sense > 0 else -1
        numbers = range(self._next + sense, end, sense)
        steps = [self._moments[n].forth if sense > 0 else self._moments[n + 1].back for n in numbers]
        walked = [step for step in steps if step is not None]
        if not walked:
            return
        found = followed(self._moments[self._next].look, walked)
        for count, (number, step, (model, before)) in enumerate(zip(numbers, walked, found, strict=True), 1):
            if count in DISTANCES:
                yield _Way(number, sense * count, model, before, step.rest)


def depth_is_steady(steps: Iterable[motion.Step | None]) -> bool:
    """Whether depth goes along with the picture in most of these steps."""
    jumps = [step.jump for step in steps if step is not None]
    return not jumps or float(np.median(jumps)) <= UNSTEADY


def followed(look: motion.Look, steps: Sequence[motion.Step]) -> Iterator[tuple[Floats, Floats]]:
    """For the frame after each of consecutive ``steps`` from a frame of this ``look``: the model of the motion to it, and that to the frame before
    it."""
    aspect = look.grey.shape[0] / look.grey.shape[1]
    before = np.zeros((3, motion.TERMS), np.float32)
    for model in motion.chained([step.model for step in steps], aspect, look.nearest, look.farthest):
        yield model.astype(np.float32), before
        before = model.astype(np.float32)


def _planes(views: tuple[FrameBatch, ...]) -> tuple[tuple[Plane, ...], ...]:
    """Those of single frames."""
    return tuple(tuple(plane[0].numpy() for plane in view.planes) for view in views)
