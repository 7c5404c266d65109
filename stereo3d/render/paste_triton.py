"""The CUDA kernels that put what filling over time has found into two stacked views, [2, h, w] a plane.

No pixel is listed twice in a view, and of those of one sample one leads: nothing is written twice. Not run on a GPU.
"""

from __future__ import annotations

import triton
import triton.language as tl

from stereo3d.render.sampling_triton import sharp

__all__ = ["BLOCK", "paste", "remember"]

BLOCK = 256
"""Pixels of a program."""


@triton.jit  # type: ignore[untyped-decorator]
def _cell(x, y, n, middle, size, across: tl.constexpr, down: tl.constexpr):  # type: ignore[no-untyped-def]
    """The sample of two stacked views' planes, ``size`` (height, width) each, that a pixel belongs to."""
    return (tl.where(n < middle, 0, 1) * size[0] + (y >> down)) * size[1] + (x >> across)


@triton.jit(do_not_specialize=["total", "middle"])  # type: ignore[untyped-decorator]
def remember(x, y, surface, total, middle, filled, size, block: tl.constexpr):  # type: ignore[no-untyped-def]
    """The shift of what each pixel of two stacked views is filled with, written to ``filled``. ``middle``: where the right view's
    pixels begin."""
    n = tl.program_id(0) * block + tl.arange(0, block)
    here = n < total
    at = _cell(tl.load(x + n, mask=here, other=0), tl.load(y + n, mask=here, other=0), n, middle, size, 0, 0)
    tl.store(filled + at, tl.load(surface + n, mask=here, other=0.0), mask=here)


@triton.jit(do_not_specialize=["total", "middle", "here"])  # type: ignore[untyped-decorator]
def paste(  # type: ignore[no-untyped-def]
    target, source, x, y, lead, where, at, offset, total, middle, size, values, here, slots,
    across: tl.constexpr, down: tl.constexpr, ours: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Samples put into two stacked views: from the ring, ``where`` frames on from ``here``, or (``ours``) from the same view of the
    frame before, in the share that ``where`` means. A sample of several pixels follows the one that leads. values: (shares of 1, 2, 3;
    what an offset of 1 is; the highest code value)."""
    n = tl.program_id(0) * block + tl.arange(0, block)
    here_too = n < total
    kind = tl.load(where + n, mask=here_too, other=0)
    wanted = here_too & (kind != 0)
    if across + down > 0:
        wanted = wanted & (tl.load(lead + n, mask=wanted, other=0) != 0)
    if tl.max(wanted.to(tl.int32), 0) > 0:
        px, py = tl.load(x + n, mask=wanted, other=0), tl.load(y + n, mask=wanted, other=0)
        to = _cell(px, py, n, middle, size, across, down)
        qx = tl.load(at + 2 * n, mask=wanted, other=0.0) - px.to(tl.float32)
        qy = tl.load(at + 2 * n + 1, mask=wanted, other=0.0) - py.to(tl.float32)
        qx = (px >> across).to(tl.float32) + qx / (1 << across)
        qy = (py >> down).to(tl.float32) + qy / (1 << down)
        slot = tl.where(n < middle, 0, 1) if ours else (here + kind + slots) % slots
        share = tl.where(kind == 1, values[0], tl.where(kind == 2, values[1], values[2])) if ours else values[2]
        value = sharp(source + slot * (size[0] * size[1]), size[1], size[0], qx, qy, wanted)
        value += tl.load(offset + n, mask=wanted, other=0.0) * values[3]
        old = tl.load(target + to, mask=wanted, other=0).to(tl.float32)
        value = tl.minimum(tl.maximum(old + share * (value - old) + 0.5, 0.0), values[4])
        tl.store(target + to, value.to(target.dtype.element_ty), mask=wanted)
