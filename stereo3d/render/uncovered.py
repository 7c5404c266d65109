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

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
import torch

from stereo3d.frames import FrameBatch
from stereo3d.render import motion, uncovered_numba
from stereo3d.render.bands import over_rows
from stereo3d.render.fill import EMPTY
from stereo3d.render.gaps import Blocks, find_blocks
from stereo3d.render.views import Eyes

__all__ = ["REACH", "Uncovered", "depth_is_steady", "followed"]

REACH = 8
"""Frames before and after that are looked at."""
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
_SHARES = ((uncovered_numba.CARRIED, CARRY), (uncovered_numba.RENEWED, STEADY), (uncovered_numba.BEHIND, 1.0))
_SIGNS = (1, -1)  # of the left and the right view

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
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
class _Found:
    """Where a frame's hole pixels are seen. ``where``: the distance to that frame, 0 for nowhere; ``at``: the place there; ``surface``: the shift here of
    what a pixel is filled with; ``offset``: how much brighter it is here, in code values of 8 bit. ``carried``, ``carried_at``: whether (see
    :func:`stereo3d.render.uncovered_numba.carry`) and where the last frame's view was filled there."""

    where: Ints
    at: Floats
    surface: Floats
    offset: Floats
    carried: Ints
    carried_at: Floats


class Uncovered:
    """The holes of consecutive frames of one shot, filled from one another. Views come out up to :data:`REACH` frames late."""

    def __init__(self) -> None:
        self._moments: list[_Moment] = []
        self._next = 0  # the number in the window of the first frame that is still owed
        self._last: tuple[tuple[FrameBatch, FrameBatch], Floats] | None = None

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

    def _append(self, frame: FrameBatch, eyes: Eyes) -> None:
        here = torch.device("cpu")
        planes = tuple(plane[0].numpy() for plane in frame.to(here).planes)
        shift = np.ascontiguousarray(eyes.shift[0, 0].cpu().numpy())
        look = motion.look(planes[0], shift, (1 << frame.format.bits) - 1)
        margin = max(1, round(frame.width / _UNIT))
        around = np.ones((2 * margin + 2,) * 2, np.uint8)
        near = np.ascontiguousarray(cv2.dilate(shift, around, anchor=(margin, margin))[::2, ::2])
        seen = [None if surface is None else surface[0, 0].cpu().numpy() for surface in eyes.seen]
        views = (eyes.left.to(here), eyes.right.to(here))
        moment = _Moment(planes, near, look, views, find_blocks(seen[0], seen[1], near))
        if self._moments:
            moment.forth, moment.back = motion.steps(self._moments[-1].look, look)
        self._moments.append(moment)

    def _filled(self) -> tuple[FrameBatch, FrameBatch]:
        """The views of the next frame that is owed; the window moves on."""
        here = self._moments[self._next]
        left, right = here.views
        found = self._search(here)
        filled = self._forgotten(here)
        for eye, sign in enumerate(_SIGNS):
            part = here.blocks.of(sign)
            filled[eye, here.blocks.y[part], here.blocks.x[part]] = found.surface[part]
            self._paste((left, right), eye, part, found)
        self._last, here.views = ((left, right), filled), ()
        self._next += 1
        if self._next > REACH:
            del self._moments[0]
            self._next -= 1
        return left, right

    def _forgotten(self, here: _Moment) -> Floats:
        """[2, H, W] of -inf, where the shifts of what is filled in are to be remembered: one memory for the whole shot."""
        if self._last is None:
            return np.full((2, *here.planes[0].shape), EMPTY, np.float32)
        filled, blocks = self._last[1], self._moments[self._next - 1].blocks
        for eye, sign in enumerate(_SIGNS):
            filled[eye, blocks.y[blocks.of(sign)], blocks.x[blocks.of(sign)]] = EMPTY
        return filled

    def _search(self, here: _Moment) -> _Found:
        blocks, width = here.blocks, here.planes[0].shape[1]
        count = len(blocks.x)
        drift = {way: np.zeros((len(blocks), 4), np.float32) for way in (1, -1)}
        where, carried = np.zeros((2, count), np.int32)
        at, carried_at = np.zeros((2, count, 2), np.float32)
        found = _Found(where, at, blocks.shift.copy(), np.zeros(count, np.float32), carried, carried_at)
        if not count:
            return found
        ways = [*self._ways(1), *self._ways(-1)] if self._depth_is_steady() else []
        grow = max(1.0, width / _UNIT)
        peak = (1 << here.views[0].format.bits) - 1
        rule = tuple(np.float32(v) for v in (255 / peak, NOISE, TRUST, FURTHEST * grow, TOLERANCE * grow))
        pixels = (blocks.x, blocks.y, blocks.shift, blocks.limit)
        ring = (blocks.ring_x, blocks.ring_y, blocks.ring_shift, blocks.ring_limit)
        ends = (blocks.first, blocks.ring_first, blocks.signs)
        left = np.diff(blocks.first).astype(np.int32)
        for way in sorted(ways, key=lambda way: (abs(way.distance), -way.distance)):
            there = self._moments[way.number]
            frames, moves = (here.planes[0], there.planes[0], there.near), (way.model, way.before, way.rest)
            state = (
                drift[1 if way.distance > 0 else -1],
                left,
                found.where,
                found.at,
                found.surface,
                found.offset,
                way.distance,
            )
            _over(partial(uncovered_numba.look_for, pixels, ring, ends, frames, moves, rule, state), len(blocks))
        back = next((way for way in ways if way.distance == -1), None)
        if back is not None and self._last is not None:
            filled, same = self._last[1], np.float32(SAME * grow)
            places, view = (where, found.surface, carried, carried_at), (blocks.first, blocks.signs)
            _over(
                partial(uncovered_numba.carry, pixels, view, back.model, drift[-1], filled, same, places), len(blocks)
            )
        return found

    def _depth_is_steady(self) -> bool:
        """Whether depth goes along with the picture in most frames of the window."""
        return depth_is_steady(step for moment in self._moments for step in (moment.forth, moment.back))

    def _ways(self, sense: int) -> Iterator[_Way]:
        """The frames of the window after (1) or before (-1) the next one."""
        end = min(len(self._moments), self._next + REACH + 1) if sense > 0 else -1
        numbers = range(self._next + sense, end, sense)
        steps = [self._moments[n].forth if sense > 0 else self._moments[n + 1].back for n in numbers]
        walked = [step for step in steps if step is not None]
        if not walked:
            return
        found = followed(self._moments[self._next].look, walked)
        for count, (number, step, (model, before)) in enumerate(zip(numbers, walked, found, strict=True), 1):
            yield _Way(number, sense * count, model, before, step.rest)

    def _paste(self, views: tuple[FrameBatch, FrameBatch], eye: int, part: slice, found: _Found) -> None:
        """Puts what was found into a view. Luma decides; a chroma sample follows where half of its pixels were found."""
        blocks, form = self._moments[self._next].blocks, views[eye].format
        peak = (1 << form.bits) - 1
        x, y, where, at = blocks.x[part], blocks.y[part], found.where[part], found.at[part]
        still, still_at = found.carried[part], found.carried_at[part]
        level = np.zeros_like(found.offset)[part]
        for k, plane in enumerate(views[eye].planes):
            target = plane[0].numpy()
            scales = (form.chroma_x, form.chroma_y) if k and not form.is_rgb else (0, 0)
            cells = partial(uncovered_numba.cells, x, y, across=scales[0], down=scales[1])
            offset = found.offset[part] * np.float32(peak / 255) if k == 0 or form.is_rgb else level
            spots = cells(where, width=target.shape[1], height=target.shape[0])
            for number in np.unique(where[where != 0]).tolist():
                source = self._moments[self._next + number].planes[k]
                uncovered_numba.paste(
                    target, source, spots, (x, y, where, at, offset), scales, _values(1, peak), number
                )
            if self._last is None:
                continue
            source = self._last[0][eye].planes[k][0].numpy()
            spots = cells(still, width=target.shape[1], height=target.shape[0])
            for kind, share in _SHARES:
                places = (x, y, still, still_at, level)
                uncovered_numba.paste(target, source, spots, places, scales, _values(share, peak), kind)


def depth_is_steady(steps: Iterable[motion.Step | None]) -> bool:
    """Whether depth goes along with the picture in most of these steps."""
    jumps = [step.jump for step in steps if step is not None]
    return not jumps or float(np.median(jumps)) <= UNSTEADY


def followed(look: motion.Look, steps: Sequence[motion.Step]) -> Iterator[tuple[Floats, Floats]]:
    """For the frame after each of consecutive ``steps`` from a frame of this ``look``: the model of the motion to it, and that to the frame before
    it."""
    aspect = look.grey.shape[0] / look.grey.shape[1]
    before = np.zeros((3, motion.TERMS), np.float32)
    for model in motion.chained([step.model for step in steps], aspect, float(look.near.max()), float(look.near.min())):
        yield model.astype(np.float32), before
        before = model.astype(np.float32)


def _values(share: float, peak: int) -> tuple[np.float32, ...]:
    """What :func:`stereo3d.render.uncovered_numba.paste` calls values."""
    return np.float32(share), np.float32(0.5), np.float32(peak)


def _over(kernel: Callable[[int, int], None], count: int) -> None:
    over_rows(kernel, 1, count)
