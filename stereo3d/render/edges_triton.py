"""CUDA kernels of :mod:`stereo3d.render.edges`: covering, both eyes in one launch (see :mod:`stereo3d.render.warp_triton`), and the
median that smooths outlines, where there are any; ramps are made steps by :mod:`stereo3d.render.ramps_triton`."""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl

from stereo3d.render import ramps_triton
from stereo3d.render.rules import BLUR, JUMP, MIXED, MOVED
from stereo3d.render.warp_triton import SPAN, Signs

__all__ = ["Covered", "cover", "refine", "smooth"]

_BLOCK = 256


class Covered(NamedTuple):
    """Shift of stacked eyes for planes of one size [E * N, 1, h, w], and the smallest and the largest move (sign * shift) of every
    ``span`` columns of a row [E * N * h, spans]."""

    shift: torch.Tensor
    least: torch.Tensor
    most: torch.Tensor
    span: int


@triton.jit
def _covered(source, look, p, width, way, rule, least):  # type: ignore[no-untyped-def]
    """Pixels ``p`` of a row: each looks towards the near side for an edge that reaches it."""
    jump, mixed = rule
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
    return new


@triton.jit
def _put_row(value, targets, row, x, width, way, column):  # type: ignore[no-untyped-def]
    """Writes a row's shift, and how far these columns move; ``targets``: (shift, least, most)."""
    at = row * tl.num_programs(1) + column
    here = x < width
    tl.store(targets[0] + row * width + x, value, mask=here)
    tl.store(targets[1] + at, tl.min(tl.where(here, way * value, float("inf")), 0))
    tl.store(targets[2] + at, tl.max(tl.where(here, way * value, float("-inf")), 0))


@triton.jit  # type: ignore[untyped-decorator]
def _cover(  # type: ignore[no-untyped-def]
    shift, guide, targets, small, size, small_size, frames, guide_step, sign, rule, least,
    across: tl.constexpr, down: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """``down`` rows: covered, and the nearest of each ``across`` x ``down`` pixels for chroma, in chroma pixels."""
    height, width = size
    high, wide = small_size
    frame, line = tl.program_id(0).to(tl.int64) // high, tl.program_id(0) % high
    column = tl.program_id(1)
    p = column * block + tl.arange(0, block)
    way = tl.where(frame < frames, sign, -sign)
    nearest = tl.full((block,), float("-inf"), tl.float32)
    for j in range(down):
        y = line * down + j
        if y < height:
            source = shift + (frame % frames * height + y) * width
            look = guide + frame % frames * guide_step + y * width
            new = _covered(source, look, p, width, way, rule, least)
            _put_row(new, targets, frame * height + y, p, width, way, column)
            nearest = tl.maximum(nearest, tl.where(p < width, new, float("-inf")))
    if across * down > 1:
        cells: tl.constexpr = block // across
        cell = tl.max(tl.reshape(nearest, (cells, across)), 1) * (1.0 / across)
        _put_row(cell, small, frame * high + line, column * cells + tl.arange(0, cells), wide, way, column)


def cover(
    shift: torch.Tensor, guide: torch.Tensor, signs: Signs, cells: tuple[int, int] = (1, 1)
) -> tuple[Covered, Covered]:
    """:func:`stereo3d.render.edges.cover` for each of the eyes, stacked, and :func:`stereo3d.render.edges.chroma` of it for
    ``cells`` of (across, down) pixels; for (1, 1) both are the same. ``shift`` [N, 1, H, W] float32, contiguous, ``guide`` the
    same size, its pictures contiguous."""
    frames, _, height, width = shift.shape
    across, down = cells
    high, wide = -(-height // down), -(-width // across)
    columns, total = triton.cdiv(width, SPAN), len(signs) * frames

    def room(rows: int, columns_: int, span: int) -> Covered:
        moves = shift.new_empty((2, total * rows, columns))
        return Covered(shift.new_empty((total, 1, rows, columns_)), moves[0], moves[1], span)

    out = room(height, width, SPAN)
    small = out if cells == (1, 1) else room(high, wide, SPAN // across)
    _cover[(total * high, columns)](
        shift,
        guide,
        out[:3],
        small[:3],
        (height, width),
        (high, wide),
        frames,
        guide.stride(0),
        signs[0],
        (JUMP, MIXED),
        -(-width // BLUR),
        across=across,
        down=down,
        block=SPAN,
        enable_fp_fusion=False,
    )
    return out, small


@triton.jit  # type: ignore[untyped-decorator]
def _medians(shift, marks, out, moved, height, width, least, block: tl.constexpr):  # type: ignore[no-untyped-def]
    """Median of 5 x 5 on and beside the marked pixels: the value that as many are below as above. ``moved``: 2 there, and 1 more
    for marks that it moved by more than ``least``, else 0. Only there ``out`` is written."""
    row = tl.program_id(0).to(tl.int64)
    x = tl.program_id(1) * block + tl.arange(0, block)
    line = tl.zeros_like(x) + (row % height).to(tl.int32)
    first = (row - row % height) * width
    here = x < width
    around = tl.zeros((block,), tl.int32)
    for number in range(9):
        u, v = x + number % 3 - 1, line + number // 3 - 1
        inside = here & (u >= 0) & (u < width) & (v >= 0) & (v < height)
        around = around | tl.load(marks + first + v * width + u, mask=inside, other=0).to(tl.int32)
    wanted = here & (around > 0)
    flags = tl.zeros((block,), tl.int32)
    if tl.max(wanted.to(tl.int32), 0) > 0:
        old = tl.load(shift + row * width + x, mask=wanted, other=0.0)
        new = old
        for a in range(25):
            u = tl.minimum(tl.maximum(x + a % 5 - 2, 0), width - 1)
            v = tl.minimum(tl.maximum(line + a // 5 - 2, 0), height - 1)
            one = tl.load(shift + first + v * width + u, mask=wanted, other=0.0)
            below = tl.zeros((block,), tl.int32)
            upto = tl.zeros((block,), tl.int32)
            for b in range(25):
                u = tl.minimum(tl.maximum(x + b % 5 - 2, 0), width - 1)
                v = tl.minimum(tl.maximum(line + b // 5 - 2, 0), height - 1)
                two = tl.load(shift + first + v * width + u, mask=wanted, other=0.0)
                below += (two < one).to(tl.int32)
                upto += (two <= one).to(tl.int32)
            new = tl.where(wanted & (below <= 12) & (upto > 12), one, new)
        tl.store(out + row * width + x, new, mask=wanted)
        mark = tl.load(marks + row * width + x, mask=wanted, other=0).to(tl.int32)
        changed = (mark > 0) & (tl.abs(new - old) > least)
        flags = tl.where(wanted, 2 + changed.to(tl.int32), 0)
    tl.store(moved + row * width + x, flags.to(tl.uint8), mask=here)


@triton.jit  # type: ignore[untyped-decorator]
def _put(medians, moved, shift, marks, pixels, block: tl.constexpr):  # type: ignore[no-untyped-def]
    """Writes the medians and the new marks where they belong, now that nothing needs what was there."""
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    flags = tl.load(moved + at, mask=at < pixels, other=0).to(tl.int32)
    wanted = flags > 0
    if tl.max(flags, 0) > 0:
        tl.store(shift + at, tl.load(medians + at, mask=wanted, other=0.0), mask=wanted)
        tl.store(marks + at, (flags & 1).to(tl.uint8), mask=wanted)


def smooth(shift: torch.Tensor, marks: torch.Tensor) -> None:
    """:func:`stereo3d.render.edges.smooth_reference` in place: ``shift`` [N, 1, H, W] float32 and ``marks`` uint8, contiguous."""
    frames, _, height, width = shift.shape
    medians, moved, block = torch.empty_like(shift), torch.empty_like(marks), _BLOCK // 2
    grid = (frames * height, triton.cdiv(width, block))
    _medians[grid](shift, marks, medians, moved, height, width, MOVED, block=block)
    _put[(triton.cdiv(shift.numel(), _BLOCK),)](medians, moved, shift, marks, shift.numel(), block=_BLOCK)


def refine(shift: torch.Tensor, guide: torch.Tensor, longest: int) -> torch.Tensor:
    """:func:`stereo3d.render.edges.refine_reference`: ``shift`` [N, 1, h, w] float32, ``guide`` [N, 1, H, W], its pictures
    contiguous."""
    out, marks = ramps_triton.snap(shift, guide, longest)
    for _ in range(2):
        smooth(out, marks)
    return out
