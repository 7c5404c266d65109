"""Depth-Anything networks as models: weights found, loaded strictly, set to a precision, put on a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from stereo3d.depth.base import ModelInfo
from stereo3d.depth.network import PATCH, DepthAnythingNet
from stereo3d.depth.network_model import NetworkModel
from stereo3d.depth.precision import Precision
from stereo3d.depth.preprocess import NetInput, SizeRule
from stereo3d.depth.registry import Architecture
from stereo3d.depth.runner import Report, Runner
from stereo3d.depth.weights import fingerprint, load_network, official_layout, read_checkpoint

__all__ = ["Inverse", "Running", "load_depth_anything"]

NEAREST_METRES = 0.1


@dataclass(frozen=True, slots=True)
class Running:
    """How a network is run, whichever it is."""

    device: torch.device
    precision: Precision
    rule: SizeRule
    batch: int | Literal["auto"] = "auto"
    report: Report | None = None
    compiled: bool = False

    @property
    def label(self) -> str:
        """What of it the numbers depend on, for identities."""
        return f"{self.precision.label}{'-compiled' if self.compiled else ''} {self.rule.label}"


class Inverse(nn.Module):
    """A network that answers in metres, as inverse depth (1/m): near is large. Metres below 0.1 count as 0.1."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        metres: Tensor = self.net(pixels)
        return metres.clamp_min(NEAREST_METRES).reciprocal()


def load_depth_anything(
    arch: Architecture, path: Path, how: Running, *, name: str, licence: str, notes: tuple[str, ...] = ()
) -> NetworkModel:
    """The Depth-Anything network of one checkpoint file, either layout. Raises WeightsError."""
    net = load_network(arch, official_layout(read_checkpoint(path)), path)
    _set_precision(net, how.precision, arch)
    info = ModelInfo(
        name=name,
        identity=f"{arch.label} {fingerprint([path])} {how.label}",
        licence=licence,
        notes=notes,
    )
    runner = Runner(
        net if arch.max_depth is None else Inverse(net),
        how.device,
        batch=how.batch,
        picture_bytes=lambda height, width: _picture_bytes(arch, height, width),
        compiled=how.compiled,
        exact=how.precision.encoder == torch.float32,
        widen=_widening(arch, how),
        report=how.report,
    )
    return NetworkModel(info, NetInput(how.rule), runner)


def _set_precision(net: DepthAnythingNet, precision: Precision, arch: Architecture) -> None:
    wide = round(precision.wide_share * arch.layers)
    net.prepare(precision.encoder, wide_blocks=wide, pyramid=precision.pyramid)


def _widening(arch: Architecture, how: Running) -> Callable[[nn.Module], nn.Module] | None:
    """From float16 to bfloat16, which has float32's range, where the device computes it; else to float32."""
    if how.precision.encoder != torch.float16:
        return None
    native = how.device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    precision = Precision(torch.bfloat16 if native else torch.float32)

    def widen(copied: nn.Module) -> nn.Module:
        net = copied.net if isinstance(copied, Inverse) else copied
        assert isinstance(net, DepthAnythingNet)
        _set_precision(net, precision, arch)
        return copied

    return widen


def _picture_bytes(arch: Architecture, height: int, width: int) -> int:
    """An upper estimate of what one more picture of a batch takes while the network runs, in bytes (float32 head)."""
    tokens = (height // PATCH) * (width // PATCH)
    encoder = tokens * arch.width * 64  # residual, queries, keys, values, the MLP, four taps
    fusion = 64 * tokens * arch.fusion * 4 * 4  # the largest fusion map, four copies alive
    last = height * width * (arch.fusion // 2 + 2 * 32) * 4
    return encoder + fusion + last
