"""The CUDA kernel of :func:`stereo3d.render.edges.cover`, both eyes in one launch; see :mod:`stereo3d.render.warp_triton`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from stereo3d.render.edges import BLUR, JUMP, MIXED
from stereo3d.render.warp_triton import Signs

__all__ = ["cover"]

_BLOCK = 256


@triton.jit  # type: ignore[untyped-decorator]
def _cover(  # type: ignore[no-untyped-def]
    shift, guide, out, height, frames, width, guide_step, sign, jump, mixed, least, block: tl.constexpr
):
    """Each pixel looks towards the near side for an edge that reaches it."""
    row = tl.program_id(0).to(tl.int64)
    p = tl.program_id(1) * block + tl.arange(0, block)
    frame, line = row // height % frames, row % height
    way = tl.where(row // height < frames, sign, -sign)
    source = shift + (frame * height + line) * width
    look = guide + frame * guide_step + line * width
    last = width - 1
    far = tl.load(source + tl.minimum(p, last))
    near = tl.load(source + tl.minimum(tl.maximum(p + way, 0), last))
    new = tl.where(near - far > jump, near, far)
    here = tl.load(look + tl.minimum(p, last)).to(tl.float32)
    for k in range(1, least + 1):
        x = p + k * way  # the far pixel of the edge
        reached = (x >= 0) & (x <= last)
        near = tl.load(source + tl.minimum(tl.maximum(x + way, 0), last), mask=reached, other=0.0)
        for m in range(k + 1):
            between = tl.load(source + x - m * way, mask=reached & (p <= last), other=0.0)
            reached = reached & (near - between > jump)
        if k == least:
            one = tl.load(look + tl.minimum(tl.maximum(x + 2 * least * way, 0), last), mask=reached, other=0)
            two = tl.load(look + tl.minimum(tl.maximum(x - 4 * least * way, 0), last), mask=reached, other=0)
            contrast = one.to(tl.float32) - two.to(tl.float32)
            reached = reached & ((here - two.to(tl.float32)) * contrast > mixed * contrast * contrast)
        new = tl.where(reached, tl.maximum(new, near), new)
    tl.store(out + row * width + p, new, mask=p <= last)


def cover(shift: torch.Tensor, guide: torch.Tensor, signs: Signs) -> torch.Tensor:
    """:func:`stereo3d.render.edges.cover` for each of the eyes, stacked: ``shift`` [N, 1, H, W] float32, contiguous,
    ``guide`` the same size, its pictures contiguous. Returns [E * N, 1, H, W]."""
    frames, _, height, width = shift.shape
    out = shift.new_empty((len(signs) * frames, 1, height, width))
    size = (height, frames, width, guide.stride(0))
    rule = (signs[0], JUMP, MIXED, -(-width // BLUR))
    _cover[(len(out) * height, triton.cdiv(width, _BLOCK))](
        shift, guide, out, *size, *rule, block=_BLOCK, enable_fp_fusion=False
    )
    return out
