"""The CUDA kernels of :mod:`stereo3d.render.warp`: both eyes in one launch, every target pixel a gather of its own.

*Eyes are stacked*: of E * N frames the first N are the eye of ``signs[0]``, the others that of ``signs[1]``, which is its
opposite. There are no atomics and no sums over threads, so that the result is the same from run to run, and no multiply-add is
fused, so that the arithmetic is that of the torch references. Imported only where triton is.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

__all__ = ["SPAN", "Signs", "sample", "surface", "warp"]

Signs = tuple[int, ...]
"""(1, -1), (1,) or (-1,): the eyes, +1 the left one."""

SPAN = 128
"""Columns of a row whose smallest and largest move is known together; also those that one program makes."""


@triton.jit  # type: ignore[untyped-decorator]
def _ranges(shift, least, most, height, frames, width, sign, block: tl.constexpr):  # type: ignore[no-untyped-def]
    """Smallest and largest move (sign * shift) of each block of a row."""
    row = tl.program_id(0).to(tl.int64)
    x = tl.program_id(1) * block + tl.arange(0, block)
    way = tl.where(row // height < frames, sign, -sign)
    moved = way * tl.load(shift + row * width + x, mask=x < width, other=0.0)
    at = row * tl.num_programs(1) + tl.program_id(1)
    tl.store(least + at, tl.min(tl.where(x < width, moved, float("inf")), 0))
    tl.store(most + at, tl.max(tl.where(x < width, moved, float("-inf")), 0))


@triton.jit  # type: ignore[untyped-decorator]
def _nearest(  # type: ignore[no-untyped-def]
    shift, least, most, row, begin, i, way, width, join, span: tl.constexpr, block: tl.constexpr, blocks: tl.constexpr
):
    """The nearest surface over each target pixel, among the sources that can land in its block at all."""
    here = i.to(tl.float32)
    source = shift + row * width
    # a pixel moved by m, and its segment to the next one, cover columns x + m - 1/2 .. x + m + 1 + join
    number = tl.arange(0, blocks)
    count = (width + span - 1) // span
    there = number < count
    low = tl.load(least + row * count + number, mask=there, other=float("inf"))
    high = tl.load(most + row * count + number, mask=there, other=float("-inf"))
    first = begin - tl.max(high, 0) - 2 - join
    last = begin + block - tl.min(low, 0) + 1
    near_by = there & ((number + 1) * span >= first) & (number * span <= last)
    start = tl.floor(tl.min(tl.where(near_by, low, float("inf")), 0)).to(tl.int32) - 1
    stop = tl.ceil(tl.max(tl.where(near_by, high, float("-inf")), 0) + join).to(tl.int32) + 2
    seen = tl.full((block,), float("-inf"), tl.float32)
    for k in range(start, stop):
        x = i - k
        valid = (x >= 0) & (x < width)
        near = tl.load(source + x, mask=valid, other=0.0)
        after = tl.load(source + x + 1, mask=(x >= 0) & (x + 1 < width), other=0.0)
        before = tl.load(source + x - 1, mask=(x >= 1) & (x < width), other=0.0)
        left = x.to(tl.float32) + way * near
        right = (x + 1).to(tl.float32) + way * after
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
    return seen


@triton.jit
def _taps(  # type: ignore[no-untyped-def]
    image, near, out, image_steps, out_steps, channels, row, i, way, height, frames, width, rounding
):
    """Catmull-Rom along the row, kept within the range of its four taps; 0 in holes."""
    frame, line = row // height, row % height
    hole = near == float("-inf")
    here = i.to(tl.float32)
    at = here - way * tl.where(hole, 0.0, near)
    at = tl.minimum(tl.maximum(at, 0.0), width - 1.0)
    base = at.to(tl.int32)
    t = at - base.to(tl.float32)
    w0 = 0.5 * t * (t * (2.0 - t) - 1.0)
    w1 = 0.5 * (t * t * (3.0 * t - 5.0) + 2.0)
    w2 = 0.5 * t * (t * (4.0 - 3.0 * t) + 1.0)
    w3 = 0.5 * t * t * (t - 1.0)
    wanted = (i < width) & (hole == 0)
    for channel in range(channels):
        source = image + (frame % frames) * image_steps[0] + channel * image_steps[1] + line * width
        p0 = tl.load(source + tl.maximum(base - 1, 0), mask=wanted, other=0).to(tl.float32)
        p1 = tl.load(source + base, mask=wanted, other=0).to(tl.float32)
        p2 = tl.load(source + tl.minimum(base + 1, width - 1), mask=wanted, other=0).to(tl.float32)
        p3 = tl.load(source + tl.minimum(base + 2, width - 1), mask=wanted, other=0).to(tl.float32)
        value = w0 * p0 + w1 * p1 + w2 * p2 + w3 * p3
        low = tl.minimum(tl.minimum(p0, p1), tl.minimum(p2, p3))
        high = tl.maximum(tl.maximum(p0, p1), tl.maximum(p2, p3))
        value = tl.minimum(tl.maximum(value, low), high) + rounding
        value = tl.where(wanted, value, 0.0)
        target = out + frame * out_steps[0] + channel * out_steps[1] + line * width + i
        tl.store(target, value.to(out.dtype.element_ty), mask=i < width)


@triton.jit  # type: ignore[untyped-decorator]
def _surface(  # type: ignore[no-untyped-def]
    shift, least, most, out, height, frames, width, sign, join, block: tl.constexpr, blocks: tl.constexpr
):
    row, begin = tl.program_id(0).to(tl.int64), tl.program_id(1) * block
    i = begin + tl.arange(0, block)
    way = tl.where(row // height < frames, sign, -sign)
    seen = _nearest(shift, least, most, row, begin, i, way, width, join, block, block, blocks)
    tl.store(out + row * width + i, seen, mask=i < width)


@triton.jit  # type: ignore[untyped-decorator]
def _sample(  # type: ignore[no-untyped-def]
    image, seen, out, image_steps, out_steps, channels, height, frames, width, sign, rounding, block: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    i = tl.program_id(1) * block + tl.arange(0, block)
    way = tl.where(row // height < frames, sign, -sign)
    near = tl.load(seen + row * width + i, mask=i < width, other=float("-inf"))
    _taps(image, near, out, image_steps, out_steps, channels, row, i, way, height, frames, width, rounding)


@triton.jit  # type: ignore[untyped-decorator]
def _both(  # type: ignore[no-untyped-def]
    shift, least, most, seen, image, out, image_steps, out_steps, channels, height, frames, width, sign, join, rounding,
    span: tl.constexpr, block: tl.constexpr, blocks: tl.constexpr,
):  # fmt: skip
    """Surface and view in one, so that the surface is not read again."""
    row, begin = tl.program_id(0).to(tl.int64), tl.program_id(1) * block
    i = begin + tl.arange(0, block)
    way = tl.where(row // height < frames, sign, -sign)
    near = _nearest(shift, least, most, row, begin, i, way, width, join, span, block, blocks)
    tl.store(seen + row * width + i, near, mask=i < width)
    _taps(image, near, out, image_steps, out_steps, channels, row, i, way, height, frames, width, rounding)


def _moves(shift: torch.Tensor, signs: Signs) -> tuple[torch.Tensor, torch.Tensor]:
    """Smallest and largest move of each block of a row."""
    total, _, height, width = shift.shape
    grid = (total * height, triton.cdiv(width, SPAN))
    least, most = shift.new_empty(grid), shift.new_empty(grid)
    size = (height, total // len(signs), width, float(signs[0]))
    _ranges[grid](shift, least, most, *size, block=SPAN, enable_fp_fusion=False)
    return least, most


def surface(shift: torch.Tensor, signs: Signs, *, join: float) -> torch.Tensor:
    """:func:`stereo3d.render.warp.surface` of stacked eyes: ``shift`` [E * N, 1, H, W] float32, contiguous."""
    total, _, height, width = shift.shape
    moves, out = _moves(shift, signs), torch.empty_like(shift)
    _surface[moves[0].shape](
        shift,
        *moves,
        out,
        height,
        total // len(signs),
        width,
        float(signs[0]),
        join,
        block=SPAN,
        blocks=triton.next_power_of_2(moves[0].shape[1]),
        enable_fp_fusion=False,
    )
    return out


def warp(
    image: torch.Tensor,
    shift: torch.Tensor,
    moves: tuple[torch.Tensor, torch.Tensor, int],
    signs: Signs,
    *,
    join: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(view, seen) of stacked eyes: :func:`surface` and :func:`sample` in one launch. ``moves``: the smallest and the largest of
    every span of a row, and how many columns that is."""
    total, _, height, width = shift.shape
    least, most, span = moves
    seen, view = torch.empty_like(shift), _empty(image, total)
    _both[(total * height, triton.cdiv(width, SPAN))](
        shift,
        least,
        most,
        seen,
        image,
        view,
        image.stride()[:2],
        view.stride()[:2],
        image.shape[1],
        height,
        total // len(signs),
        width,
        float(signs[0]),
        join,
        0.0 if image.is_floating_point() else 0.5,
        span=span,
        block=SPAN,
        blocks=triton.next_power_of_2(least.shape[1]),
        enable_fp_fusion=False,
    )
    return view, seen


def _empty(image: torch.Tensor, total: int) -> torch.Tensor:
    """[E * N, C, H, W], each channel of all frames contiguous."""
    _, channels, height, width = image.shape
    return image.new_empty((channels, total, height, width)).movedim(0, 1)


def sample(image: torch.Tensor, seen: torch.Tensor, signs: Signs) -> torch.Tensor:
    """:func:`stereo3d.render.warp.sample` of stacked eyes, holes 0: ``image`` [N, C, H, W], its pictures contiguous, any dtype;
    ``seen`` [E * N, 1, H, W]. Returns [E * N, C, H, W], each channel of all frames contiguous."""
    _, channels, height, width = image.shape
    view = _empty(image, len(seen))
    rounding = 0.0 if image.is_floating_point() else 0.5
    _sample[(len(seen) * height, triton.cdiv(width, SPAN))](
        image,
        seen,
        view,
        image.stride()[:2],
        view.stride()[:2],
        channels,
        height,
        len(seen) // len(signs),
        width,
        float(signs[0]),
        rounding,
        block=SPAN,
        enable_fp_fusion=False,
    )
    return view
