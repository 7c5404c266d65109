"""The CUDA kernel of :mod:`stereo3d.render.fill`: every hole pixel finds its gap and sums its samples by itself, in the order of
the CPU kernel; blocks without a hole end at once. Hole pixels are written, others read: no block waits for another."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from stereo3d.render import fill as filling

__all__ = ["fill"]

_BLOCK = 64


@triton.jit  # type: ignore[untyped-decorator]
def _grain(  # type: ignore[no-untyped-def]
    view, steps, channel, surface, line, edge, way, limit, wanted, height, width, grain: tl.constexpr
):
    """The structure tensor (across, mixed, down) beside an edge of each lane's gap. ``channel``: [C, 1]."""
    across = tl.zeros_like(limit)
    mixed = tl.zeros_like(limit)
    down = tl.zeros_like(limit)
    columns: tl.constexpr = grain // 2 + 1
    for number in range((2 * grain + 1) * columns):
        y = line - grain + number // columns
        x = edge + way * (number % columns)
        valid = wanted & (x >= 0) & (x < width - 1) & (y >= 0) & (y < height - 1)
        at = y * width + x
        a = tl.load(surface + at, mask=valid, other=float("-inf"))
        b = tl.load(surface + at + 1, mask=valid, other=float("-inf"))
        c = tl.load(surface + at + width, mask=valid, other=float("-inf"))
        d = tl.load(surface + at + width + 1, mask=valid, other=float("-inf"))
        nearest = tl.maximum(tl.maximum(a, b), tl.maximum(c, d))
        farthest = tl.minimum(tl.minimum(a, b), tl.minimum(c, d))
        valid = valid & (nearest <= limit) & (farthest > float("-inf"))
        colours = view + channel * steps[1] + at[None, :]
        mask = (channel < steps[2]) & valid[None, :]
        p = tl.load(colours, mask=mask, other=0).to(tl.float32)
        q = tl.load(colours + 1, mask=mask, other=0).to(tl.float32)
        r = tl.load(colours + width, mask=mask, other=0).to(tl.float32)
        s = tl.load(colours + width + 1, mask=mask, other=0).to(tl.float32)
        falling = tl.sum(s - p, 0)
        rising = tl.sum(q - r, 0)
        right = falling + rising
        below = falling - rising
        across += right * right
        mixed += right * below
        down += below * below
    return across, mixed, down


@triton.jit
def _metric(across, mixed, down, stretch, certain):  # type: ignore[no-untyped-def]
    """(xx, 2xy, yy) of the squared distance, from the structure tensor."""
    half = (across - down) * 0.5
    total = across + down
    spread = tl.sqrt_rn(half * half + mixed * mixed)
    grained = spread > 0.0
    coherence = tl.div_rn(2.0 * spread, tl.where(grained, total, 1.0)) - certain
    coherence = tl.div_rn(tl.maximum(coherence, 0.0), 1.0 - certain)
    gain = tl.div_rn(stretch * coherence * coherence, tl.where(grained, 2.0 * spread, 1.0))
    weak = total * 0.5 - spread
    return 1.0 + gain * (across - weak), 2.0 * gain * mixed, 1.0 + gain * (down - weak)


@triton.jit  # type: ignore[untyped-decorator]
def _sums(  # type: ignore[no-untyped-def]
    view, steps, channel, surface, line, edge, low, high, limit, wanted, height, width, here, reach, xx, xy, yy,
    total, weights, box: tl.constexpr,
):  # fmt: skip
    """Adds the samples around an edge of each lane's gap, of the columns low..high-1: colours to ``total`` [C, lanes], weights."""
    side: tl.constexpr = 2 * box + 1
    needed = wanted & (low < high)
    level = tl.full((), 0, tl.int32)
    while tl.max(needed.to(tl.int32), 0) > 0:
        finer = tl.maximum(level - 1, 0)
        area = (tl.full((), 1, tl.int32) << (2 * level)).to(tl.float32)
        for number in range(side * side):
            x = ((edge >> level) + number % side - box) << level
            y = ((line >> level) + number // side - box) << level
            valid = needed & (x >= low) & (x < high) & (y >= 0) & (y < height)
            # not what the level before has seen
            across, down = (x >> finer) - (edge >> finer), (y >> finer) - (line >> finer)
            beyond = tl.maximum(tl.abs(across), tl.abs(down)) + tl.where(level == 0, box + 1, 0)
            valid = valid & (beyond > box)
            at = y * width + x
            shift = tl.load(surface + at, mask=valid, other=float("-inf"))
            valid = valid & (shift <= limit) & (shift > float("-inf"))
            dx = (x - here).to(tl.float32)
            dy = (y - line).to(tl.float32)
            square = (xx * dx + xy * dy) * dx + yy * dy * dy
            weight = tl.where(valid, tl.div_rn(area, tl.where(valid, square * square, 1.0)), 0.0)
            colours = view + channel * steps[1] + at[None, :]
            mask = (channel < steps[2]) & valid[None, :]
            total += weight[None, :] * tl.load(colours, mask=mask, other=0).to(tl.float32)
            weights += weight
        needed = needed & ((tl.full((), box, tl.int32) << level) < reach)
        level += 1
    return total, weights


@triton.jit  # type: ignore[untyped-decorator]
def _fill(  # type: ignore[no-untyped-def]
    view, image, seen, steps, image_steps, frames, height, width, rule, rounding,
    many: tl.constexpr, box: tl.constexpr, grain: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """``steps``: of frames and channels of the view, and how many channels; ``many``: those, or more, a power of two."""
    row = tl.program_id(0).to(tl.int64)
    x = tl.program_id(1) * block + tl.arange(0, block)
    frame, line = row // height, (row % height).to(tl.int32)
    surface = seen + frame * height * width
    mine = surface + line * width
    hole = (x < width) & (tl.load(mine + x, mask=x < width, other=0.0) == float("-inf"))
    if tl.max(hole.to(tl.int32), 0) > 0:
        slack, share, reach, stretch, certain = rule
        view = view + frame * steps[0]
        image = image + (frame % frames) * image_steps[0]
        left, right = x - 1, x + 1  # the pixels beside the gap
        open_left, open_right = hole, hole
        while tl.max((open_left | open_right).to(tl.int32), 0) > 0:
            one = tl.load(mine + left, mask=open_left & (left >= 0), other=0.0)
            two = tl.load(mine + right, mask=open_right & (right < width), other=0.0)
            open_left = open_left & (one == float("-inf"))
            open_right = open_right & (two == float("-inf"))
            left = tl.where(open_left, left - 1, left)
            right = tl.where(open_right, right + 1, right)
        has_left, has_right = hole & (left >= 0), hole & (right < width)
        one = tl.load(mine + left, mask=has_left, other=float("-inf"))
        two = tl.load(mine + right, mask=has_right, other=float("-inf"))
        both = has_left & has_right
        jump = tl.where(both, tl.abs(tl.where(both, one, 0.0) - tl.where(both, two, 0.0)), 0.0)
        limit = tl.where(both, tl.minimum(one, two), tl.maximum(one, two)) + tl.maximum(share * jump, slack)
        lost = hole & (has_left == 0) & (has_right == 0)
        has_left, has_right = has_left & (one <= limit), has_right & (two <= limit)
        middle = (left + 1 + right) // 2
        span = (reach * (right - left - 1).to(tl.float32)).to(tl.int32) + 1

        channel = tl.arange(0, many)[:, None]
        lines = tl.zeros_like(x) + line
        a1, m1, d1 = _grain(view, steps, channel, surface, lines, left, -1, limit, has_left, height, width, grain)
        a2, m2, d2 = _grain(view, steps, channel, surface, lines, right, 1, limit, has_right, height, width, grain)
        xx, xy, yy = _metric(a1 + a2, m1 + m2, d1 + d2, stretch, certain)
        total, weights = tl.zeros((many, block), tl.float32), tl.zeros((block,), tl.float32)
        end = tl.where(has_right, middle, width)
        total, weights = _sums(
            view, steps, channel, surface, lines, left, 0, end, limit, has_left, height, width, x, span, xx, xy, yy,
            total, weights, box,
        )  # fmt: skip
        begin = tl.where(has_left, middle, 0)
        total, weights = _sums(
            view, steps, channel, surface, lines, right, begin, width, limit, has_right, height, width, x, span, xx, xy, yy,
            total, weights, box,
        )  # fmt: skip
        value = tl.div_rn(total, tl.where(weights > 0.0, weights, 1.0)[None, :] + tl.zeros_like(total)) + rounding
        at = line * width + x[None, :]
        there = channel < steps[2]
        tl.store(
            view + channel * steps[1] + at, value.to(view.dtype.element_ty), mask=there & (hole & (lost == 0))[None, :]
        )
        old = tl.load(image + channel * image_steps[1] + at, mask=there & lost[None, :], other=0)
        tl.store(view + channel * steps[1] + at, old, mask=there & lost[None, :])


def fill(view: torch.Tensor, image: torch.Tensor, seen: torch.Tensor) -> None:
    """Fills the holes of stacked eyes, in place: ``view`` [E * N, C, H, W] and ``image`` [N, C, H, W] of one dtype, their pictures
    contiguous; ``seen`` [E * N, 1, H, W]."""
    frames, channels, height, width = image.shape
    rounding = 0.0 if image.is_floating_point() else 0.5
    rule = (filling.SLACK, filling.SHARE, filling.REACH, filling.STRETCH, filling.CERTAIN)
    _fill[(len(seen) * height, triton.cdiv(width, _BLOCK))](
        view,
        image,
        seen,
        (*view.stride()[:2], channels),
        image.stride()[:2],
        frames,
        height,
        width,
        rule,
        rounding,
        many=triton.next_power_of_2(channels),
        box=filling.BOX,
        grain=filling.GRAIN,
        block=_BLOCK,
        num_warps=2,
        enable_fp_fusion=False,
    )
