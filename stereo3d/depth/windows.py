"""Windows over the frames of a shot, for networks that see many frames at once, and the way back to one steady shot.

Long-video inference of Video Depth Anything (Chen et al. 2025, section 3.3): a window opens with key frames of the window
before it, then repeats that window's last frames. The key frames give the scale and shift that join the two; over the
repeated frames one fades into the other. Pure bookkeeping: nothing here knows a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

__all__ = ["Stitch", "Windowing", "Windows"]

Frame = TypeVar("Frame")


@dataclass(frozen=True, slots=True)
class Windowing:
    """How a shot is cut. ``length``: frames a window. ``keys``: the places of a window that open the next one, first 0,
    which so stays the shot's first frame for ever. ``blend``: frames at a window's end that the next one sees again.
    """

    length: int
    keys: tuple[int, ...]
    blend: int

    def __post_init__(self) -> None:
        if self.keys[:1] != (0,) or self.blend < 2 or max(self.keys) >= self.settled or self.step < 1:
            raise ValueError(f"not a windowing: {self}")

    @property
    def step(self) -> int:
        """New frames in a window after the first."""
        return self.length - len(self.keys) - self.blend

    @property
    def settled(self) -> int:
        """Places at a window's start that no later window changes."""
        return self.length - self.blend


class Windows(Generic[Frame]):
    """Cuts the frames of one shot, given one after the other, into windows.

    A window is a list of ``length`` frames; only at the shot's end it may be shorter. Holds one window at most.
    """

    def __init__(self, how: Windowing) -> None:
        self._how = how
        self._frames: list[Frame] = []

    def push(self, frame: Frame) -> list[Frame] | None:
        """The next frame; gives the window that it completes."""
        self._frames.append(frame)
        return self._take() if len(self._frames) == self._how.length else None

    def finish(self) -> Iterator[list[Frame]]:
        """The windows that are still owed: none for a shot without frames, else one or two."""
        while self._frames:
            yield self._take()

    def _take(self) -> list[Frame]:
        window, how = self._frames, self._how
        repeated = window[how.settled :]
        self._frames = [window[key] for key in how.keys] + repeated if repeated else []
        return window


class Stitch:
    """Joins what a network gave for the windows of one shot, in order; negative values become 0 in all but the first."""

    def __init__(self, how: Windowing) -> None:
        self._how = how
        self._before: tuple[Tensor, Tensor] | None = None  # of the last window: its keys' values, its unsettled end

    def add(self, values: Tensor) -> Tensor:
        """Values [n, 1, h, w] of the next window's frames; returns what is settled, [k, 1, h, w]."""
        how, opening = self._how, len(self._how.keys)
        if self._before is None:
            first, joined, settled = values[:1], values, how.settled
        else:
            keys, fading = self._before
            scale, shift = _fit(values[:opening], keys)
            values = (values * scale + shift).clamp_min(0)
            weight = torch.linspace(0, 1, how.blend, dtype=values.dtype, device=values.device)[: len(fading)].view(
                -1, 1, 1, 1
            )
            faded = torch.lerp(fading, values[opening : opening + len(fading)], weight)
            first, joined, settled = keys[:1], torch.cat([faded, values[opening + len(fading) :]]), how.step
        others = [key for key in how.keys[1:] if key < len(values)]  # fewer in the last window, which nothing follows
        self._before = torch.cat([first, values[others]]), joined[settled:]
        return joined[:settled]

    def finish(self) -> Tensor | None:
        """The values of the last frames; None if there never was a window."""
        last, self._before = self._before, None
        return None if last is None else last[1]


def _fit(values: Tensor, wanted: Tensor) -> tuple[float, float]:
    """Least squares: scale and shift that bring ``values`` closest to ``wanted``; (1, 0) where values are flat."""
    x, y = values.double().flatten(), wanted.double().flatten()
    mean_x, mean_y = x.mean(), y.mean()
    variance = (x - mean_x).square().mean()
    if variance <= 1e-12 * x.square().mean():
        return 1.0, 0.0
    scale = ((x - mean_x) * (y - mean_y)).mean() / variance
    return float(scale), float(mean_y - scale * mean_x)
