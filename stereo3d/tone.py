"""HDR films as SDR films: light by BT.2100, brightness by the EETF of ITU-R BT.2390, colours by BT.2087, gamma by BT.1886. Pure.

The screen's white is put at 203 cd/m2, where BT.2408 has the diffuse white of HDR films, so that faces are as bright as in an SDR
film; what is brighter is bent into the rest.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from stereo3d.colour import HLG, PQ, affine_there, black, light, signal, yuv_affine
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.transfer import constant, constants

__all__ = ["SDR", "eetf", "is_hdr", "to_sdr"]

SDR = PixelFormat("yuv420p", 8, 1, 1, Colour(1, 1, 1, False))
"""What HDR films become: 8 bit 4:2:0, BT.709, studio range, chroma samples at the left."""

_WHITE = 203.0  # cd/m2
_STEPS = 65535
_HLG_PEAK = 1000.0
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))  # BT.2087, M2
_BT2020_LUMA = (0.2627, 0.678, 0.0593)


def is_hdr(colour: Colour) -> bool:
    """Whether the transfer is PQ or HLG."""
    return colour.transfer in (PQ, HLG)


def eetf(nits: Tensor, peak: float, white: float = _WHITE) -> Tensor:
    """Brightness on a screen of ``white`` cd/m2 for brightness in a film that was mastered up to ``peak`` cd/m2, both from 0.

    BT.2390, 5.4.1: in PQ, as it is up to a knee, then a Hermite spline that ends level at the screen's white.
    """
    if peak <= white:
        return nits.clamp(0, white)
    top = float(signal(torch.tensor(peak / 10000, dtype=torch.float64), PQ))
    most = float(signal(torch.tensor(white / 10000, dtype=torch.float64), PQ)) / top
    knee = 1.5 * most - 0.5
    value = (signal(nits / 10000, PQ) / top).clamp(0, 1)
    t = ((value - knee) / (1 - knee)).clamp_min(0)
    t2, t3 = t * t, t * t * t
    bent = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (3 * t2 - 2 * t3) * most
    return 10000 * light(torch.where(value < knee, value, bent) * top, PQ)


def to_sdr(batch: FrameBatch, peak: float, chroma_location: str = "left") -> FrameBatch:
    """PQ or HLG frames as :data:`SDR` ones, on the batch's device. Width and height must be even.

    ``peak``: the brightest that the film was mastered for, cd/m2. ``chroma_location``: where the source's chroma samples are, as
    FFmpeg names it ("" counts as left).
    """
    frames = [
        _frame([plane[n] for plane in batch.planes], batch.format, peak, chroma_location) for n in range(len(batch))
    ]
    planes = tuple(torch.stack(plane) for plane in zip(*frames, strict=True))
    return FrameBatch(planes, batch.pts, batch.index, SDR)


def _frame(planes: list[Tensor], pixels: PixelFormat, peak: float, location: str) -> list[Tensor]:
    rgb = _rgb(planes, pixels, location)
    if pixels.colour.transfer == PQ:
        place = (rgb * _STEPS + 0.5).int()
        shown, scale = _pq_tables(peak, rgb.device)
        shown = shown[place].mul_(scale[place.amax(0)])
    else:
        nits = _hlg_nits(rgb)
        brightest = nits.amax(0).clamp_min(1e-4)
        shown = nits * (eetf(brightest, peak) / brightest / _WHITE)
    if pixels.colour.primaries == 9:
        shown = torch.einsum("rc,chw->rhw", constants(_TO_709, shown.device), shown)
    # x ** (1 / 2.4); a third of the time of pow
    return _yuv(shown.clamp_(1e-9, 1).log_().mul_(1 / 2.4).exp_())


@lru_cache(maxsize=4)
def _pq_tables(peak: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """For 16-bit PQ: light in units of the screen's white, and what :func:`eetf` makes of it, as a factor. The largest channel's
    factor holds for all three, so that hues stay."""
    nits = 10000 * light(torch.arange(_STEPS + 1, dtype=torch.float64) / _STEPS, PQ)
    scale = torch.where(nits > 0, eetf(nits, peak) / nits, 1.0)
    return constant((nits / _WHITE).float(), device), constant(scale.float(), device)


def _rgb(planes: list[Tensor], pixels: PixelFormat, location: str) -> Tensor:
    """Non-linear RGB [3, h, w], 0..1."""
    full = [plane.float() for plane in planes]
    if pixels.is_rgb:
        low, high = (0.0, (1 << pixels.bits) - 1.0) if pixels.colour.full_range else (float(black(pixels, 0)), 0.0)
        high = high or float(235 << (pixels.bits - 8))
        return ((torch.stack([full[2], full[0], full[1]]) - low) / (high - low)).clamp_(0, 1)
    height = full[0].shape[0]
    if len(full) == 1:
        full += [torch.full_like(full[0], float(1 << (pixels.bits - 1)))] * 2
    else:
        full[1:] = [_enlarge(plane, pixels, location, full[0].shape) for plane in full[1:]]
    gain, offset = affine_there(pixels.colour, pixels.bits, height, full[0].device)
    return (torch.einsum("rc,chw->rhw", gain, torch.stack(full)) + offset[:, None, None]).clamp_(0, 1)


def _enlarge(plane: Tensor, pixels: PixelFormat, location: str, size: torch.Size) -> Tensor:
    """Chroma at every luma sample, linearly, from where its samples are."""
    if pixels.chroma_x:
        plane = _double(plane, between="center" in location or location in ("top", "bottom"))
    if pixels.chroma_y:
        plane = _double(plane.T, between=not location.startswith("top")).T
    return plane[: size[0], : size[1]]


def _double(plane: Tensor, *, between: bool) -> Tensor:
    """Twice as many columns. ``between``: samples lie between two columns, else on the even ones."""
    padded = F.pad(plane[None, None], (1, 1, 0, 0), mode="replicate")[0, 0]
    before, after = padded[:, :-2], padded[:, 2:]
    even = 0.75 * plane + 0.25 * before if between else plane
    odd = 0.75 * plane + 0.25 * after if between else 0.5 * (plane + after)
    return torch.stack([even, odd], -1).flatten(1)


def _hlg_nits(rgb: Tensor) -> Tensor:
    """BT.2100: the light of the scene through the system gamma of a screen of 1000 cd/m2."""
    scene = light(rgb, HLG)
    luma = torch.einsum("c,chw->hw", constants(_BT2020_LUMA, rgb.device), scene)
    return _HLG_PEAK * scene * luma.clamp_min(1e-6).pow(0.2)


def _yuv(rgb: Tensor) -> list[Tensor]:
    """:data:`SDR` planes of non-linear RGB [3, h, w]."""
    back, offset = _to_yuv(rgb.device)
    yuv = torch.einsum("rc,chw->rhw", back, rgb - offset[:, None, None])
    padded = F.pad(yuv[None, 1:], (1, 0, 0, 0), mode="replicate")[0]
    # Chroma lies on the even columns, between two rows.
    across = 0.25 * padded[:, :, :-2:2] + 0.5 * padded[:, :, 1:-1:2] + 0.25 * padded[:, :, 2::2]
    chroma = 0.5 * (across[:, 0::2] + across[:, 1::2])
    return [_dithered(plane).clamp_(0, 255).to(torch.uint8).contiguous() for plane in (yuv[0], *chroma)]


@lru_cache(maxsize=4)
def _to_yuv(device: torch.device) -> tuple[Tensor, Tensor]:
    """(gain, offset), the offset to be taken off first."""
    gain, offset = yuv_affine(SDR.colour, 8, 1080)
    return constant(torch.linalg.inv(gain.float()), device), constant(offset.float(), device)


def _dithered(plane: Tensor) -> Tensor:
    """Whole numbers whose mean over eight by eight samples is the plane's, so that soft gradients show no steps. What is whole stays.

    By Bayer's matrix, the same for every frame: it costs encoders little, and any machine does it alike.
    """
    height, width = plane.shape
    shift = _bayer(3, plane.device).repeat(-(-height // 8), -(-width // 8))[:height, :width]
    return plane.add(shift).round_()


@lru_cache(maxsize=4)
def _bayer(doublings: int, device: torch.device) -> Tensor:
    """Thresholds within half a step, of mean 0, each once."""
    matrix = torch.zeros(1, 1)
    for _ in range(doublings):
        matrix = torch.cat([torch.cat([4 * matrix, 4 * matrix + 2], 1), torch.cat([4 * matrix + 3, 4 * matrix + 1], 1)])
    return constant((matrix + 0.5) / matrix.numel() - 0.5, device)
