"""Depth to disparity: pure arithmetic, no pictures.

Disparity is ``x_left - x_right`` in pixels of one eye's width, positive in front of the screen; parallax on a real
screen has the other sign (``x_right - x_left``, uncrossed positive) and is what comfort rules are written in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch

from stereo3d.errors import UsageError
from stereo3d.transfer import numbers

__all__ = ["PerFrame", "affine", "disparity_px", "each", "per_frame", "screen_parallax"]

PerFrame = float | Sequence[float]
"""One number for all frames, or one for each."""

_Number = TypeVar("_Number", float, torch.Tensor)


def disparity_px(depth: torch.Tensor, *, width: int, strength: PerFrame, zero_parallax: PerFrame) -> torch.Tensor:
    """``strength / 100 * width * (depth - zero_parallax)``, pixels of one eye's width.

    ``depth``: float, 0 far .. 1 near, any shape; with a number for each frame [N, ...]. ``strength``: the whole depth budget
    in % of ``width``, 0..15. ``zero_parallax``: the depth that lies on the screen, 0..1. Raises UsageError out of these bounds.
    """
    for value in each(strength):
        if not 0 <= value <= 15:
            raise UsageError(f"strength {value:g} % is out of bounds", hint="strength is 0..15 % of one eye's width")
    for value in each(zero_parallax):
        if not 0 <= value <= 1:
            raise UsageError(f"zero parallax {value:g} is out of bounds", hint="zero parallax is a depth, 0..1")
    scale = per_frame([value / 100 * width for value in each(strength)], depth)
    return affine(depth.float(), per_frame(each(zero_parallax), depth), scale)


def affine(maps: torch.Tensor, less: float | torch.Tensor, times: float | torch.Tensor) -> torch.Tensor:
    """``(maps - less) * times``, float32. By numpy on the CPU: torch's threads would spin for milliseconds after each such step,
    on cores that the kernels and the encoder need."""
    if maps.device.type != "cpu":
        return (maps - less) * times
    low, scale = (value.numpy() if isinstance(value, torch.Tensor) else np.float32(value) for value in (less, times))
    out = np.asarray(maps.numpy() - low)
    out *= scale
    return torch.from_numpy(out)


def each(value: PerFrame, count: int = 1) -> Sequence[float]:
    """The numbers; the one number ``count`` times."""
    return value if isinstance(value, Sequence) else (value,) * count


def per_frame(values: Sequence[float], maps: torch.Tensor) -> float | torch.Tensor:
    """One number, or one for each frame in a shape to compute with ``maps`` [N, ...]."""
    if len(values) == 1:
        return values[0]
    return numbers(values, maps.device).reshape(-1, *[1] * (maps.ndim - 1))


def screen_parallax(disparity: _Number, *, width: float, screen_width: float) -> _Number:
    """Parallax on a screen ``screen_width`` wide, in the same unit of length: ``x_right - x_left``, positive behind.

    ``disparity``: in units of which one eye has ``width``. Above the distance of the eyes (63 mm) the eyes would have to
    diverge.
    """
    return disparity * (-screen_width / width)
