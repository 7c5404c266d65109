"""A model that runs in other processes."""

from __future__ import annotations

from typing import NoReturn

import torch

from stereo3d.depth.base import ModelInfo

__all__ = ["Elsewhere"]


class Elsewhere:
    """A :class:`stereo3d.depth.base.DepthModel` of which only what it is is known here; it holds no memory of a device. All that
    would compute raises RuntimeError."""

    def __init__(self, info: ModelInfo) -> None:
        self._info = info

    @property
    def info(self) -> ModelInfo:
        return self._info

    def batch_for(self, height: int, width: int) -> int:
        self._refuse()

    def begin_shot(self) -> NoReturn:
        self._refuse()

    def infer_raw(self, rgb: torch.Tensor) -> torch.Tensor:
        self._refuse()

    def infer(self, rgb: torch.Tensor) -> torch.Tensor:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise RuntimeError(f"{self._info.name} is loaded in other processes")
