"""Both eyes in one picture by colour, for glasses with a filter of its own for each eye.

The one layout that goes through RGB: with the film's own matrix and range, in float, and back to the same format. A chroma
sample stands for all the pixels that it covers, on the way there and (as their mean) on the way back, so that a mix that
keeps a colour keeps its code values. On a CPU a kernel does it in one pass, where light is mixed and the curve from signal to light is one
that a table can hold (PQ's and HLG's are not).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stereo3d.colour import HLG, LINEAR, PQ, black, light, luma_weights, signal, yuv_affine
from stereo3d.frames import FrameBatch, PixelFormat
from stereo3d.render.anaglyph_numba import STEPS, mix_rows
from stereo3d.render.bands import over_rows
from stereo3d.transfer import constant

__all__ = ["anaglyph_format", "mixed", "mixing"]

Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]

_NONE: Row = (0, 0, 0)
_RED: Row = (1, 0, 0)
_GREEN: Row = (0, 1, 0)
_BLUE: Row = (0, 0, 1)

_STRIP = 64
"""Rows done at a time on a CPU, a whole number of chroma samples: in float a whole frame falls out of its caches."""

# Least squares over what the glasses let through of a display's three colours: E. Dubois, "A projection method to generate
# anaglyph stereo images", ICASSP 2001. The numbers are those that he gives for sRGB displays, to be applied to linear light:
# red-cyan in "Conversion of a Stereo Pair to Anaglyph with the Least-Squares Projection Method" (2009,
# site.uottawa.ca/~edubois/anaglyph/LeastSquaresHowToPhotoshop.pdf), green-magenta and amber-blue in his notes at
# flickr.com/photos/e_dubois/5132528166 and /5230654930.
_DUBOIS: dict[str, tuple[Matrix, Matrix]] = {
    "red-cyan": (
        ((0.437, 0.449, 0.164), (-0.062, -0.062, -0.024), (-0.048, -0.050, -0.017)),
        ((-0.011, -0.032, -0.007), (0.377, 0.761, 0.009), (-0.026, -0.093, 1.234)),
    ),
    "green-magenta": (
        ((-0.062, -0.158, -0.039), (0.284, 0.668, 0.143), (-0.015, -0.027, 0.021)),
        ((0.529, 0.705, 0.024), (-0.016, -0.015, -0.065), (0.009, 0.075, 0.937)),
    ),
    "amber-blue": (
        ((1.062, -0.205, 0.299), (-0.026, 0.908, 0.068), (-0.038, -0.173, 0.022)),
        ((-0.016, -0.123, -0.017), (0.006, 0.062, -0.017), (0.094, 0.185, 0.911)),
    ),
}


def mixing(colours: str, luma: Row) -> tuple[Matrix, Matrix, bool]:
    """(left, right, in light): RGB of the anaglyph is ``left @ RGB of the left eye + right @ RGB of the right eye``.

    ``in light``: to be applied to linear light, else to the non-linear signal. ``luma``: what R, G and B weigh in a grey. Colour,
    half-colour and grey are those of P. Wimmer, "Anaglyph Methods Comparison" (3dtv.at/Knowhow/AnaglyphComparison_en.aspx),
    who weighs greys by BT.601; here the film's own luma is taken.
    """
    if colours in _DUBOIS:
        return *_DUBOIS[colours], True
    left, right = {
        "colour": ((_RED, _NONE, _NONE), (_NONE, _GREEN, _BLUE)),
        "half-colour": ((luma, _NONE, _NONE), (_NONE, _GREEN, _BLUE)),
        "grey": ((luma, _NONE, _NONE), (_NONE, luma, luma)),
    }[colours]
    return left, right, False


def anaglyph_format(pixels: PixelFormat) -> PixelFormat:
    """The format of anaglyphs of pictures of ``pixels``: the same, but grey needs chroma (4:2:0)."""
    if pixels.name.startswith("gray"):
        return PixelFormat(pixels.name.replace("gray", "yuv420p"), pixels.bits, 1, 1, pixels.colour)
    return pixels


def mixed(left: FrameBatch, right: FrameBatch, colours: str) -> FrameBatch:
    """The anaglyph of two eyes of equal shape. ``left``: the eye behind the glass that is named first.

    Sides must be whole chroma samples of :func:`anaglyph_format`. PQ and HLG films stay what they are: light is mixed, in the
    film's own primaries, and becomes PQ or HLG again. What a mix makes darker than black or brighter than white is clipped.
    """
    height, device = left.height, left.planes[0].device
    mixer = _Mixer.of(left.format, height, colours, device)
    if device.type == "cpu" and len(left.planes) == 3 and mixer.has_kernel:
        return mixer.by_kernel(left, right)
    step = _STRIP if device.type == "cpu" else height
    frames = [
        [mixer.mix(_rows(left, n, top, step), _rows(right, n, top, step)) for top in range(0, height, step)]
        for n in range(len(left))
    ]
    planes = tuple(torch.stack([torch.cat([strip[p] for strip in strips]) for strips in frames]) for p in range(3))
    return FrameBatch(planes, left.pts, left.index, anaglyph_format(left.format))


def _rows(eye: FrameBatch, frame: int, top: int, count: int) -> tuple[Tensor, ...]:
    """The planes [h, w] of ``count`` rows (or what is left of them) of one frame, as views."""
    pixels = eye.format
    return tuple(
        plane[frame, pixels.plane_size(number, 0, top)[1] : pixels.plane_size(number, 0, top + count)[1]]
        for number, plane in enumerate(eye.planes)
    )


@dataclass(frozen=True, slots=True)
class _Mixer:
    """All that a mix needs, float32 on one device. ``gain`` [3, 6]: over R, G, B of the left eye, then of the right one.
    ``rgb`` and ``codes``: (gain [3, 3], offset [3]) from the planes of ``source`` to R, G, B, and from there to those of ``target``."""

    source: PixelFormat
    target: PixelFormat
    gain: Tensor
    in_light: bool
    rgb: tuple[Tensor, Tensor]
    codes: tuple[Tensor, Tensor]

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, source: PixelFormat, height: int, colours: str, device: torch.device) -> Self:
        left, right, in_light = mixing(colours, luma_weights(source.colour, height))
        rows = [[*a, *b] for a, b in zip(left, right, strict=True)]
        gain, offset = yuv_affine(source.colour, source.bits, height)
        if source.is_rgb:  # planes are G, B, R, each coded as luma is
            offset = black(source, 0) * -gain[0, 0].expand(3)
            gain = gain[0, 0] * torch.eye(3, dtype=torch.float64)[[2, 0, 1]]
        back = gain.inverse()
        affine = [constant(t.float(), device) for t in (gain, offset, back, -(back @ offset))]
        mix = constant(torch.tensor(rows, dtype=torch.float32), device)
        return cls(source, anaglyph_format(source), mix, in_light, (affine[0], affine[1]), (affine[2], affine[3]))

    def mix(self, left: tuple[Tensor, ...], right: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The planes [h, w] of the anaglyph of the planes of two eyes."""
        rgb = torch.cat([self._to_rgb(left), self._to_rgb(right)])
        transfer = self.source.colour.transfer
        if self.in_light:
            rgb = light(rgb, transfer)
        out = (self.gain @ rgb.flatten(1)).reshape(3, *rgb.shape[1:])
        return self._from_rgb(signal(out, transfer) if self.in_light else out.clamp_(0, 1))

    @property
    def has_kernel(self) -> bool:
        """Whether the mix is in light, and its curve one that a table can hold."""
        return self.in_light and self.source.colour.transfer not in (LINEAR, PQ, HLG)

    def by_kernel(self, left: FrameBatch, right: FrameBatch) -> FrameBatch:
        """The anaglyph of two eyes of three planes, on the CPU."""
        out = tuple(torch.empty_like(plane) for plane in left.planes)
        tables = (
            torch.cat([self.rgb[0], self.rgb[1][:, None]], 1),
            self.gain,
            torch.cat([self.codes[0], self.codes[1][:, None]], 1),
        )
        numbers = tuple(tuple(map(np.float32, table.flatten().tolist())) for table in tables)
        scale = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
        transfer = self.source.colour.transfer
        curves = tuple(
            torch.cat([c, c[-1:]]).float().numpy() for c in (light(scale, transfer), signal(scale, transfer))
        )
        top = np.float32((1 << self.target.bits) - 1)
        for n in range(len(left)):
            planes = (tuple(plane[n].numpy() for plane in picture) for picture in (left.planes, right.planes, out))
            job = partial(mix_rows, *planes, numbers, curves, self._block(self.source), top)
            over_rows(job, 1, out[1].shape[1])
        return FrameBatch(out, left.pts, left.index, self.target)

    def _to_rgb(self, planes: tuple[Tensor, ...]) -> Tensor:
        """Non-linear RGB [3, H, W], nominally 0..1."""
        gain, offset = self.rgb
        first, *rest = (plane.float() for plane in planes)
        if not rest:
            return ((first - black(self.source, 0)) * gain[0, 0]).expand(3, -1, -1)
        others = torch.stack(rest)
        base = (gain[:, 1:] @ others.flatten(1) + offset[:, None]).reshape(3, *others.shape[1:])
        down, across = self._block(self.source)
        base = base.repeat_interleave(across, 2).repeat_interleave(down, 1) if down * across > 1 else base
        return base + gain[:, :1, None] * first

    def _from_rgb(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """The planes [h, w] of non-linear RGB [3, H, W] in 0..1."""
        gain, offset = self.codes
        luma, *others = (gain @ rgb.flatten(1) + offset[:, None]).reshape(rgb.shape)
        planes = [luma, *(functional.avg_pool2d(plane[None], self._block(self.target))[0] for plane in others)]
        top = (1 << self.target.bits) - 1
        return tuple(plane.round_().clamp_(0, top).to(torch.int32).to(self.target.dtype) for plane in planes)

    @staticmethod
    def _block(pixels: PixelFormat) -> tuple[int, int]:
        """(rows, columns) of pixels that a chroma sample covers."""
        return (1, 1) if pixels.is_rgb else (1 << pixels.chroma_y, 1 << pixels.chroma_x)
