"""The protocol that every depth model speaks.

Raw values are *inverse depth up to scale and shift*, larger = nearer, whatever the network's own habit. Turning them
into depth in [0, 1] that is steady over a shot is the work of :mod:`stereo3d.depth.temporal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from stereo3d.frames import FrameBatch

__all__ = ["DepthModel", "ModelInfo", "ShotEstimator"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a loaded model is. ``identity`` names the numbers it gives (weights hash, architecture, precision): two
    models of the same identity give the same depth on the same kind of device. ``calibrated``: raw values are depth in
    [0, 1] already and must not be rescaled. ``notes``: what the user must be told each time (licence limits, stand-ins).
    """

    name: str
    identity: str
    licence: str
    calibrated: bool = False
    notes: tuple[str, ...] = ()


class ShotEstimator(Protocol):
    """Depth of one shot, frame after frame. State lives here and dies with the shot."""

    def push(self, frames: FrameBatch) -> torch.Tensor:
        """Take the next frames of the shot; give the depth that is ready, in order: [k, 1, h, w] float32, k >= 0,
        raw values, at the model's own size (same aspect as the frame), on the model's device."""

    def finish(self) -> torch.Tensor:
        """The depth of the frames that are still owed, [k, 1, h, w]."""


@runtime_checkable
class DepthModel(Protocol):
    """A loaded model. One copy of the weights lives on one device; methods are called from one thread at a time."""

    @property
    def info(self) -> ModelInfo: ...

    def batch_for(self, height: int, width: int) -> int:
        """Frames of this size that go through the model in one call; a job writes it down and asks for it again."""

    def begin_shot(self) -> ShotEstimator:
        """A fresh estimator for the next shot: nothing is remembered across a cut."""

    def infer_raw(self, rgb: torch.Tensor) -> torch.Tensor:
        """The model's own values for independent pictures.

        ``rgb``: [N, 3, H, W], uint8, or float in 0..1. Returns [N, 1, H, W] float32 at the picture's size.
        """

    def infer(self, rgb: torch.Tensor) -> torch.Tensor:
        """Depth in [0, 1], 1 = near, each picture scaled by its own minimum and maximum: [N, 1, H, W] float32."""
