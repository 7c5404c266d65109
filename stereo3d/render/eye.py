"""What an eye sees, as z-buffers: for luma, and for chroma's samples where they are fewer.

The three steps of :func:`surfaces` are :func:`edges.cover`, :func:`edges.chroma` and :func:`warp.surface`; on the CPU one kernel
does all of them for a row, so that what lies between them never goes to memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from stereo3d.render import edges, warp
from stereo3d.render.bands import over_rows

__all__ = ["Surfaces", "surfaces"]


class Surfaces(NamedTuple):
    """The visible shift for luma [N, 1, H, W] and, in chroma pixels, for chroma [N, 1, h, w]; -inf in holes."""

    luma: torch.Tensor
    chroma: torch.Tensor


def surfaces(shift: torch.Tensor, guide: torch.Tensor, sign: int, cells: tuple[int, int]) -> Surfaces:
    """``shift`` [N, 1, H, W] float32 and ``guide`` (luma) of a picture whose chroma samples are ``cells`` (across, down)
    pixels each; for (1, 1) both are the same."""
    across, down = cells
    if shift.device.type != "cpu":
        wide = edges.cover(shift, guide, sign)
        luma = warp.surface(wide, sign)
        return Surfaces(luma, luma if across * down == 1 else warp.surface(edges.chroma(wide, across, down), sign))
    from stereo3d.render import eye_numba

    frames, _, height, width = shift.shape
    high = -(-height // down)
    luma = torch.empty_like(shift, memory_format=torch.contiguous_format)
    result = Surfaces(luma, luma if across * down == 1 else torch.empty((frames, 1, high, -(-width // across))))
    near, look, seen, small = (maps[:, 0].numpy() for maps in (shift, guide, *result))
    rule, join = edges.cover_rule(sign, width), np.float32(warp.JOIN)
    over_rows(lambda a, b: eye_numba.eye_rows(near, look, rule, join, cells, seen, small, a, b), frames, high)
    return result
