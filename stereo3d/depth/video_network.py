"""The Video-Depth-Anything network as a plain module with the official parameter names.

Depth-Anything's encoder sees each frame alone; four attention modules over time stand in its DPT head, so that each
place of a frame sees the same place of all frames of the window. Architecture: Chen et al. 2025 (Video Depth Anything);
the modules over time: Guo et al. 2023 (AnimateDiff). No published values were at hand to compare with: the layout is that
of the official checkpoints, tensor for tensor, and tests/depth/test_video_network.py follows the formulas independently.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo3d.depth.network import PATCH, Encoder, Head
from stereo3d.depth.registry import Architecture
from stereo3d.depth.windows import Windowing

__all__ = ["WINDOWING", "VideoDepthNet", "VideoHead"]

WINDOWING = Windowing(length=32, keys=(0, 12), blend=8)
_HEADS = 8
_GROUPS = 32
_CHUNK = 4  # frames that go through the head's large maps at a time
_ELEMENTS = 1 << 25  # of the largest tensor that attention over time makes, which works through the places in parts


class _Positions(nn.Module):
    """The table that tells a window's frames apart: sines and cosines, part of every checkpoint."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("pe", torch.empty(1, WINDOWING.length, channels))
        self.pe: Tensor


class _AttentionOverTime(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])
        self.pos_encoder = _Positions(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = (x + self.pos_encoder.pe).to(self.to_q.weight.dtype)
        q, k, v = (part(x).unflatten(2, (_HEADS, -1)).transpose(1, 2) for part in (self.to_q, self.to_k, self.to_v))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.to_out[0](mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class _GatedProjection(nn.Module):
    """GEGLU, Shazeer 2020."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, -1)
        return value * F.gelu(gate)  # type: ignore[no-any-return]


class _FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        # The Identity stands where training has a dropout: the names of the checkpoint count it.
        self.net = nn.Sequential(
            _GatedProjection(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.to(next(self.parameters()).dtype))  # type: ignore[no-any-return]


class _BlockOverTime(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(_AttentionOverTime(channels) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.ff = _FeedForward(channels)
        self.ff_norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        for attention, norm in zip(self.attention_blocks, self.norms, strict=True):
            x = x + attention(norm(x))
        return x + self.ff(self.ff_norm(x))  # type: ignore[no-any-return]


class _TransformerOverTime(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([_BlockOverTime(channels)])
        self.proj_out = nn.Linear(channels, channels)

    def prepare(self, dtype: torch.dtype) -> None:
        """Matrix products in ``dtype``, norms and the residual stream float32."""
        self.float()
        for part in self.modules():
            if isinstance(part, nn.Linear):
                part.to(dtype)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps [frames of one window, channels, rows, columns] to the same shape."""
        frames, channels, rows, columns = maps.shape
        dtype, block = self.proj_in.weight.dtype, self.transformer_blocks[0]
        places = self.norm(maps.float()).to(dtype).permute(2, 3, 0, 1).reshape(rows * columns, frames, channels)
        count = max(1, _ELEMENTS // (frames * 8 * channels))
        done = [self.proj_out(block(self.proj_in(part).float()).to(dtype)) for part in places.split(count)]
        change = torch.cat(done).view(rows, columns, frames, channels).permute(2, 3, 0, 1)
        return maps + change.to(maps.dtype).contiguous(memory_format=torch.channels_last)


class _MotionModule(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.temporal_transformer = _TransformerOverTime(channels)

    def forward(self, maps: Tensor) -> Tensor:
        return self.temporal_transformer(maps)  # type: ignore[no-any-return]


class VideoHead(Head):
    """The DPT head over the frames of one window."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__(arch)
        channels = (arch.neck[2], arch.neck[3], arch.fusion, arch.fusion)
        self.motion_modules = nn.ModuleList(_MotionModule(count) for count in channels)

    def prepare(self, pyramid: torch.dtype, over_time: torch.dtype = torch.float32) -> None:
        """As the DPT head's; matrix products of the modules over time in ``over_time`` dtype."""
        super().prepare(pyramid)
        for module in self.motion_modules:
            assert isinstance(module, _MotionModule)
            module.temporal_transformer.prepare(over_time)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """The four levels of a window's n frames, [n, width, rows, columns] each, to their values [n, 1, h, w] float32.

        A window of fewer than 32 frames is filled up with its last one, as upstream fills it; the copies' values are not
        computed.
        """
        rows, columns = levels[0].shape[-2:]
        fused = self._over_time(levels)
        parts = self.scratch
        values = []
        for start in range(0, len(fused), _CHUNK):
            chosen = slice(start, start + _CHUNK)
            second, first = (parts.get_submodule(f"layer{n + 1}_rn")(self._level(n, levels[n][chosen])) for n in (1, 0))
            x = parts.get_submodule("refinenet2")(fused[chosen], second, first.shape[-2:])
            x = parts.get_submodule("refinenet1")(x, first, (2 * first.shape[-2], 2 * first.shape[-1]))
            values.append(self.values(x, (rows * PATCH, columns * PATCH)))
        return F.relu(torch.cat(values))

    def _level(self, number: int, level: Tensor) -> Tensor:
        project = self.projects[number]
        level = level.to(next(project.parameters()).dtype).contiguous(memory_format=torch.channels_last)
        return self.resize_layers[number](project(level))  # type: ignore[no-any-return]

    def _over_time(self, levels: list[Tensor]) -> Tensor:
        """What the two coarse levels make together, [n, fusion channels, 2 rows, 2 columns]."""
        count, parts, motion = len(levels[0]), self.scratch, self.motion_modules
        third, fourth = (motion[n - 2](_filled(self._level(n, levels[n]))) for n in (2, 3))
        third, fourth = parts.get_submodule("layer3_rn")(third), parts.get_submodule("layer4_rn")(fourth)
        x = motion[2](parts.get_submodule("refinenet4")(None, fourth, third.shape[-2:]))
        x = motion[3](parts.get_submodule("refinenet3")(x, third, (2 * third.shape[-2], 2 * third.shape[-1])))
        return x[:count]  # type: ignore[no-any-return]


def _filled(maps: Tensor) -> Tensor:
    """Maps of 1..32 frames, the last one repeated up to the window's length."""
    missing = WINDOWING.length - len(maps)
    return torch.cat([maps, maps[-1:].expand(missing, -1, -1, -1)]) if missing else maps


class VideoDepthNet(nn.Module):
    """Normalised RGB of a window, [1..32, 3, h, w] float32 (sides multiples of 14), to values [1..32, 1, h, w] float32."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.pretrained = Encoder(arch)
        self.head = VideoHead(arch)

    def prepare(
        self, encoder: torch.dtype, *, wide_blocks: int = 0, pyramid: torch.dtype = torch.float32
    ) -> VideoDepthNet:
        """Fold what can be folded and set the precisions, in place. Call once the weights are loaded."""
        self.requires_grad_(False).eval()
        self.pretrained.prepare(encoder, wide_blocks)
        self.head.prepare(pyramid, encoder)
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        values: Tensor = self.head(self.pretrained(pixels))
        return values
