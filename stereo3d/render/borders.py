"""Soft borders: a pixel that lens, motion or hair mixed from two surfaces keeps its mixture over what is now behind it.

At the end of a surface the picture shows ``a * near + (1 - a) * far``. Moved as it is, that pixel carries the old far side
along: a halo. Here the share ``a`` is read from the source (the pixel on the line between the colours a little to
either side), and ``(1 - a) * (behind - far)`` is added, where ``behind`` is what the view shows beside the border: the
background there, or the filled hole. The change never exceeds the contrast of the two sides, so that noise on a plain
picture changes nothing, and the result stays within the colours at hand.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from stereo3d.render.bands import over_rows
from stereo3d.render.fill import EMPTY

__all__ = ["blend", "blend_reference"]

BLUR = 1000
"""Pixels of picture width for one pixel of blur: the two sides are looked up one (near) and two (far) blurs away."""


def blend(view: torch.Tensor, image: torch.Tensor, seen: torch.Tensor, marks: npt.NDArray[np.uint8], sign: int) -> None:
    """Blends the borders of ``view`` in place: ``view``, ``image`` [N, C, H, W] of one dtype on the CPU, contiguous;
    ``seen`` [N, 1, H, W] the view's surface; ``marks`` [N, H, padded W] say where neighbours are two surfaces."""
    from stereo3d.render import borders_numba

    frames, _, height, width = image.shape
    rounding = np.float32(0 if image.is_floating_point() else 0.5)
    source, target, surface = image.numpy(), view.numpy(), seen[:, 0].numpy()
    rule = (np.float32(sign), -(-width // BLUR), rounding)
    over_rows(lambda a, b: borders_numba.blend_rows(source, surface, marks, rule, target, a, b), frames, height)


def blend_reference(
    view: torch.Tensor, image: torch.Tensor, seen: torch.Tensor, sign: int, *, jump: float
) -> torch.Tensor:
    """:func:`blend` in torch, of float32 pictures; not yet rounded."""
    width, channels = image.shape[3], image.shape[1]
    reach = -(-width // BLUR)
    x = torch.arange(width, device=image.device)
    at = torch.where(seen == EMPTY, -1.0, (x - sign * seen + 0.5).floor().clamp(-1, width)).long()

    def look(distance: int) -> torch.Tensor:
        return image.gather(3, (at + distance).clamp(0, width - 1).expand(-1, channels, -1, -1))

    out, centre = view, look(0)
    for way in (-1, 1):
        neighbour = (x + way).clamp(0, width - 1)
        lower = seen.index_select(3, neighbour)
        inside = (at >= reach * (2 if way < 0 else 1)) & (at < width - reach * (2 if way > 0 else 1))
        border = inside & (seen - lower > jump)
        one, two = look(-way * reach), look(2 * way * reach)
        contrast = (one - two).square().sum(1, keepdim=True)
        mixed = ((centre - two) * (one - two)).sum(1, keepdim=True)
        through = 1 - (mixed / torch.where(contrast > 0, contrast, 1.0)).clamp(0, 1)
        behind, most = view.index_select(3, neighbour), (one - two).abs()
        value = view + torch.minimum(torch.maximum(through * (behind - two), -most), most)
        low = torch.minimum(torch.minimum(one, view), behind)
        high = torch.maximum(torch.maximum(one, view), behind)
        value = torch.minimum(torch.maximum(value, low), high)
        out = torch.where(border & (contrast > 0) & (through > 0), value, out)
    return out
