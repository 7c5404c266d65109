"""From code values to the display RGB that depth networks were trained on; for the network's eyes only."""

from __future__ import annotations

import torch
from torch import Tensor

from stereo3d.frames import Colour

__all__ = ["hdr_to_sdr", "is_hdr", "yuv_to_rgb"]

# H.273 matrix coefficients: (Kr, Kb)
_KR_KB = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
    14: (0.2627, 0.0593),
}
_YCGCO = 8
_PQ, _HLG = 16, 18
_PAPER_WHITE = 203.0  # cd/m2 of diffuse white, ITU-R BT.2408
_PEAK = 1000.0  # cd/m2 that the curve maps to white
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))  # ITU-R BT.2087


def _matrix(colour: Colour, height: int) -> tuple[tuple[float, float, float], ...]:
    """Rows R, G, B over (Y 0..1, Cb, Cr +-0.5). An unspecified matrix is BT.709 from 720 lines on, else BT.601."""
    if colour.matrix == _YCGCO:
        return ((1, -1, 1), (1, 1, 0), (1, -1, -1))
    kr, kb = _KR_KB.get(colour.matrix, _KR_KB[1 if height >= 720 else 6])
    kg = 1 - kr - kb
    return (
        (1, 0, 2 * (1 - kr)),
        (1, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg),
        (1, 2 * (1 - kb), 0),
    )


def yuv_to_rgb(yuv: Tensor, colour: Colour, bits: int, height: int) -> Tensor:
    """Code values [N, 3, h, w] float32 (Y, Cb, Cr) to non-linear RGB [N, 3, h, w], nominally 0..1, not clipped.

    ``height`` is the source's, for a matrix that is not specified. Constant-luminance BT.2020 and ICtCp are read as
    BT.2020 non-constant: near enough to look at.
    """
    step = float(1 << (bits - 8))
    low, luma, chroma = (
        (0.0, (1 << bits) - 1.0, (1 << bits) - 1.0) if colour.full_range else (16 * step, 219 * step, 224 * step)
    )
    matrix = torch.tensor(_matrix(colour, height), dtype=torch.float64)
    gain = matrix / torch.tensor([luma, chroma, chroma], dtype=torch.float64)
    offset = -(gain @ torch.tensor([low, 128 * step, 128 * step], dtype=torch.float64))
    gain, offset = (t.to(yuv.device, torch.float32) for t in (gain, offset))
    return torch.einsum("rc,nchw->nrhw", gain, yuv) + offset[:, None, None]


def is_hdr(colour: Colour) -> bool:
    """Whether the transfer is PQ (SMPTE ST 2084) or HLG (ARIB STD-B67)."""
    return colour.transfer in (_PQ, _HLG)


def hdr_to_sdr(rgb: Tensor, colour: Colour) -> Tensor:
    """PQ or HLG RGB [N, 3, h, w] in 0..1 to SDR RGB in 0..1: light, BT.709 primaries, a soft shoulder, gamma 1/2.4.

    Curves: ITU-R BT.2100 (HLG with the 1000 cd/m2 system gamma 1.2); shoulder: Reinhard et al. 2002, extended, on the
    largest channel, so that hues stay.
    """
    light = (_pq_light(rgb) if colour.transfer == _PQ else _hlg_light(rgb)) / _PAPER_WHITE
    if colour.primaries == 9:
        light = torch.einsum("rc,nchw->nrhw", torch.tensor(_TO_709, device=rgb.device), light)
    light = light.clamp_min(0.0)
    peak = light.amax(1, keepdim=True).clamp_min(1e-6)
    white = _PEAK / _PAPER_WHITE
    scale = (1 + peak / white**2) / (1 + peak)
    return (light * scale).clamp(0, 1).pow(1 / 2.4)


def _pq_light(signal: Tensor) -> Tensor:
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal.clamp(0, 1).pow(1 / m2)
    return 10000.0 * ((power - c1).clamp_min(0) / (c2 - c3 * power)).pow(1 / m1)


def _hlg_light(signal: Tensor) -> Tensor:
    a = 0.17883277
    b, c = 1 - 4 * a, 0.55991073
    signal = signal.clamp(0, 1)
    scene = torch.where(signal <= 0.5, signal.square() / 3, (((signal - c) / a).exp() + b) / 12)
    luma = torch.einsum("c,nchw->nhw", torch.tensor([0.2627, 0.678, 0.0593], device=signal.device), scene)
    return 1000.0 * scene * luma.clamp_min(1e-6).pow(0.2)[:, None]
