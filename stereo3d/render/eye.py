"""What an eye sees: z-buffers for luma, and for chroma's samples where they are fewer, and the planes sampled through them.

The steps of :func:`look` are :func:`edges.cover`, :func:`edges.chroma`, :func:`warp.surface` and :func:`warp.sample`; on the CPU
one kernel does all of them for a row, so that what lies between them never goes to memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from stereo3d.render import edges, rules, warp
from stereo3d.render.bands import over_rows

__all__ = ["View", "look"]


class View(NamedTuple):
    """Planes of one size as an eye sees them, [N, C, h, w], and the visible shift there in their own pixels, [N, 1, h, w], -inf in
    holes."""

    picture: torch.Tensor
    seen: torch.Tensor


def look(
    luma: torch.Tensor, chroma: torch.Tensor | None, shift: torch.Tensor, sign: int, cells: tuple[int, int]
) -> tuple[View, View | None]:
    """``luma`` [N, C, H, W] and ``chroma`` [N, C, h, w] of one dtype, seen from the side of ``sign`` (+1 left eye, -1 right eye).

    ``shift``: [N, 1, H, W] float32, as :func:`edges.refine` gives it. ``cells``: pixels (across, down) for each chroma sample. The
    first plane of ``luma`` says where the picture's edges are.
    """
    whole = cells == (1, 1)
    if shift.device.type != "cpu":
        wide = edges.cover(shift, luma[:, :1], sign)
        seen = warp.surface(wide, sign)
        large = View(warp.sample(luma, seen, sign), seen)
        if chroma is None:
            return large, None
        less = seen if whole else warp.surface(edges.chroma(wide, *cells), sign)
        return large, View(warp.sample(chroma, less, sign), less)
    from stereo3d.render import eye_numba

    width = shift.shape[3]
    plain = luma[:, :0] if chroma is None else chroma
    large = View(luma.new_empty(luma.shape), shift.new_empty(shift.shape))
    small = View(
        plain.new_empty(plain.shape), large.seen if whole else shift.new_empty((len(plain), 1, *plain.shape[2:]))
    )
    marks = (warp.marks_for(large.seen), warp.marks_for(small.seen))
    big, little = (
        (image.numpy(), view.seen[:, 0].numpy(), flags, view.picture.numpy())
        for image, view, flags in zip((luma, plain), (large, small), marks, strict=True)
    )
    near, rule, rounding = shift[:, 0].numpy(), edges.cover_rule(sign, width), warp.rounding(luma)
    join, rows = np.float32(rules.JOIN), plain.shape[2]
    over_rows(lambda a, b: eye_numba.eye_rows(near, big, little, rule, join, cells, rounding, a, b), len(shift), rows)
    warp.finish(large.picture, luma, large.seen, marks[0], sign)
    if chroma is None:
        return large, None
    warp.finish(small.picture, chroma, small.seen, marks[1], sign)
    return large, small
