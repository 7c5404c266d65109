"""The CUDA kernel of :mod:`stereo3d.render.borders`, both eyes in one launch; see :mod:`stereo3d.render.warp_triton`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from stereo3d.render.borders import BLUR
from stereo3d.render.warp_triton import Signs

__all__ = ["blend"]


@triton.jit  # type: ignore[untyped-decorator]
def _blend(  # type: ignore[no-untyped-def]
    view, image, seen, view_steps, image_steps, channels, height, frames, width, sign, jump, reach, rounding,
    block: tl.constexpr,
):  # fmt: skip
    """One row: all of it is read before any of it is written, as a border's neighbour may be one, too."""
    row = tl.program_id(0).to(tl.int64)
    x = tl.arange(0, block)
    frame, line = row // height, row % height
    toward = tl.where(frame < frames, sign, -sign)
    surface = seen + row * width
    here = tl.load(surface + x, mask=x < width, other=float("-inf"))
    left = tl.load(surface + x - 1, mask=(x >= 1) & (x < width), other=float("inf"))
    right = tl.load(surface + x + 1, mask=x + 1 < width, other=float("inf"))
    hole = here == float("-inf")
    at = tl.floor(x.to(tl.float32) - toward * tl.where(hole, 0.0, here) + 0.5)
    at = tl.minimum(tl.maximum(at, -1.0), width + 0.0).to(tl.int32)
    source = image + (frame % frames) * image_steps[0] + line * width
    # the border to the right counts where both are borders, if it blends at all
    way = tl.zeros((block,), tl.int32)
    through = tl.zeros((block,), tl.float32)
    for turn in range(2):
        side = 2 * turn - 1
        beside = tl.where(turn == 0, left, right)
        near, far = at - side * reach, at + 2 * side * reach
        border = (hole == 0) & (here - beside > jump)
        border = border & (tl.minimum(near, far) >= 0) & (tl.maximum(near, far) < width)
        contrast = tl.zeros((block,), tl.float32)
        mixed = tl.zeros((block,), tl.float32)
        for channel in range(channels):
            plane = source + channel * image_steps[1]
            two = tl.load(plane + far, mask=border, other=0).to(tl.float32)
            one = tl.load(plane + near, mask=border, other=0).to(tl.float32) - two
            contrast += one * one
            mixed += (tl.load(plane + at, mask=border, other=0).to(tl.float32) - two) * one
        share = tl.div_rn(mixed, tl.where(contrast > 0.0, contrast, 1.0))
        share = 1.0 - tl.minimum(tl.maximum(share, 0.0), 1.0)
        blends = border & (contrast > 0.0) & (share > 0.0)
        way = tl.where(blends, side, way)
        through = tl.where(blends, share, through)
    blends = way != 0
    for channel in range(channels):
        plane = source + channel * image_steps[1]
        target = view + frame * view_steps[0] + channel * view_steps[1] + line * width
        one = tl.load(plane + at - way * reach, mask=blends, other=0).to(tl.float32)
        two = tl.load(plane + at + 2 * way * reach, mask=blends, other=0).to(tl.float32)
        now = tl.load(target + x, mask=blends, other=0).to(tl.float32)
        behind = tl.load(target + x + way, mask=blends, other=0).to(tl.float32)
        most = tl.abs(one - two)
        value = now + tl.minimum(tl.maximum(through * (behind - two), -most), most)
        low = tl.minimum(tl.minimum(one, now), behind)
        high = tl.maximum(tl.maximum(one, now), behind)
        value = tl.minimum(tl.maximum(value, low), high) + rounding
        tl.debug_barrier()
        tl.store(target + x, value.to(view.dtype.element_ty), mask=blends)


def blend(view: torch.Tensor, image: torch.Tensor, seen: torch.Tensor, signs: Signs, *, jump: float) -> None:
    """:func:`stereo3d.render.borders.blend` of stacked eyes, in place: ``view`` [E * N, C, H, W] and ``image`` [N, C, H, W] of one
    dtype, their pictures contiguous; ``seen`` [E * N, 1, H, W]."""
    _, channels, height, width = image.shape
    rounding = 0.0 if image.is_floating_point() else 0.5
    size = (channels, height, len(seen) // len(signs), width)
    rule = (float(signs[0]), jump, -(-width // BLUR), rounding)
    block = triton.next_power_of_2(width)
    _blend[(len(seen) * height,)](
        view,
        image,
        seen,
        view.stride()[:2],
        image.stride()[:2],
        *size,
        *rule,
        block=block,
        num_warps=min(max(block // 256, 1), 16),
        enable_fp_fusion=False,
    )
