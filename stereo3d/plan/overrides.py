"""What is in force for a shot: the film's own settings, or what was changed for just this shot. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import torch

from stereo3d.frames import FrameBatch, PixelFormat, Shot
from stereo3d.settings import ViewSettings

__all__ = ["FLAT", "InForce", "Overrides", "black", "flat_view"]

FLAT = "flat"
"""The name of the depth model that sees no depth (:class:`stereo3d.depth.flat.FlatDepth`)."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings of one shot. ``model``: the name of its depth model, "" for the film's. ``black``: its frames cannot be
    had, black ones stand in."""

    view: ViewSettings
    model: str = ""
    black: bool = False


def flat_view(view: ViewSettings) -> ViewSettings:
    """The same settings without any depth."""
    flat = {"strength": 0, "zero_parallax": 0.5, "window": "off"}
    return ViewSettings.model_validate({**view.model_dump(), **flat})


@dataclass(frozen=True, slots=True)
class Overrides:
    """Runs of frames (shots, or what a segment holds of them) that have settings of their own, in order."""

    shots: tuple[tuple[Shot, InForce], ...] = ()

    def at(self, frame: int) -> InForce | None:
        """What is in force at an output frame instead of the film's settings; None where those are."""
        place = bisect_right(self.shots, frame, key=lambda item: item[0].start) - 1
        if place < 0 or frame >= self.shots[place][0].end:
            return None
        return self.shots[place][1]

    def changed(self, start: int, end: int, own: InForce) -> Overrides:
        """These, with ``own`` for output frames [start, end)."""
        kept = [(piece, other) for run, other in self.shots for piece in _outside(run, start, end)]
        return Overrides(tuple(sorted([*kept, (Shot(start, end), own)], key=lambda item: item[0].start)))

    def models(self) -> tuple[str, ...]:
        """The names of all models that shots have of their own."""
        return tuple(sorted({own.model for _, own in self.shots if own.model}))


def _outside(run: Shot, start: int, end: int) -> list[Shot]:
    """What of a run lies before ``start`` and behind ``end``."""
    pieces = ((run.start, min(run.end, start)), (max(run.start, end), run.end))
    return [Shot(a, b) for a, b in pieces if a < b]


def black(format: PixelFormat, size: tuple[int, int], pts: tuple[int, ...], index: int) -> FrameBatch:
    """Black frames. ``size``: (width, height). ``pts``, ``index``: as in :class:`stereo3d.frames.FrameBatch`."""
    count = 1 if format.name.startswith("gray") else 3
    dark = 0 if format.colour.full_range or format.is_rgb else 16 << (format.bits - 8)
    neutral = 0 if format.is_rgb else 1 << (format.bits - 1)
    planes = []
    for plane in range(count):
        width, height = format.plane_size(plane, *size)
        planes.append(torch.full((len(pts), height, width), neutral if plane else dark, dtype=format.dtype))
    return FrameBatch(tuple(planes), pts, index, format)
