"""Depth that was computed before: a model that reads it off the pictures of a depth film instead of looking at the film's.

The pipeline hands it the frames of the depth film in place of the film's own, numbered and timed alike.
"""

from __future__ import annotations

import torch

from stereo3d.depth.base import ModelInfo
from stereo3d.depth.grey import from_grey
from stereo3d.errors import UsageError
from stereo3d.frames import FrameBatch

__all__ = ["FileDepth"]

_BATCH = 4


class FileDepth:
    """A :class:`stereo3d.depth.base.DepthModel`. ``fingerprint``: of the depth file, by content. ``invert``: black is near."""

    def __init__(self, fingerprint: str, *, invert: bool = False) -> None:
        identity = f"file:{fingerprint}{':inverted' if invert else ''}"
        self._info = ModelInfo("file", identity, "that of the depth file", calibrated=True)
        self._invert = invert

    @property
    def info(self) -> ModelInfo:
        return self._info

    def batch_for(self, height: int, width: int) -> int:
        return _BATCH

    def begin_shot(self) -> _FileShot:
        return _FileShot(self._invert)

    def infer_raw(self, rgb: torch.Tensor) -> torch.Tensor:
        """Raises UsageError: a file knows the depth of its own film only."""
        raise UsageError(
            "depth from a file cannot look at other pictures", hint="leave --depth-from out, choose a --model"
        )

    def infer(self, rgb: torch.Tensor) -> torch.Tensor:
        """Raises UsageError, as :meth:`infer_raw`."""
        return self.infer_raw(rgb)


class _FileShot:
    """Nothing is remembered and nothing owed: each picture is its frame's depth."""

    def __init__(self, invert: bool) -> None:
        self._invert = invert

    def push(self, frames: FrameBatch) -> torch.Tensor:
        return from_grey(frames, invert=self._invert)

    def finish(self) -> torch.Tensor:
        return torch.empty(0, 1, 1, 1)
