"""From code values to the display RGB that depth networks were trained on; for the network's eyes only."""

from __future__ import annotations

import torch
from torch import Tensor

from stereo3d.colour import HLG, PQ, affine_there, light
from stereo3d.frames import Colour
from stereo3d.transfer import constants

__all__ = ["hdr_to_sdr", "is_hdr", "yuv_to_rgb"]

_PAPER_WHITE = 203.0  # cd/m2 of diffuse white, ITU-R BT.2408
_PEAK = 1000.0  # cd/m2 that the curve maps to white
_LUMA_2020 = (0.2627, 0.678, 0.0593)
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))  # ITU-R BT.2087


def yuv_to_rgb(yuv: Tensor, colour: Colour, bits: int, height: int) -> Tensor:
    """Code values [N, 3, h, w] float32 (Y, Cb, Cr) to non-linear RGB [N, 3, h, w], nominally 0..1, not clipped.

    ``height`` is the source's, for a matrix that is not specified. Constant-luminance BT.2020 and ICtCp are read as
    BT.2020 non-constant: near enough to look at.
    """
    gain, offset = affine_there(colour, bits, height, yuv.device)
    return torch.einsum("rc,nchw->nrhw", gain, yuv) + offset[:, None, None]


def is_hdr(colour: Colour) -> bool:
    """Whether the transfer is PQ (SMPTE ST 2084) or HLG (ARIB STD-B67)."""
    return colour.transfer in (PQ, HLG)


def hdr_to_sdr(rgb: Tensor, colour: Colour) -> Tensor:
    """PQ or HLG RGB [N, 3, h, w] in 0..1 to SDR RGB in 0..1: light, BT.709 primaries, a soft shoulder, gamma 1/2.4.

    Curves: ITU-R BT.2100 (HLG with the 1000 cd/m2 system gamma 1.2); shoulder: Reinhard et al. 2002, extended, on the
    largest channel, so that hues stay.
    """
    nits = 10000.0 * light(rgb, PQ) if colour.transfer == PQ else _hlg_light(rgb)
    scene = nits / _PAPER_WHITE
    if colour.primaries == 9:
        scene = torch.einsum("rc,nchw->nrhw", constants(_TO_709, rgb.device), scene)
    scene = scene.clamp_min(0.0)
    peak = scene.amax(1, keepdim=True).clamp_min(1e-6)
    white = _PEAK / _PAPER_WHITE
    scale = (1 + peak / white**2) / (1 + peak)
    return (scene * scale).clamp(0, 1).pow(1 / 2.4)


def _hlg_light(signal: Tensor) -> Tensor:
    scene = light(signal, HLG)
    luma = torch.einsum("c,nchw->nhw", constants(_LUMA_2020, signal.device), scene)
    return 1000.0 * scene * luma.clamp_min(1e-6).pow(0.2)[:, None]
