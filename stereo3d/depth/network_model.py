"""A depth network as a DepthModel: pictures or frames in, inverse depth out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo3d.depth.base import ModelInfo, ShotEstimator
from stereo3d.depth.preprocess import NetInput
from stereo3d.depth.runner import Runner
from stereo3d.frames import FrameBatch

__all__ = ["FrameEstimator", "NetworkModel"]


class NetworkModel:
    """One network on one device. Its raw values are inverse depth up to scale and shift, larger = nearer."""

    def __init__(self, info: ModelInfo, net_input: NetInput, runner: Runner) -> None:
        self.info = info
        self.net_input = net_input
        self.runner = runner

    @property
    def device(self) -> torch.device:
        return self.runner.device

    def batch_for(self, height: int, width: int) -> int:
        """Pictures of this size that go through the network at a time: what a job writes down and asks for again."""
        return self.runner.batch(*self.net_input.rule.size(height, width))

    def begin_shot(self) -> ShotEstimator:
        """A fresh estimator. Frames of a shot do not influence one another; they only share batches."""
        return FrameEstimator(self)

    def infer_network(self, rgb: Tensor) -> Tensor:
        """The network's values at its own size: RGB [N, 3, H, W], uint8 or float in 0..1, to [N, 1, h, w] float32."""
        return self.runner(self.net_input.from_rgb(rgb, self.device))

    def infer_raw(self, rgb: Tensor) -> Tensor:
        """The network's values at the picture's size, [N, 1, H, W] float32: what upstream's ``infer_image`` gives."""
        values = self.infer_network(rgb)
        return F.interpolate(values, rgb.shape[-2:], mode="bilinear", align_corners=True)

    def infer(self, rgb: Tensor) -> Tensor:
        """Depth in [0, 1], 1 = near, each picture by its own range: [N, 1, H, W] float32. A flat picture gives 0."""
        raw = self.infer_raw(rgb)
        low, high = raw.amin((1, 2, 3), keepdim=True), raw.amax((1, 2, 3), keepdim=True)
        return (raw - low) / (high - low).clamp_min(torch.finfo(torch.float32).tiny)


class FrameEstimator:
    """Depth of one shot's frames in full batches, counted from the shot's first frame: how the frames were handed over
    does not change which of them share a batch."""

    def __init__(self, model: NetworkModel) -> None:
        self._model = model
        self._waiting: list[Tensor] = []
        self._empty = torch.empty(0, 1, 0, 0, device=model.device)

    def push(self, frames: FrameBatch) -> Tensor:
        """The depth that is ready, [k, 1, h, w] float32 on the model's device."""
        self._waiting += self._model.net_input.from_planes(frames, self._model.device)
        if not self._waiting:
            return self._empty
        batch = self._model.runner.batch(*self._waiting[0].shape[-2:])
        return self._run(len(self._waiting) // batch * batch)

    def finish(self) -> Tensor:
        """The depth of the frames still waiting for a full batch, [k, 1, h, w]."""
        return self._run(len(self._waiting))

    def _run(self, count: int) -> Tensor:
        if count == 0:
            return self._empty
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        values = self._model.runner(torch.stack(ready))
        self._empty = values[:0].clone()
        return values
