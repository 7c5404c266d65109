"""The CUDA kernel that makes ramps steps (see :mod:`stereo3d.render.edges`): every pixel finds the run and the ramp it is in by
itself, and takes the value of the side it is on. Blocks without a steep place only copy. Imported only where triton is."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from stereo3d.render.edges import FRACTION, NEAR, PEAK, PULL

__all__ = ["snap"]

_BLOCK = 128


@triton.jit
def _way(slope, gentle):  # type: ignore[no-untyped-def]
    """+1 or -1 where a slope is steep enough to be part of some ramp, else 0."""
    return tl.where(tl.abs(slope) > gentle, tl.where(slope > 0.0, 1, -1), 0)


@triton.jit
def _lines(at, low, full):  # type: ignore[no-untyped-def]
    """Where sample ``at`` of ``full`` lies in ``low``, ends on ends: (before, after, share of after)."""
    scale = tl.div_rn((low - 1).to(tl.float32), tl.maximum(full - 1, 1).to(tl.float32))
    place = at.to(tl.float32) * scale
    before = tl.minimum(place.to(tl.int32), low - 1)
    return before, tl.minimum(before + 1, low - 1), place - before.to(tl.float32)


@triton.jit  # type: ignore[untyped-decorator]
def _value(shift, frame, x, y, mask, low, width, height, whole: tl.constexpr):  # type: ignore[no-untyped-def]
    """The shift at a pixel of the picture; ``low``: (height, width) of the map that is interpolated, bilinearly."""
    if whole:
        return tl.load(shift + (frame * height + y) * width + x, mask=mask, other=0.0)
    left, right, across = _lines(x, low[1], width)
    above, below, down = _lines(y, low[0], height)
    upper, lower = shift + (frame * low[0] + above) * low[1], shift + (frame * low[0] + below) * low[1]
    a, b = tl.load(upper + left, mask=mask, other=0.0), tl.load(upper + right, mask=mask, other=0.0)
    c, d = tl.load(lower + left, mask=mask, other=0.0), tl.load(lower + right, mask=mask, other=0.0)
    one, two = (1.0 - across) * a + across * b, (1.0 - across) * c + across * d
    return (1.0 - down) * one + down * two


@triton.jit  # type: ignore[untyped-decorator]
def _walk(  # type: ignore[no-untyped-def]
    shift, frame, x, y, begin, beside, wanted, way, bound, to, most, last, low, width, height,
    along: tl.constexpr, whole: tl.constexpr,
):  # fmt: skip
    """From the neighbour (shift ``beside``) of place ``begin`` of a line on in the direction ``to``, at most ``most`` further, while
    slopes of the ``way`` are above the ``bound``: (the last place, its shift, the steepest slope)."""
    q, held, steepest, walks = begin + to, beside, tl.zeros_like(beside), wanted
    while tl.max(walks.to(tl.int32), 0) > 0:
        walks = walks & (q + to >= 0) & (q + to <= last) & (tl.abs(q - begin) <= most)
        moved = q + to - begin
        value = _value(
            shift, frame, x + (moved if along else 0), y + (0 if along else moved), walks, low, width, height, whole
        )
        slope = (value - held) * to
        walks = walks & (slope * way > bound)
        steepest = tl.where(walks, tl.maximum(steepest, tl.abs(slope)), steepest)
        held, q = tl.where(walks, value, held), tl.where(walks, q + to, q)
    return q, held, steepest


@triton.jit
def _split(look, step, wanted, first, final, middle, longest, last, pull):  # type: ignore[no-untyped-def]
    """The first pixel of the far end's side of each ramp: where the picture ``look`` changes from the look of its first pixel to
    that of its last. ``middle`` is where the depth says it is."""
    start = tl.load(look + tl.maximum(first - 1, 0) * step, mask=wanted, other=0).to(tl.float32)
    start = (start + tl.load(look + first * step, mask=wanted, other=0).to(tl.float32)) * 0.5
    end = tl.load(look + tl.minimum(final + 1, last) * step, mask=wanted, other=0).to(tl.float32)
    end = (tl.load(look + final * step, mask=wanted, other=0).to(tl.float32) + end) * 0.5
    contrast = tl.div_rn(pull * tl.abs(start - end), tl.where(wanted, final - first, 1).to(tl.float32))
    best, least, score = middle, tl.zeros_like(start) + float("inf"), tl.zeros_like(start)
    for k in range(longest):
        q = first + 1 + k
        asked = wanted & (q <= final)
        away = (q - middle).to(tl.float32)
        cost = score + contrast * away * away
        better = asked & (cost < least)
        best, least = tl.where(better, q, best), tl.where(better, cost, least)
        colour = tl.load(look + q * step, mask=asked, other=0).to(tl.float32)
        score += tl.abs(colour - start) - tl.abs(colour - end)
    return tl.where(contrast > 0.0, best, middle)


@triton.jit  # type: ignore[untyped-decorator]
def _snap(  # type: ignore[no-untyped-def]
    shift, guide, out, touched, low, height, width, guide_step, rule, longest,
    along: tl.constexpr, whole: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """``along``: rows, else columns, which add to the marks there are. ``rule``: (peak, fraction, near, pull)."""
    peak, fraction, near, pull = rule
    row = tl.program_id(0).to(tl.int64)
    x = tl.program_id(1) * block + tl.arange(0, block)
    frame, y = row // height, tl.zeros_like(x) + (row % height).to(tl.int32)
    right: tl.constexpr = 1 if along else 0
    down: tl.constexpr = 0 if along else 1
    p = x if along else y
    last = (width if along else height) - 1
    here = x < width
    mine = _value(shift, frame, x, y, here, low, width, height, whole)
    inner = here & (p > 0) & (p < last)
    before = _value(shift, frame, x - right, y - down, inner, low, width, height, whole)
    after = _value(shift, frame, x + right, y + down, inner, low, width, height, whole)
    gentle = fraction * peak
    way = _way(mine - before, gentle)
    inner = inner & (way != 0) & (way == _way(after - mine, gentle))
    new = mine
    if tl.max(inner.to(tl.int32), 0) > 0:
        lesser = tl.minimum(tl.abs(mine - before), tl.abs(after - mine))
        steepest = tl.maximum(tl.abs(mine - before), tl.abs(after - mine))
        far = width + height
        _, _, left = _walk(
            shift, frame, x, y, p, before, inner, way, gentle, -1, far, last, low, width, height, along, whole
        )
        _, _, beyond = _walk(
            shift, frame, x, y, p, after, inner, way, gentle, 1, far, last, low, width, height, along, whole
        )
        steepest = tl.maximum(steepest, tl.maximum(left, beyond))
        steep = fraction * steepest
        inner = inner & (steepest >= peak) & (lesser > steep)
        # the ramp's ends, no further away than a ramp may be long
        first, one, _ = _walk(
            shift, frame, x, y, p, before, inner, way, steep, -1, longest, last, low, width, height, along, whole
        )
        final, two, _ = _walk(
            shift, frame, x, y, p, after, inner, way, steep, 1, longest, last, low, width, height, along, whole
        )
        inner = inner & (final - first <= longest)
        limit = tl.minimum(one, two) + near * tl.abs(two - one)
        middle = final
        for k in range(longest):
            q = final - 1 - k
            asked = inner & (q > first)
            value = _value(shift, frame, x + (q - p) * right, y + (q - p) * down, asked, low, width, height, whole)
            middle = tl.where(asked & ((value > limit) != (one > limit)), q, middle)
        step = 1 if along else width
        look = guide + frame * guide_step + y * width + x - p * step
        split = _split(look, step, inner, first, final, middle, longest, last, pull)
        new = tl.where(inner, tl.where(p < split, one, two), mine)
    at = row * width + x
    tl.store(out + at, new, mask=here)
    if along:
        tl.store(touched + at, inner.to(tl.uint8), mask=here)
    else:
        tl.store(touched + at, 1, mask=here & inner)


def snap(shift: torch.Tensor, guide: torch.Tensor, longest: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ramps made steps along rows, then columns: ``shift`` [N, 1, h, w] float32, brought to the size of ``guide`` [N, 1, H, W]
    while it is read. Returns it and which pixels are a ramp's, uint8, as :func:`stereo3d.render.edges.refine_reference`
    smooths them."""
    frames, _, height, width = guide.shape
    shift, low = shift.contiguous(), tuple(shift.shape[2:])
    rows = shift.new_empty((frames, 1, height, width))
    columns, touched = torch.empty_like(rows), torch.empty_like(rows, dtype=torch.uint8)
    size = (height, width, guide.stride(0), (PEAK, FRACTION, NEAR, PULL), longest)
    for source, target, shape in ((shift, rows, low), (rows, columns, (height, width))):
        _snap[(frames * height, triton.cdiv(width, _BLOCK))](
            source,
            guide,
            target,
            touched,
            shape,
            *size,
            along=target is rows,
            whole=shape == (height, width),
            block=_BLOCK,
            enable_fp_fusion=False,
        )
    return columns, touched
