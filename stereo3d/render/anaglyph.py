"""Both eyes in one picture by colour, for glasses with a filter of its own for each eye.

The one layout that goes through RGB: with the film's own matrix and range, in float, and back to the same format. A chroma
sample stands for all the pixels that it covers, on the way there and (as their mean) on the way back, so that a mix that
keeps a colour keeps its code values.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from stereo3d.colour import black, light, luma_weights, signal, yuv_affine
from stereo3d.frames import FrameBatch, PixelFormat

__all__ = ["anaglyph_format", "mixed", "mixing"]

Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]

_NONE: Row = (0, 0, 0)
_RED: Row = (1, 0, 0)
_GREEN: Row = (0, 1, 0)
_BLUE: Row = (0, 0, 1)

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
    pixels, transfer = left.format, left.format.colour.transfer
    first, second, in_light = mixing(colours, luma_weights(pixels.colour, left.height))
    gain = torch.tensor([[*a, *b] for a, b in zip(first, second, strict=True)], dtype=torch.float32)
    gain = gain.to(left.planes[0].device)
    frames = []
    for number in range(len(left)):  # one at a time: in float a frame takes ten times its memory
        rgb = torch.cat([_to_rgb(eye.cut(number, number + 1)) for eye in (left, right)])
        if in_light:
            rgb = light(rgb, transfer)
        out = (gain @ rgb.flatten(1)).reshape(3, *rgb.shape[1:])
        out = signal(out, transfer) if in_light else out.clamp_(0, 1)
        frames.append(_from_rgb(out, anaglyph_format(pixels)))
    planes = tuple(torch.stack(planes) for planes in zip(*frames, strict=True))
    return FrameBatch(planes, left.pts, left.index, anaglyph_format(pixels))


def _rgb_affine(pixels: PixelFormat, height: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(gain [3, 3], offset [3]) from the three planes of a format to R, G, B; float64."""
    gain, offset = yuv_affine(pixels.colour, pixels.bits, height)
    if pixels.is_rgb:  # planes are G, B, R, each coded as luma is
        gain, offset = (
            gain[0, 0] * torch.eye(3, dtype=torch.float64)[[2, 0, 1]],
            black(pixels, 0) * -gain[0, 0].expand(3),
        )
    return gain.to(device), offset.to(device)


def _to_rgb(frame: FrameBatch) -> Tensor:
    """One frame as non-linear RGB [3, H, W] float32, nominally 0..1."""
    pixels = frame.format
    gain, offset = _rgb_affine(pixels, frame.height, frame.planes[0].device)
    first, *rest = (plane[0].float() for plane in frame.planes)
    if not rest:
        return (first - black(pixels, 0)).mul_(gain[0, 0].float()).expand(3, -1, -1)
    others = torch.stack(rest)
    base = (gain[:, 1:].float() @ others.flatten(1) + offset.float()[:, None]).reshape(3, *others.shape[1:])
    if not pixels.is_rgb and (pixels.chroma_x or pixels.chroma_y):
        base = base.repeat_interleave(1 << pixels.chroma_x, 2).repeat_interleave(1 << pixels.chroma_y, 1)
    return base + gain[:, :1, None].float() * first


def _from_rgb(rgb: Tensor, pixels: PixelFormat) -> tuple[Tensor, ...]:
    """The planes [h, w] of non-linear RGB [3, H, W] in 0..1."""
    gain, offset = _rgb_affine(pixels, rgb.shape[1], rgb.device)
    back = gain.inverse()
    codes = (back.float() @ rgb.flatten(1) - (back @ offset).float()[:, None]).reshape(rgb.shape)
    planes = [*codes.unsqueeze(1)]
    if not pixels.is_rgb:
        block = (1 << pixels.chroma_y, 1 << pixels.chroma_x)
        planes[1:] = [functional.avg_pool2d(plane[None], block)[0] for plane in planes[1:]]
    top = (1 << pixels.bits) - 1
    return tuple(plane[0].round_().clamp_(0, top).to(torch.int32).to(pixels.dtype) for plane in planes)
