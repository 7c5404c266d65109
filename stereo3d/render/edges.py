"""Depth edges: brought to the picture's edges, as steep as the picture's own, covering the mixed pixels.

A network's depth passes from near to far over a few pixels; warped as it is, those pixels smear a rubber sheet between
subject and background. :func:`refine` finds the ramps (short, much steeper than what surrounds them) and makes each a
step, set where the picture itself changes. Exact depth has no ramps and stays as it is. :func:`cover` gives the pixel
beyond a step, a mixture of both sides, to the subject, on the side where the view opens a gap: else it would become a
fringe of the subject's colour, smeared over the gap.

All values are *shift*: pixels that one eye is moved (half the disparity), larger = nearer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from stereo3d.render.bands import over_rows
from stereo3d.render.rules import BLUR, FRACTION, JUMP, LONGEST, MIXED, MOVED, NEAR, PEAK, PULL, has_kernels

_Map = np.ndarray[Any, Any]

__all__ = [
    "chroma",
    "cover",
    "cover_reference",
    "cover_rule",
    "refine",
    "refine_reference",
    "smooth_reference",
    "snap_reference",
]


def refine(shift: torch.Tensor, guide: torch.Tensor, *, longest: int = 0) -> torch.Tensor:
    """``shift`` brought to the size of ``guide``, its ramps made steps, along rows, then columns, the outlines smoothed.

    ``shift``: [N, 1, h, w] float32, pixels of the picture; of another size it is interpolated, bilinearly, corners on corners.
    ``guide``: [N, 1, H, W], the picture's luma, any real dtype. ``longest``: pixels of the picture up to which a ramp is an
    edge, if that is more than :data:`LONGEST` says. Smoothed are the ramps' pixels and those beside them, by a median of 5 x 5,
    twice: where the depth is exact, nothing changes.
    """
    longest = max(longest, LONGEST, round(LONGEST * guide.shape[3] / 1000))
    if has_kernels(shift.device):
        from stereo3d.render import edges_triton

        return edges_triton.refine(shift, guide, longest)
    if shift.device.type != "cpu":
        return refine_reference(shift, guide, longest)
    out = torch.empty((len(guide), 1, *guide.shape[2:]))
    marks = np.empty(out.shape[2:], np.uint8)
    for frame in range(shift.shape[0]):
        low, look = (maps[frame, 0].contiguous().numpy() for maps in (shift, guide))
        _refine(low, look, longest, marks, out[frame, 0].numpy())
    return out


def _refine(shift: _Map, guide: _Map, longest: int, marks: _Map, out: _Map) -> None:
    """:func:`refine` of one picture on the CPU; ``marks``: as large, to be used again for the next one."""
    from stereo3d.render import edges_numba, median_numba

    rule = (np.float32(PEAK), np.float32(FRACTION), longest, np.float32(NEAR), np.float32(PULL))
    height, width = guide.shape
    over_rows(lambda a, b: edges_numba.snap_rows(shift, guide, rule, out, marks, a, b), 1, height)
    over_rows(lambda a, b: edges_numba.snap_columns(out, guide, rule, marks, a, b), 1, width)
    found: dict[int, tuple[_Map, _Map, _Map]] = {}

    def smooth(start: int, stop: int) -> None:
        found[start] = median_numba.median_rows(out, marks, np.float32(MOVED), start, stop)

    for _ in range(2):  # all rows are read before any is written
        over_rows(smooth, 1, height)
        over_rows(lambda a, b: median_numba.put(out, marks, found[a]), 1, height)


def refine_reference(shift: torch.Tensor, guide: torch.Tensor, longest: int) -> torch.Tensor:
    """:func:`refine` in torch."""
    if shift.shape[2:] != guide.shape[2:]:
        shift = functional.interpolate(shift, guide.shape[2:], mode="bilinear", align_corners=True)
    along, first = snap_reference(shift, guide, longest)
    down, second = snap_reference(along.mT, guide.mT, longest)
    marks, smooth = first | second.mT, down.mT
    for _ in range(2):
        smooth, marks = smooth_reference(smooth, marks)
    return smooth


def smooth_reference(shift: torch.Tensor, marks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A median of 5 x 5 on the marked pixels and those beside them, in torch; also which marked ones it moved by more than
    :data:`MOVED`."""
    around = functional.max_pool2d(marks.float(), 3, 1, 1) > 0
    smooth = torch.where(around, _median(shift), shift)
    return smooth, marks & ((smooth - shift).abs() > MOVED)


def _median(shift: torch.Tensor) -> torch.Tensor:
    """Median 5x5, borders repeated."""
    padded = functional.pad(shift, (2, 2, 2, 2), mode="replicate")
    height, width = shift.shape[2:]
    near = [padded[..., j : j + height, i : i + width] for j in range(5) for i in range(5)]
    return torch.stack(near).median(0).values


def cover(shift: torch.Tensor, guide: torch.Tensor, sign: int) -> torch.Tensor:
    """Widen what is nearer where the view of ``sign`` (+1 left eye, -1 right eye) opens a gap.

    Mixed pixels reach as far as lens and codec blur: one pixel for each :data:`BLUR` of the picture's width, rounded up;
    and one more where the picture (``guide``) is still more than :data:`MIXED` of the way to the look of the
    near side.
    """
    if shift.device.type != "cpu":
        return cover_reference(shift, guide, sign)
    from stereo3d.render import edges_numba

    frames, _, height, width = shift.shape
    out = torch.empty_like(shift)
    rows, wide = shift.reshape(-1, width).numpy(), out.reshape(-1, width).numpy()
    look = guide.reshape(-1, width).numpy()
    rule = cover_rule(sign, width)
    over_rows(lambda a, b: edges_numba.cover_rows(rows, look, rule, wide, a, b), frames, height)
    return out


def cover_rule(sign: int, width: int) -> tuple[int, np.float32, np.float32, int]:
    """(sign, jump, mixed, least) of the CPU kernel."""
    return sign, np.float32(JUMP), np.float32(MIXED), -(-width // BLUR)


def cover_reference(shift: torch.Tensor, guide: torch.Tensor, sign: int) -> torch.Tensor:
    """:func:`cover` in torch."""
    width = shift.shape[3]
    least = -(-width // BLUR)
    x = torch.arange(width, device=shift.device)

    def beside(value: torch.Tensor, distance: int) -> torch.Tensor:
        """The value ``distance`` pixels towards the near side, the border repeated."""
        return value.index_select(3, (x + distance * sign).clamp(0, width - 1))

    look = guide.float()
    far, near = shift, beside(shift, 1)
    step = near - far > JUMP  # here the far side begins
    two = beside(look, -4 * least)
    contrast = beside(look, 2 * least) - two
    new, goes_on = torch.where(step, near, far), step
    for k in range(1, least + 1):
        at = x - k * sign
        goes_on = goes_on & (near - beside(far, -k) > JUMP) & (at >= 0) & (at < width)
        if k >= least:
            goes_on &= (beside(look, -k) - two) * contrast > MIXED * contrast * contrast
        reached = beside(goes_on, k) & (x + k * sign >= 0) & (x + k * sign < width)
        new = torch.where(reached, torch.maximum(new, beside(near, k)), new)
    return new


def chroma(shift: torch.Tensor, across: int, down: int) -> torch.Tensor:
    """Shift of the chroma samples in chroma pixels, for ``across`` x ``down`` luma pixels each: a sample moves with the
    nearest surface of its pixels. [N, 1, H, W] to [N, 1, h, w], rounded up."""
    if across == down == 1:
        return shift
    if shift.device.type != "cpu":
        return functional.max_pool2d(shift, (down, across), ceil_mode=True) / across
    from stereo3d.render import edges_numba

    frames, _, height, width = shift.shape
    out = torch.empty((frames, 1, -(-height // down), -(-width // across)))
    rows, small = shift[:, 0].numpy(), out[:, 0].numpy()
    over_rows(lambda a, b: edges_numba.chroma_rows(rows, across, down, small, a, b), frames, out.shape[2])
    return out


def snap_reference(shift: torch.Tensor, guide: torch.Tensor, longest: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ramps along rows made steps: ``shift``, ``guide`` [N, 1, H, W]; the reference of the CPU kernel. Also, in the same shape,
    which pixels are a ramp's, without its ends.

    A *run* is a stretch of slopes of one sign, each steep enough to be part of some ramp; a *ramp* is a part of it steeper than
    :data:`FRACTION` of its steepest slope, which is at least :data:`PEAK`. The picture decides where the step goes: between the
    pixels that look like the ramp's first and those that look like its last, pulled to where the depth crosses :data:`NEAR` of
    the ramp.
    """
    width = shift.shape[3]
    rows = shift.reshape(-1, width)
    look = guide.reshape(-1, width).float()
    slopes = width - 1
    if slopes < 2:
        return shift.clone(), torch.zeros_like(shift, dtype=torch.bool)
    slope = rows[:, 1:] - rows[:, :-1]
    way = torch.where(slope.abs() > FRACTION * PEAK, slope.sign(), 0)
    steepest = _largest(slope.abs(), _label(way))
    steep = (slope.abs() > FRACTION * steepest) & (steepest >= PEAK)
    x = torch.arange(slopes, device=rows.device)
    # a ramp: slopes first..last-1, all steep, of one run
    fresh = torch.ones_like(steep)
    fresh[:, 1:] = (steep[:, 1:] != steep[:, :-1]) | (way[:, 1:] != way[:, :-1])
    first = torch.where(fresh, x, 0).cummax(1).values
    ends = torch.ones_like(fresh)
    ends[:, :-1] = fresh[:, 1:]
    last = torch.where(ends, x + 1, width).flip(1).cummin(1).values.flip(1)
    ramp = steep & (last - first >= 2) & (last - first <= longest)
    one, two = rows.gather(1, first), rows.gather(1, last)
    # pixel x + 1, for each slope x, is the candidate for the first pixel of the far end's side
    limit = torch.minimum(one, two) + NEAR * (two - one).abs()
    behind = (rows[:, 1:] > limit) != (one > limit)
    label = fresh.long().cumsum(1) - 1
    middle = _smallest(torch.where(behind, x + 1, width).float(), label)
    look_one = (look.gather(1, (first - 1).clamp(min=0)) + look.gather(1, first)) * 0.5
    look_two = (look.gather(1, last) + look.gather(1, (last + 1).clamp(max=width - 1))) * 0.5
    contrast = PULL * (look_one - look_two).abs() / (last - first)
    score = (look[:, 1:] - look_one).abs() - (look[:, 1:] - look_two).abs()
    # halves of whole numbers: the sum is exact, and the same in any order
    total = score.to(torch.float32 if score.device.type == "mps" else torch.float64).cumsum(1)
    before = total - score
    start = before.gather(1, first)
    away = (x + 1) - middle
    cost = (before - start).float() + contrast * away * away
    least = _smallest(cost, label)
    split = _smallest(torch.where(cost == least, x + 1, width).float(), label)
    split = torch.where(contrast > 0, split, middle)
    new = rows.clone()
    inner = ramp & (x + 1 < last)
    new[:, 1:] = torch.where(inner, torch.where(x + 1 < split, one, two), rows[:, 1:])
    touched = torch.zeros_like(rows, dtype=torch.bool)
    touched[:, 1:] = inner
    return new.reshape(shift.shape), touched.reshape(shift.shape)


def _label(kind: torch.Tensor) -> torch.Tensor:
    """Number of the stretch of equal values that each place of a row is in."""
    change = torch.zeros(kind.shape, dtype=torch.long, device=kind.device)
    change[:, 1:] = kind[:, 1:] != kind[:, :-1]
    return change.cumsum(1)


def _largest(value: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(value).scatter_reduce(1, label, value, "amax").gather(1, label)


def _smallest(value: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    return torch.full_like(value, torch.inf).scatter_reduce(1, label, value, "amin").gather(1, label)
