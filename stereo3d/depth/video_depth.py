"""Video-Depth-Anything as a model: frames of a shot in, in windows of 32, one consistent inverse depth out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from stereo3d.depth.base import ModelInfo
from stereo3d.depth.depth_anything import Running
from stereo3d.depth.network import PATCH, Encoder
from stereo3d.depth.network_model import FrameEstimator, NetworkModel
from stereo3d.depth.precision import Precision
from stereo3d.depth.preprocess import NetInput
from stereo3d.depth.registry import ModelEntry
from stereo3d.depth.runner import BATCH_LIMIT, Runner
from stereo3d.depth.video_network import WINDOWING, VideoDepthNet, VideoHead
from stereo3d.depth.weights import fingerprint, load_strictly, read_checkpoint
from stereo3d.depth.windows import Stitch, Windows
from stereo3d.frames import FrameBatch

__all__ = ["VideoModel", "load_video_depth"]

_WIDEST = 1.777  # upstream's; beyond it the short side shrinks, as a window of scope pictures takes much memory


class VideoModel(NetworkModel):
    """A network that sees windows of frames. ``encoder`` gives a frame's features, [n, 3, h, w] to [n, c, h/14, w/14];
    ``head`` the values of windows from them, [1, n <= 32, c, h/14, w/14] to [1, n, 1, h, w].

    Features are computed once for a frame, though it is part of two or more windows.
    """

    def __init__(self, info: ModelInfo, net_input: NetInput, encoder: Runner, head: Runner) -> None:
        super().__init__(info, net_input, encoder)
        self.head = head

    def begin_shot(self) -> WindowEstimator:
        """A fresh estimator: frames of one shot see one another, frames of two shots never do."""
        return WindowEstimator(self)

    def infer_network(self, rgb: Tensor) -> Tensor:
        """The values of independent pictures, [N, 1, h, w] float32: each a film of one frame."""
        features = self.runner(self.net_input.from_rgb(rgb, self.device))
        return torch.cat([self.head(picture[None, None])[0] for picture in features])


class WindowEstimator:
    """Depth of one shot. Holds the features of a window at most, and the batch in work; gives 22 frames a window."""

    def __init__(self, model: VideoModel) -> None:
        self._model = model
        self._features = FrameEstimator(model)
        self._windows = Windows[Tensor](WINDOWING)
        self._stitch = Stitch(WINDOWING)

    def push(self, frames: FrameBatch) -> Tensor:
        """The depth that is settled, [k, 1, h, w] float32 on the model's device."""
        batch = self._model.batch_for(frames.height, frames.width) if len(frames) else 1
        ready: list[Tensor] = []
        for start in range(0, len(frames), batch):  # features of a large push never wait together
            ready += self._take(self._features.push(frames.cut(start, start + batch)))
        return self._joined(ready)

    def finish(self) -> Tensor:
        """The depth of the frames still owed, [k, 1, h, w]."""
        ready = self._take(self._features.finish())
        ready += [self._run(window) for window in self._windows.finish()]
        last = self._stitch.finish()
        return self._joined(ready if last is None else [*ready, last])

    def _take(self, features: Tensor) -> list[Tensor]:
        windows = (self._windows.push(frame.clone()) for frame in features)  # a view would keep its whole batch
        return [self._run(window) for window in windows if window is not None]

    def _run(self, window: list[Tensor]) -> Tensor:
        features = torch.stack(window)
        window.clear()  # what the next window needs is kept there: the head has the memory of the rest
        return self._stitch.add(self._model.head(features[None])[0])

    def _joined(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts) if parts else torch.empty(0, 1, 0, 0, device=self._model.device)


class _Features(nn.Module):
    """The encoder, its four levels in one tensor."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.cat(self.encoder(pixels), 1)


class _Window(nn.Module):
    """The head, on one window of such tensors."""

    def __init__(self, head: VideoHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        values: Tensor = self.head(list(features[0].chunk(4, 1)))
        return values[None]


def load_video_depth(entry: ModelEntry, path: Path, how: Running) -> VideoModel:
    """The Video-Depth-Anything network of one official checkpoint file, .pth or .safetensors. Raises WeightsError."""
    arch, precision = entry.architecture, how.precision
    assert arch is not None
    net = load_strictly(VideoDepthNet, arch, read_checkpoint(path), path)
    wide = round(precision.wide_share * arch.layers)
    net.prepare(precision.encoder, wide_blocks=wide, pyramid=precision.pyramid)
    if how.rule.short_side and how.rule.widest is None:
        how = replace(how, rule=replace(how.rule, widest=_WIDEST))
    identity = f"{arch.label} {fingerprint([path])} {how.label}"
    info = ModelInfo(name=entry.name, identity=identity, licence=entry.licence, notes=entry.notes)

    def picture_bytes(height: int, width: int) -> int:
        """What one more frame of a batch takes, with its share of two windows of features (a batch has 16 or fewer)."""
        tokens = (height // PATCH) * (width // PATCH)
        return tokens * arch.width * (64 + 2 * WINDOWING.length * 16 // BATCH_LIMIT)

    exact = precision.encoder == torch.float32
    encoder = Runner(
        _Features(net.pretrained),
        how.device,
        batch=how.batch,
        picture_bytes=picture_bytes,
        compiled=how.compiled,
        exact=exact,
        widen=_widening(precision),
        report=how.report,
    )
    head = Runner(_Window(net.head), how.device, batch=1, exact=exact, widen=_widening(precision), report=how.report)
    return VideoModel(info, NetInput(how.rule), encoder, head)


def _widening(precision: Precision) -> Callable[[nn.Module], nn.Module] | None:
    """From float16, which overflows, to float32."""
    if precision.encoder != torch.float16:
        return None

    def widen(copied: nn.Module) -> nn.Module:
        if isinstance(copied, _Features):
            copied.encoder.prepare(torch.float32, 0)
        elif isinstance(copied, _Window):
            copied.head.prepare(torch.float32)
        return copied

    return widen
