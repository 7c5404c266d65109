"""The frame as a window: what its sides cut, and bringing it forward. Pure.

A thing in front of the screen that the frame's side cuts off is seen by one eye where the other has the side already: a
contradiction (*window violation*). Either it must not stand in front there (:func:`soften_sides`), or the window itself comes
forward (:func:`float_window`): black covers the left edge of the left eye's picture and the right edge of the right eye's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from stereo3d.colour import black
from stereo3d.frames import FrameBatch
from stereo3d.render.disparity import per_frame
from stereo3d.transfer import numbers

__all__ = ["POPS", "float_window", "side_depths", "side_share", "soften_sides", "window_columns"]

STEEPEST = 0.25
"""Pixels of disparity per pixel that softening may bend the sides by: an eye stretches what is there by an eighth at most."""
NARROWEST = 0.05
"""Share of the width, at least, that a softened side takes; at most half of the width."""
BAND = 0.01
"""Share of the width that is the frame's side when violations are looked for."""
HIGH = 0.75
"""Share of the height, from the top, where they are looked for: what the frame's bottom cuts disturbs little."""
POPS = 0.1
"""% of the width in front of the screen from which a thing at the side is in the way."""
NEAREST = 0.9
"""Quantile of a side's rows that is its nearest depth."""


def soften_sides(disparity: torch.Tensor, front: Sequence[float]) -> torch.Tensor:
    """No pop-out at the frame's sides: what is in front of the screen goes back to it towards the left and right edge.

    ``disparity``: [N, 1, h, w], pixels of any width. ``front``: for each frame (or one for all) the largest disparity there can
    be, as a share of the width. The ramp (smoothstep, steepest 1.5 in its middle) is so wide that disparity changes by
    :data:`STEEPEST` a pixel at most; what lies behind the screen stays.
    """
    width = disparity.shape[3]
    reaches = [min(max(NARROWEST, 1.5 * share / STEEPEST), 0.5) for share in front]
    columns = min(math.ceil(max(reaches) * width), width // 2)
    away = torch.arange(columns, device=disparity.device, dtype=torch.float32) / (width - 1 or 1)
    away = (away / per_frame(reaches, disparity)).clamp_(0, 1)
    share = away * away * (3 - 2 * away)
    soft = disparity.clone()
    for side, ramp in ((soft[..., :columns], share), (soft[..., width - columns :], share.flip(-1))):
        torch.minimum(side, side.clamp(min=0).mul_(ramp), out=side)
    return soft


def _sides(depth: torch.Tensor) -> torch.Tensor:
    """The depth along the frame's sides, bottom left out: [N, 1, h, w] to [N, 2, rows], left and right."""
    columns = max(1, round(depth.shape[3] * BAND))
    rows = depth[:, 0, : max(1, round(depth.shape[2] * HIGH))]
    return torch.stack([rows[..., :columns], rows[..., -columns:]], 1).float().median(3).values


def side_share(depth: torch.Tensor, limit: Sequence[float]) -> torch.Tensor:
    """How much of the worse side of each frame of ``depth`` [N, 1, h, w] is nearer than ``limit`` (N numbers): [N], 0..1."""
    sides = _sides(depth)
    return (sides > numbers(limit, sides.device)[:, None, None]).float().mean(2).amax(1)


def side_depths(depth: torch.Tensor) -> torch.Tensor:
    """The nearest depth at the left and at the right side of each frame, but for a tenth of the rows: [N, 1, h, w] to [N, 2]."""
    sides = _sides(depth)
    place = min(int(NEAREST * sides.shape[2]), sides.shape[2] - 1)
    return sides.sort(2).values[..., place]


def window_columns(
    near: float, width: int, unit: int, *, strength: Sequence[float], zero_parallax: Sequence[float]
) -> list[int]:
    """Columns of each frame that the window takes at a side whose nearest depth is ``near``: as many as that has disparity, a
    multiple of ``unit`` (columns of a chroma sample), and none below :data:`POPS`."""
    shares = [s * (near - z) for s, z in zip(strength, zero_parallax, strict=True)]
    return [math.ceil(share / 100 * width / unit) * unit if share > POPS else 0 for share in shares]


def float_window(
    left: FrameBatch,
    right: FrameBatch,
    sides: tuple[float, float],
    *,
    strength: Sequence[float],
    zero_parallax: Sequence[float],
) -> tuple[FrameBatch, FrameBatch]:
    """Both eyes' frames behind a window that stands before what its sides cut.

    ``sides``: the nearest depth at the left and at the right side of the shot; its disparity is the width of the black at the
    left edge of the left eye's picture and at the right edge of the right eye's. ``strength``, ``zero_parallax``: of each frame.
    """
    width, unit = left.width, 1 << left.format.chroma_x
    ours, theirs = (window_columns(near, width, unit, strength=strength, zero_parallax=zero_parallax) for near in sides)
    return _blacken(left, [slice(0, n) for n in ours]), _blacken(right, [slice(width - n, width) for n in theirs])


def _blacken(frames: FrameBatch, places: Sequence[slice]) -> FrameBatch:
    if all(place.start == place.stop for place in places):
        return frames
    planes = tuple(plane.clone() for plane in frames.planes)
    for number, plane in enumerate(planes):
        value = black(frames.format, number)
        for frame, place in enumerate(places):
            start, stop = (frames.format.plane_size(number, x, 0)[0] for x in (place.start, place.stop))
            plane[frame, :, start:stop] = value
    return FrameBatch(planes, frames.pts, frames.index, frames.format)
