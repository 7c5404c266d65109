"""The CUDA kernel of :mod:`stereo3d.render.warp`: every target pixel looks for the nearest surface that covers it.

A gather over the sources that can land there at all (the range of shifts of its row): no atomics, so the result is the
same from run to run. It equals the torch reference up to the rounding of one multiply-add (1e-4 px for shifts below
500 px); which pixels are holes is equal exactly. Imported only where triton is.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

__all__ = ["surface_rows"]

_BLOCK = 256


@triton.jit  # type: ignore[untyped-decorator]
def _surface(shift, low, high, out, width, sign, join, block: tl.constexpr):  # type: ignore[no-untyped-def]
    row = tl.program_id(0).to(tl.int64)
    i = tl.program_id(1) * block + tl.arange(0, block)
    here = i.to(tl.float32)
    source = shift + row * width
    seen = tl.full((block,), float("-inf"), tl.float32)
    first = tl.load(low + row)
    last = tl.load(high + row)
    for k in range(first, last + 1):
        x = i - k
        valid = (x >= 0) & (x < width)
        near = tl.load(source + x, mask=valid, other=0.0)
        after = tl.load(source + x + 1, mask=(x >= 0) & (x + 1 < width), other=0.0)
        before = tl.load(source + x - 1, mask=(x >= 1) & (x < width), other=0.0)
        left = x.to(tl.float32) + sign * near
        right = (x + 1).to(tl.float32) + sign * after
        step = after - near
        joined = (x + 1 < width) & (tl.abs(step) <= join)
        joined_left = (x >= 1) & (tl.abs(near - before) <= join)
        inside = valid & joined & (right > left) & (left <= here) & (here <= right)
        length = tl.where(right > left, right - left, 1.0)
        value = near + tl.div_rn(here - left, length) * step
        seen = tl.maximum(seen, tl.where(inside, value, float("-inf")))
        outward = ((joined_left == 0) & (here <= left)) | ((joined == 0) & (here >= left))
        at_end = valid & outward & (tl.floor(left + 0.5) == here)
        seen = tl.maximum(seen, tl.where(at_end, near, float("-inf")))
    tl.store(out + row * width + i, seen, mask=i < width)


def surface_rows(rows: torch.Tensor, sign: int, join: float) -> torch.Tensor:
    """:func:`stereo3d.render.warp.surface_reference` for contiguous float32 [R, W] on a CUDA device."""
    count, width = rows.shape
    moved = rows * sign
    low = moved.amin(1).floor().int() - 1 - int(join)
    high = moved.amax(1).ceil().int() + 1 + int(join)
    out = torch.empty_like(rows)
    _surface[(count, triton.cdiv(width, _BLOCK))](rows, low, high, out, width, float(sign), join, block=_BLOCK)
    return out
