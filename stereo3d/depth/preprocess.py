"""The small picture that a depth network sees, straight from a decoder's planes or from RGB."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stereo3d.depth.colour import hdr_to_sdr, is_hdr, yuv_to_rgb
from stereo3d.depth.resample import resample
from stereo3d.errors import UsageError
from stereo3d.frames import FrameBatch
from stereo3d.transfer import constants

__all__ = ["AUTO", "IMAGENET", "UPSTREAM", "NetInput", "SizeRule", "parse_depth_size"]

Triple = tuple[float, float, float]
IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class SizeRule:
    """How large the network sees a picture. Sides are multiples of ``multiple``.

    ``short_side``: upstream's rule, the short side is at least this. ``pixels``: as many pixels as this at most,
    whatever the aspect, so that a scope film costs no more than a 16:9 one. Both: the short side's rule while it keeps the
    budget. ``fixed``: (height, width), aspect ignored, alone. ``widest``: with ``short_side``, pictures longer than this
    aspect get a shorter short side, for the long side to be as it is at this aspect (upstream's rule for video; 1.777,
    applied beyond 1.78 as there).
    """

    short_side: int | None = None
    pixels: int | None = None
    fixed: tuple[int, int] | None = None
    multiple: int = 14
    widest: float | None = None

    @property
    def label(self) -> str:
        """One word for identities."""
        if self.fixed:
            return f"{self.fixed[0]}x{self.fixed[1]}"
        words = (
            f"short{self.short_side}" if self.short_side else "",
            f"widest{self.widest:g}" if self.widest else "",
            f"pixels{self.pixels}" if self.pixels else "",
        )
        return "-".join(word for word in words if word)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) that the network sees of a picture."""
        if self.fixed:
            return self.fixed
        rows = columns = 0
        if self.short_side:
            short = self._side(self.short_side, max(height, width) / min(height, width))
            scale = short / min(height, width)
            rows, columns = (self._at_least(scale * side, short) for side in (height, width))
        if self.pixels and not 0 < rows * columns <= self.pixels:
            return self._budget(height, width, self.pixels)
        return rows, columns

    def _side(self, short_side: int, aspect: float) -> int:
        """The short side for a picture that is ``aspect`` times as long."""
        if self.widest is None or aspect <= self.widest + 0.003:
            return short_side
        return max(1, round(int(short_side * self.widest / aspect) / self.multiple)) * self.multiple

    def capped(self) -> SizeRule:
        """The short side's rule, with the pixels of a 16:9 picture as its budget."""
        rows, columns = self.size(9, 16)
        return replace(self, pixels=rows * columns)

    def _at_least(self, value: float, side: int) -> int:
        near = round(value / self.multiple) * self.multiple
        return near if near >= side else math.ceil(value / self.multiple) * self.multiple

    def _budget(self, height: int, width: int, pixels: int) -> tuple[int, int]:
        """Of the sizes round the exact one that keep the budget, the one that loses least pixels and aspect."""
        scale = math.sqrt(pixels / (height * width)) / self.multiple
        sizes = [
            (max(1, row) * self.multiple, max(1, column) * self.multiple)
            for row in (math.floor(scale * height), math.ceil(scale * height))
            for column in (math.floor(scale * width), math.ceil(scale * width))
        ]
        allowed = [s for s in sizes if s[0] * s[1] <= pixels] or [min(sizes)]
        return min(
            allowed, key=lambda s: abs(math.log(s[0] / s[1] * width / height)) + abs(math.log(pixels / (s[0] * s[1])))
        )


UPSTREAM = SizeRule(short_side=518)
AUTO = UPSTREAM.capped()


def parse_depth_size(value: int | str | None) -> SizeRule:
    """``None``: upstream's 518. A number: the short side. ``'924x518'``: the pixel budget of that picture. ``'auto'``:
    upstream's size up to 16:9; wider pictures keep the pixels of 16:9, for cost grows faster than they do.

    Raises UsageError.
    """
    if value is None:
        return UPSTREAM
    if value == "auto":
        return AUTO
    text = str(value)
    if re.fullmatch(r"\d+", text) and 112 <= int(text) <= 2044:
        return SizeRule(short_side=int(text))
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match and 112**2 <= int(match[1]) * int(match[2]) <= 2044**2:
        return SizeRule(pixels=int(match[1]) * int(match[2]))
    raise UsageError(
        f"depth size {text!r} is not possible",
        hint="give the short side, 112..2044, a pixel budget such as 924x518, or auto",
    )


@dataclass(frozen=True, slots=True)
class NetInput:
    """Turns pictures into a network's input: size rule, mean and standard deviation of RGB in 0..1."""

    rule: SizeRule
    mean: Triple = IMAGENET[0]
    std: Triple = IMAGENET[1]

    def from_rgb(self, rgb: Tensor, device: torch.device) -> Tensor:
        """RGB [N, 3, H, W], uint8 or float in 0..1, to [N, 3, h, w] float32 on ``device``, as upstream does it.

        Raises ValueError for another shape or dtype.
        """
        if rgb.ndim != 4 or rgb.shape[1] != 3 or not (rgb.dtype == torch.uint8 or rgb.is_floating_point()):
            raise ValueError(f"expected RGB [N, 3, H, W], uint8 or float in 0..1, got {rgb.dtype} {tuple(rgb.shape)}")
        size = self.rule.size(*rgb.shape[-2:])
        small = resample(rgb.to(device).flatten(0, 1), size).view(-1, 3, *size)
        return self._normalise(small / 255 if rgb.dtype == torch.uint8 else small)

    def from_planes(self, frames: FrameBatch, device: torch.device) -> Tensor:
        """Decoded frames to [N, 3, h, w] float32 on ``device``.

        Resizing and colour conversion are linear and so may change places: the planes are resized first, which costs a
        tenth of converting whole frames. Chroma of subsampled formats lies on the left luma sample of its pair, and
        midway between its two rows.
        """
        size = self.rule.size(frames.height, frames.width)
        fmt, colour = frames.format, frames.format.colour
        planes = frames.to(device).planes
        top = float((1 << fmt.bits) - 1)
        if fmt.is_rgb:
            green, blue, red = (resample(plane, size) for plane in planes)
            rgb = torch.stack([red, green, blue], 1) / top
        elif len(planes) == 1:
            grey = resample(planes[0], size)
            neutral = torch.full_like(grey, float(1 << (fmt.bits - 1)))
            rgb = yuv_to_rgb(torch.stack([grey, neutral, neutral], 1), colour, fmt.bits, frames.height)
        else:
            across, down = 1 << fmt.chroma_x, 1 << fmt.chroma_y
            extent = (frames.height / down, frames.width / across)
            chroma = [resample(p, size, extent=extent, shift=(0.0, 0.5 - 0.5 / across)) for p in planes[1:3]]
            rgb = yuv_to_rgb(torch.stack([resample(planes[0], size), *chroma], 1), colour, fmt.bits, frames.height)
        rgb = rgb.clamp(0, 1)
        return self._normalise(hdr_to_sdr(rgb, colour) if is_hdr(colour) else rgb)

    def _normalise(self, rgb: Tensor) -> Tensor:
        mean, std = (constants(values, rgb.device).view(3, 1, 1) for values in (self.mean, self.std))
        return (rgb - mean) / std
