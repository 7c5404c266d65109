"""The Depth-Anything network (DINOv2 encoder, DPT head) as a plain module with the official parameter names.

It gives the original implementation's values (tests/depth/test_parity.py) and keeps three precisions apart: the
residual stream and the last head are always float32 (a bfloat16 output has only some hundred distinct depths, which
show as steps); matrix products of the encoder run in ``encoder dtype``; the pyramid of the head in ``pyramid dtype``.
Architecture: Oquab et al. 2023 (DINOv2), Ranftl et al. 2021 (DPT), Yang et al. 2024 (Depth Anything V2).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo3d.depth.registry import Architecture

__all__ = ["PATCH", "DepthAnythingNet", "Encoder", "Head"]

PATCH = 14
_GRID = 37  # patches along a side of the 518-pixel pictures the position table was trained for


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.mixing = torch.float32
        """Number format of the products of queries, keys and values; see :meth:`Encoder.prepare`."""
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        qkv = self.qkv(x)
        parts = qkv.to(self.mixing).view(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*parts.unbind(0)).to(qkv.dtype)
        return self.proj(mixed.transpose(1, 2).reshape(n, tokens, width))  # type: ignore[no-any-return]


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))  # type: ignore[no-any-return]


class _Scale(nn.Module):
    """LayerScale: only a holder of the checkpoint's tensor until :meth:`fold_into` moves it into the layer before it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(width))

    def fold_into(self, linear: nn.Linear) -> None:
        linear.weight = nn.Parameter(linear.weight * self.gamma[:, None], requires_grad=False)
        linear.bias = nn.Parameter(linear.bias * self.gamma, requires_grad=False)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = _Attention(width, heads)
        self.ls1: _Scale | None = _Scale(width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _Mlp(width)
        self.ls2: _Scale | None = _Scale(width)

    def fold(self) -> None:
        if self.ls1 is not None and self.ls2 is not None:
            self.ls1.fold_into(self.attn.proj)
            self.ls2.fold_into(self.mlp.fc2)
            self.ls1 = self.ls2 = None

    def forward(self, x: Tensor) -> Tensor:
        dtype = self.attn.qkv.weight.dtype
        middle: Tensor = x + self.attn(self.norm1(x).to(dtype))
        result: Tensor = middle + self.mlp(self.norm2(middle).to(dtype))
        return result


class _PatchEmbed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)


class Encoder(nn.Module):
    """The DINOv2 encoder: normalised RGB to the outputs of its tapped blocks."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.taps = arch.taps
        self.cls_token = nn.Parameter(torch.empty(1, 1, arch.width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + _GRID * _GRID, arch.width))
        self.mask_token = nn.Parameter(torch.empty(1, arch.width))  # in every checkpoint; training only
        self.patch_embed = _PatchEmbed(arch.width)
        self.blocks = nn.ModuleList(_Block(arch.width, arch.heads) for _ in range(arch.layers))
        self.norm = nn.LayerNorm(arch.width, eps=1e-6)
        self._positions: dict[tuple[int, int], Tensor] = {}

    def prepare(self, dtype: torch.dtype, wide_blocks: int) -> None:
        """Fold what can be folded; matrix products in ``dtype``, but the linear layers of the first ``wide_blocks`` blocks in
        float32: rounding costs most there, while the products of attention are half the work and forgive it."""
        for number, block in enumerate(self.blocks):
            assert isinstance(block, _Block)
            block.fold()
            block_dtype = dtype if number >= wide_blocks else torch.float32
            block.attn.to(block_dtype)
            block.attn.mixing = dtype
            block.mlp.to(block_dtype)

    def positions(self, rows: int, columns: int) -> Tensor:
        """The position table for a grid of patches, [1, 1 + rows * columns, width].

        Upstream asks for scale factors of (side + 0.1) / 37 and so samples at slightly other places than an
        interpolation to the plain size would: 0.7 % of the output's range at 37 x 66.
        """
        if (rows, columns) == (_GRID, _GRID):
            return self.pos_embed
        if (rows, columns) not in self._positions:
            grid = self.pos_embed[:, 1:].reshape(1, _GRID, _GRID, -1).permute(0, 3, 1, 2)
            scale = ((rows + 0.1) / _GRID, (columns + 0.1) / _GRID)
            grid = F.interpolate(grid, scale_factor=scale, mode="bicubic", antialias=False)
            table = torch.cat([self.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)], 1)
            self._positions = {(rows, columns): table}  # films keep one size: one table is enough
        return self._positions[rows, columns]

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Normalised RGB [N, 3, h, w] to the four tapped levels, each [N, width, h/14, w/14] float32."""
        patches = self.patch_embed.proj(pixels)
        rows, columns = patches.shape[-2:]
        x = torch.cat([self.cls_token.expand(len(pixels), -1, -1), patches.flatten(2).transpose(1, 2)], 1)
        x = x + self.positions(rows, columns)
        levels = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.taps:
                levels.append(self.norm(x)[:, 1:].transpose(1, 2).unflatten(2, (rows, columns)))
        return levels


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))  # type: ignore[no-any-return]


class _Fusion(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(channels, channels, 1)
        self.resConfUnit1 = _Residual(channels)
        self.resConfUnit2 = _Residual(channels)

    def forward(self, deeper: Tensor | None, level: Tensor, size: tuple[int, int]) -> Tensor:
        x = level if deeper is None else deeper + self.resConfUnit1(level)
        x = self.out_conv(self.resConfUnit2(x))  # 1x1 commutes with bilinear enlarging, and is cheaper before it
        return F.interpolate(x, size, mode="bilinear", align_corners=True)


class _Scratch(nn.Module):
    def __init__(self, neck: tuple[int, ...], fusion: int) -> None:
        super().__init__()
        for number, channels in enumerate(neck, 1):
            self.add_module(f"layer{number}_rn", nn.Conv2d(channels, fusion, 3, padding=1, bias=False))
            self.add_module(f"refinenet{number}", _Fusion(fusion))
        self.output_conv1 = nn.Conv2d(fusion, fusion // 2, 3, padding=1)
        self.output_conv2 = nn.Sequential(
            nn.Conv2d(fusion // 2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 1), nn.Identity()
        )


class Head(nn.Module):
    """The DPT head: four levels of features to one map of values."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.max_depth = arch.max_depth
        self.projects = nn.ModuleList(nn.Conv2d(arch.width, channels, 1) for channels in arch.neck)
        a, b, _, d = arch.neck
        self.resize_layers = nn.ModuleList(
            [nn.ConvTranspose2d(a, a, 4, 4), nn.ConvTranspose2d(b, b, 2, 2), nn.Identity(), nn.Conv2d(d, d, 3, 2, 1)]
        )
        self.scratch = _Scratch(arch.neck, arch.fusion)

    def prepare(self, pyramid: torch.dtype) -> None:
        """Everything in ``pyramid`` dtype but the last convolutions: float32."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.to(pyramid)
        self.scratch.output_conv1.float()
        self.scratch.output_conv2.float()

    def forward(self, levels: list[Tensor]) -> Tensor:
        """The four levels to the network's own values at its own size, [N, 1, h, w] float32."""
        dtype = next(self.projects.parameters()).dtype
        rows, columns = levels[0].shape[-2:]
        parts = self.scratch
        maps = []
        for number, level in enumerate(levels):
            level = level.to(dtype).contiguous(memory_format=torch.channels_last)
            level = self.resize_layers[number](self.projects[number](level))
            maps.append(parts.get_submodule(f"layer{number + 1}_rn")(level))
        x: Tensor | None = None
        for number in (3, 2, 1, 0):
            size = maps[number - 1].shape[-2:] if number else (2 * maps[0].shape[-2], 2 * maps[0].shape[-1])
            x = parts.get_submodule(f"refinenet{number + 1}")(x, maps[number], size)
        assert x is not None
        return self.values(x, (rows * PATCH, columns * PATCH))

    def values(self, fused: Tensor, size: tuple[int, int]) -> Tensor:
        """The last convolutions: the largest fusion map to the network's values at ``size``, float32."""
        x = self.scratch.output_conv1(fused.float())
        x = F.interpolate(x, size, mode="bilinear", align_corners=True)
        x = self.scratch.output_conv2(x)
        return F.relu(x) if self.max_depth is None else torch.sigmoid(x) * self.max_depth


class DepthAnythingNet(nn.Module):
    """Normalised RGB [N, 3, h, w] float32 (sides multiples of 14) to the network's values [N, 1, h, w] float32."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.pretrained = Encoder(arch)
        self.depth_head = Head(arch)

    def prepare(
        self, encoder: torch.dtype, *, wide_blocks: int = 0, pyramid: torch.dtype = torch.float32
    ) -> DepthAnythingNet:
        """Fold what can be folded and set the precisions, in place. Call once the weights are loaded.

        The linear layers of the encoder's first ``wide_blocks`` blocks stay float32: what is rounded there travels furthest.
        """
        self.requires_grad_(False).eval()
        self.pretrained.prepare(encoder, wide_blocks)
        self.depth_head.prepare(pyramid)
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        values: Tensor = self.depth_head(self.pretrained(pixels))
        return values
