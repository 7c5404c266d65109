"""Pictures sampled between their pixels, for CUDA kernels; pictures are given as a pointer, width and height."""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["bilinear", "sharp", "whole"]


@triton.jit
def whole(value, most):  # type: ignore[no-untyped-def]
    """The next whole number below, for places that may be far outside of 0..most."""
    return tl.floor(tl.minimum(tl.maximum(value, -2.0), most.to(tl.float32) + 2.0)).to(tl.int32)


@triton.jit
def bilinear(image, width, height, x, y, mask):  # type: ignore[no-untyped-def]
    x = tl.minimum(tl.maximum(x, 0.0), (width - 1).to(tl.float32))
    y = tl.minimum(tl.maximum(y, 0.0), (height - 1).to(tl.float32))
    i, j = tl.minimum(x.to(tl.int32), width - 2), tl.minimum(y.to(tl.int32), height - 2)
    a, b = x - i.to(tl.float32), y - j.to(tl.float32)
    at = image + j * width + i
    p = tl.load(at, mask=mask, other=0).to(tl.float32)
    q = tl.load(at + 1, mask=mask, other=0).to(tl.float32)
    r = tl.load(at + width, mask=mask, other=0).to(tl.float32)
    s = tl.load(at + width + 1, mask=mask, other=0).to(tl.float32)
    return (p * (1.0 - a) + q * a) * (1.0 - b) + (r * (1.0 - a) + s * a) * b


@triton.jit  # type: ignore[untyped-decorator]
def _cubic(t, n: tl.constexpr):  # type: ignore[no-untyped-def]
    """Catmull-Rom weight of the tap n of four."""
    if n == 0:
        weight = 0.5 * t * (t * (2.0 - t) - 1.0)
    elif n == 1:
        weight = 0.5 * (t * t * (3.0 * t - 5.0) + 2.0)
    elif n == 2:
        weight = 0.5 * t * (t * (4.0 - 3.0 * t) + 1.0)
    else:
        weight = 0.5 * t * t * (t - 1.0)
    return weight


@triton.jit
def sharp(image, width, height, x, y, mask):  # type: ignore[no-untyped-def]
    """Cubic samples, within the values of the four pixels around; bilinear at the picture's borders."""
    i, j = whole(x, width), whole(y, height)
    inner = mask & (i >= 1) & (i < width - 2) & (j >= 1) & (j < height - 2)
    across, down = x - i.to(tl.float32), y - j.to(tl.float32)
    total = tl.zeros_like(x)
    low, high = tl.full(x.shape, float("inf"), tl.float32), tl.full(x.shape, float("-inf"), tl.float32)
    for n in tl.static_range(4):
        line = tl.zeros_like(x)
        for m in tl.static_range(4):
            value = tl.load(image + (j + n - 1) * width + i + m - 1, mask=inner, other=0).to(tl.float32)
            line += _cubic(across, m) * value
            if (n == 1 or n == 2) and (m == 1 or m == 2):
                low, high = tl.minimum(low, value), tl.maximum(high, value)
        total += _cubic(down, n) * line
    soft = bilinear(image, width, height, x, y, mask & (inner == 0))
    return tl.where(inner, tl.minimum(tl.maximum(total, low), high), soft)
