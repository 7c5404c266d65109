"""No depth at all: the model of shots that are to stay flat."""

from __future__ import annotations

import torch

from stereo3d.depth.base import DepthModel, ModelInfo
from stereo3d.frames import FrameBatch

__all__ = ["FlatDepth"]

_DEPTH = 0.5


class FlatDepth:
    """A :class:`stereo3d.depth.base.DepthModel` that gives the same depth everywhere.

    ``like``: a model whose maps' size is taken (where depth is kept, all of it must be of one size); None: small ones.
    """

    def __init__(self, like: DepthModel | None = None) -> None:
        self._like = like
        self._size: tuple[int, int] | None = None if like is not None else (16, 16)

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("flat", "flat", "Apache-2.0", calibrated=True)

    def batch_for(self, height: int, width: int) -> int:
        return 4

    def begin_shot(self) -> _FlatShot:
        return _FlatShot(self)

    def infer_raw(self, rgb: torch.Tensor) -> torch.Tensor:
        return torch.full((len(rgb), 1, *rgb.shape[2:]), _DEPTH)

    def infer(self, rgb: torch.Tensor) -> torch.Tensor:
        return self.infer_raw(rgb)

    def size_for(self, frames: FrameBatch) -> tuple[int, int]:
        """(height, width) of the maps, found once."""
        if self._size is None:
            assert self._like is not None
            shot = self._like.begin_shot()
            maps = torch.cat([shot.push(frames.cut(0, 1)), shot.finish()])
            self._size = (maps.shape[2], maps.shape[3])
        return self._size


class _FlatShot:
    def __init__(self, model: FlatDepth) -> None:
        self._model = model

    def push(self, frames: FrameBatch) -> torch.Tensor:
        return torch.full((len(frames), 1, *self._model.size_for(frames)), _DEPTH)

    def finish(self) -> torch.Tensor:
        return torch.empty(0, 1, 1, 1)
