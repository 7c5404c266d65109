"""The CUDA kernels of filling over time: those of :mod:`stereo3d.render.uncovered_numba`, a program for each block of holes.

*Rings* hold the planes of the frames of the window, [slots, H, W] each; *ways* tell to which of them a block is followed, one
after the other: int32 [K, 2] (distance, slot), float32 [K, 2, 3, 9] (the model of the motion to it, and that to the frame before it)
and float32 [K, rows, columns, 2] (what the last step's model says too little). Not run on a GPU.
"""

from __future__ import annotations

import triton
import triton.language as tl

from stereo3d.render.sampling_triton import bilinear, sharp, whole

__all__ = ["LANES", "carry", "look_for"]

LANES = 128
"""Pixels of a block that are worked on at a time."""

_TERMS = tl.constexpr(9)


@triton.jit  # type: ignore[untyped-decorator]
def _row(model, k: tl.constexpr, a, b, d):  # type: ignore[no-untyped-def]
    """One row of a model: a change at (a, b, d), in widths."""
    m = model + k * _TERMS
    plain = tl.load(m) + a * (tl.load(m + 1) + tl.load(m + 3) * a + tl.load(m + 4) * b)
    plain = plain + b * (tl.load(m + 2) + tl.load(m + 5) * b)
    return plain + d * (tl.load(m + 6) + tl.load(m + 7) * a + tl.load(m + 8) * b)


@triton.jit
def _moved(model, width, height, x, y, s):  # type: ignore[no-untyped-def]
    """Where points at (x, y) with shift s go, and the change of their shift, by the model; all in pixels."""
    wide, high = width.to(tl.float32), height.to(tl.float32)
    a, b, d = (x + 0.5) / wide - 0.5, (y + 0.5 - 0.5 * high) / wide, s / wide
    u, v, w = _row(model, 0, a, b, d), _row(model, 1, a, b, d), _row(model, 2, a, b, d)
    return x + u * wide, y + v * wide, w * wide


@triton.jit  # type: ignore[untyped-decorator]
def _middle(values, valid, lanes: tl.constexpr):  # type: ignore[no-untyped-def]
    """The upper median of the valid values, of at most ``lanes``; 0 of none."""
    number = tl.arange(0, lanes)
    value = tl.where(valid, values, float("inf"))
    one, two = value[:, None], value[None, :]
    before = (two < one) | ((two == one) & (number[None, :] < number[:, None]))
    rank = tl.sum(before.to(tl.int32), 1)
    count = tl.sum(valid.to(tl.int32), 0)
    return tl.sum(tl.where(valid & (rank == count // 2), values, 0.0), 0)


@triton.jit  # type: ignore[untyped-decorator]
def _local(rest, grid, model, width, height, ring, begin, end, dx, dy, few: tl.constexpr, lanes: tl.constexpr):  # type: ignore[no-untyped-def]
    """Median of what the model leaves of the last step's flow, at the ring as far as it has been followed."""
    stride = tl.maximum(1, (end - begin + few - 1) // few)
    n = begin + tl.arange(0, lanes) * stride
    here = (tl.arange(0, lanes) < few) & (n < end)
    x = tl.load(ring[0] + n, mask=here, other=0).to(tl.float32)
    y = tl.load(ring[1] + n, mask=here, other=0).to(tl.float32)
    px, py, _ = _moved(model, width, height, x, y, tl.load(ring[2] + n, mask=here, other=0.0))
    px = (px + dx + 0.5) * (grid[1].to(tl.float32) / width.to(tl.float32))
    py = (py + dy + 0.5) * (grid[0].to(tl.float32) / height.to(tl.float32))
    here = here & (px >= 0) & (px < grid[1].to(tl.float32)) & (py >= 0) & (py < grid[0].to(tl.float32))
    cell = 2 * (whole(py, grid[0]) * grid[1] + whole(px, grid[1]))
    across = _middle(tl.load(rest + cell, mask=here, other=0.0), here, lanes)
    down = _middle(tl.load(rest + cell + 1, mask=here, other=0.0), here, lanes)
    return across * width.to(tl.float32), down * width.to(tl.float32)


@triton.jit
def _found(pixels, n, wanted, model, width, height, sign, near, dx, dy, tolerance):  # type: ignore[no-untyped-def]
    """(seen there, x, y, the surface's shift as it is here) of the hole pixels ``n`` in the other frame; see the CPU kernel of that name."""
    x = tl.load(pixels[0] + n, mask=wanted, other=0).to(tl.float32)
    y = tl.load(pixels[1] + n, mask=wanted, other=0).to(tl.float32)
    shift = tl.load(pixels[2] + n, mask=wanted, other=0.0)
    limit = tl.load(pixels[3] + n, mask=wanted, other=0.0)
    going, good = wanted, wanted & (wanted == 0)
    s, level, at_x, at_y = shift, shift, x, y
    half = (width + 1) // 2
    for _ in range(3):
        qx, qy, change = _moved(model, width, height, x - sign * s, y, s)
        qx, qy = qx + dx, qy + dy
        i, j = whole(qx + 0.5, width), whole(qy + 0.5, height)
        going = going & (i >= 1) & (i < width - 1) & (j >= 1) & (j < height - 1)
        there = tl.load(near + (j >> 1) * half + (i >> 1), mask=going, other=0.0) - change
        going = going & (there <= limit)
        hit = going & (tl.abs(there - s) <= tolerance)
        good = good | hit
        level, at_x, at_y = tl.where(hit, there, level), tl.where(hit, qx, at_x), tl.where(hit, qy, at_y)
        going = going & (hit == 0)
        s = tl.where(going, there, s)
    return good, at_x, at_y, level


@triton.jit  # type: ignore[untyped-decorator]
def _any_seen(  # type: ignore[no-untyped-def]
    pixels, where, low, high, model, width, height, sign, near, dx, dy, tolerance, tried: tl.constexpr
):
    """Whether any of some ``tried`` pixels of a block may be seen."""
    stride = tl.maximum(1, (high - low) // tried)
    n = low + tl.arange(0, 64) * stride  # fewer than twice as many as are tried
    wanted = n < high
    wanted = wanted & (tl.load(where + n, mask=wanted, other=1) == 0)
    good, _, _, _ = _found(pixels, n, wanted, model, width, height, sign, near, dx, dy, tolerance)
    return tl.max(good.to(tl.int32), 0) > 0


@triton.jit  # type: ignore[untyped-decorator]
def _template(here, unit, model, width, height, ring, begin, end, many: tl.constexpr, lanes: tl.constexpr):  # type: ignore[no-untyped-def]
    """(valid, x, y, change of shift, value, slope across, slope down) of at most ``many`` places of the ring."""
    stride = tl.maximum(1, (end - begin + many - 1) // many)
    n = begin + tl.arange(0, lanes) * stride
    valid = (tl.arange(0, lanes) < many) & (n < end)
    a, b = tl.load(ring[0] + n, mask=valid, other=1), tl.load(ring[1] + n, mask=valid, other=0)
    s = tl.load(ring[2] + n, mask=valid, other=0.0)
    x, y, change = _moved(model, width, height, a.to(tl.float32), b.to(tl.float32), s)
    above, below = tl.maximum(b - 1, 0), tl.minimum(b + 1, height - 1)
    value = tl.load(here + b * width + a, mask=valid, other=0).to(tl.float32) * unit
    right = tl.load(here + b * width + a + 1, mask=valid, other=0).to(tl.float32)
    left = tl.load(here + b * width + a - 1, mask=valid, other=0).to(tl.float32)
    low = tl.load(here + below * width + a, mask=valid, other=0).to(tl.float32)
    high = tl.load(here + above * width + a, mask=valid, other=0).to(tl.float32)
    return valid, x, y, change, value, (right - left) * 0.5 * unit, (low - high) * 0.5 * unit


@triton.jit  # type: ignore[untyped-decorator]
def _aligned(  # type: ignore[no-untyped-def]
    valid, x, y, change, value, gx, gy, there, near, width, height, limit, begin_x, begin_y, rule,
    turns: tl.constexpr, least: tl.constexpr, still: tl.constexpr,
):  # fmt: skip
    """(good, dx, dy, offset, squared error, mean value, its variance): the translation (Lucas-Kanade) that lays the ring over the
    other frame."""
    unit, noise, trust, furthest = rule[0], rule[1], rule[2], rule[3]
    dx, dy = begin_x, begin_y
    n, offset, wrong, mean, spread = begin_x * 0.0, begin_x * 0.0, begin_x * 0.0, begin_x * 0.0, begin_x * 0.0
    half = (width + 1) // 2
    right, bottom = (width - 3).to(tl.float32), (height - 3).to(tl.float32)
    turn = 0
    while turn <= turns:
        px, py = x + dx, y + dy
        ok = valid & (px >= 2.0) & (px < right) & (py >= 2.0) & (py < bottom)
        cell = (whole(py + 0.5, height) >> 1) * half + (whole(px + 0.5, width) >> 1)
        ok = ok & (tl.load(near + cell, mask=ok, other=float("inf")) - change <= limit)
        e = tl.where(ok, value - bilinear(there, width, height, px, py, ok) * unit, 0.0)
        t, a, b = tl.where(ok, value, 0.0), tl.where(ok, gx, 0.0), tl.where(ok, gy, 0.0)
        n = tl.sum(ok.to(tl.float32), 0)
        count = tl.maximum(n, 1.0)
        sum_a, sum_b, sum_t = tl.sum(a, 0), tl.sum(b, 0), tl.sum(t, 0)
        offset = tl.sum(e, 0) / count
        wrong = tl.maximum(tl.sum(e * e, 0) / count - offset * offset, 0.0)
        mean = sum_t / count
        spread = tl.maximum(tl.sum(t * t, 0) / count - mean * mean, 0.0)
        damp = count * noise * noise  # one pixel away from the prediction counts as much as this error at every place
        xx = tl.sum(a * a, 0) - sum_a * sum_a / count + damp
        yy = tl.sum(b * b, 0) - sum_b * sum_b / count + damp
        xy = tl.sum(a * b, 0) - sum_a * sum_b / count
        ex = tl.sum(a * e, 0) - sum_a * offset - damp * (dx - begin_x)
        ey = tl.sum(b * e, 0) - sum_b * offset - damp * (dy - begin_y)
        determinant = xx * yy - xy * xy
        step_x, step_y = (yy * ex - xy * ey) / determinant, (xx * ey - xy * ex) / determinant
        moves = (n >= least) & (turn < turns)
        dx, dy = tl.where(moves, dx + step_x, dx), tl.where(moves, dy + step_y, dy)
        rests = tl.abs(step_x) + tl.abs(step_y) < still
        turn = tl.where(moves & (rests == 0), turn + 1, turns + 1)
    good = (n >= least) & (tl.abs(dx - begin_x) <= furthest) & (tl.abs(dy - begin_y) <= furthest)
    good = good & (wrong <= tl.maximum(noise * noise, trust * trust * spread))
    return good, dx, dy, offset, wrong, mean, spread


@triton.jit  # type: ignore[untyped-decorator]
def _accept(  # type: ignore[no-untyped-def]
    pixels, low, high, there, near, model, width, height, sign, unit, tolerance, look, most, dx, dy, offset, state,
    distance, lanes: tl.constexpr,
):  # fmt: skip
    """Takes the pixels of a block that are seen in the other frame and do not stand out from the background beside. Returns how
    many."""
    where, at, surface, offsets = state[0], state[1], state[2], state[3]
    taken = low * 0
    for start in range(low, high, lanes):
        n = start + tl.arange(0, lanes)
        wanted = n < high
        wanted = wanted & (tl.load(where + n, mask=wanted, other=1) == 0)
        seen, qx, qy, level = _found(pixels, n, wanted, model, width, height, sign, near, dx, dy, tolerance)
        value = sharp(there, width, height, qx, qy, seen) * unit + offset
        take = seen & (tl.abs(value - look) <= most)
        tl.store(where + n, tl.zeros_like(n) + distance, mask=take)
        tl.store(at + 2 * n, qx, mask=take)
        tl.store(at + 2 * n + 1, qy, mask=take)
        tl.store(surface + n, level, mask=take)
        tl.store(offsets + n, tl.zeros_like(qx) + offset, mask=take)
        taken += tl.sum(take.to(tl.int32), 0)
    return taken


@triton.jit(do_not_specialize=["here", "count"])  # type: ignore[untyped-decorator]
def look_for(  # type: ignore[no-untyped-def]
    pixels, ring, ends, rings, here, ways, count, state, rule, size, grid,
    few: tl.constexpr, many: tl.constexpr, tried: tl.constexpr, turns: tl.constexpr, least: tl.constexpr,
    still: tl.constexpr, same: tl.constexpr, stands_out: tl.constexpr, loud: tl.constexpr, lanes: tl.constexpr,
):  # fmt: skip
    """A block followed to the frames of the window, one after the other, until all of its pixels are found.

    pixels: (x, y, shift, limit); ring: (x, y, shift, limit of blocks); ends: (first, ring_first, signs), as in
    :class:`stereo3d.render.gaps.Blocks`; rings: (luma, near); ``here``: this frame's slot; ways: (goals, models, rests); state:
    (where [P], at [P, 2], surface [P], offset [P], drift [B, 2]), written; rule: (unit, noise, trust, furthest, tolerance); size:
    (height, width); grid: (rows, columns) of a rest.
    """
    b = tl.program_id(0)
    height, width = size[0], size[1]
    low, high = tl.load(ends[0] + b), tl.load(ends[0] + b + 1)
    begin, end = tl.load(ends[1] + b), tl.load(ends[1] + b + 1)
    sign = tl.load(ends[2] + b).to(tl.float32)
    nearest = tl.load(ring[3] + b)
    unit, noise, tolerance = rule[0], rule[1], rule[4]
    area, quarter = height * width, ((height + 1) // 2) * ((width + 1) // 2)
    own = rings[0] + here.to(tl.int64) * area
    left = tl.where(end - begin >= least, high - low, 0)
    zero = sign * 0.0
    f0, f1, f2, f3, b0, b1, b2, b3 = zero, zero, zero, zero, zero, zero, zero, zero
    k = 0
    while (k < count) & (left > 0):
        distance = tl.load(ways[0] + 2 * k)
        slot = tl.load(ways[0] + 2 * k + 1).to(tl.int64)
        model = ways[1] + k * (6 * _TERMS)
        rest = ways[2] + k * (grid[0] * grid[1] * 2)
        there, near = rings[0] + slot * area, rings[1] + slot * quarter
        ahead = distance > 0
        d0, d1 = tl.where(ahead, f0, b0), tl.where(ahead, f1, b1)
        d2, d3 = tl.where(ahead, f2, b2), tl.where(ahead, f3, b3)
        more_x, more_y = _local(rest, grid, model + 3 * _TERMS, width, height, ring, begin, end, d0, d1, few, 16)
        d0, d1 = d0 + more_x, d1 + more_y
        valid, tx, ty, change, value, gx, gy = _template(own, unit, model, width, height, ring, begin, end, many, lanes)
        good, best = left < 0, zero + float("inf")
        dx, dy, offset, look, most = zero, zero, zero, zero, zero
        for guess in tl.static_range(2):
            at_x, at_y = (d0, d1) if guess == 0 else (d2, d3)
            other = (guess == 0) | (good == 0) | (tl.abs(d0 - at_x) + tl.abs(d1 - at_y) >= same)
            if other:  # noqa: SIM102 - a device's "and" computes both
                if _any_seen(
                    pixels, state[0], low, high, model, width, height, sign, near, at_x, at_y, tolerance * 2.0, tried
                ):
                    fits, ax, ay, level, wrong, mean, spread = _aligned(
                        valid, tx, ty, change, value, gx, gy, there, near, width, height, nearest, at_x, at_y, rule,
                        turns, least, still,
                    )  # fmt: skip
                    better = fits & (wrong < best)
                    good = good | better
                    best = tl.where(better, wrong, best)
                    dx, dy = tl.where(better, ax, dx), tl.where(better, ay, dy)
                    offset, look = tl.where(better, level, offset), tl.where(better, mean, look)
                    most = tl.where(better, stands_out * tl.sqrt(spread) + loud * noise, most)
        if good:
            left -= _accept(
                pixels, low, high, there, near, model, width, height, sign, unit, tolerance, look, most, dx, dy, offset,
                state, distance, lanes,
            )  # fmt: skip
            tl.debug_barrier()  # the next frame's first look at the pixels shares them out to other threads
        d0, d1 = tl.where(good, dx, d0), tl.where(good, dy, d1)
        d2, d3 = tl.where(good, dx, d2), tl.where(good, dy, d3)
        f0, f1 = tl.where(ahead, d0, f0), tl.where(ahead, d1, f1)
        f2, f3 = tl.where(ahead, d2, f2), tl.where(ahead, d3, f3)
        b0, b1 = tl.where(ahead, b0, d0), tl.where(ahead, b1, d1)
        b2, b3 = tl.where(ahead, b2, d2), tl.where(ahead, b3, d3)
        k += 1
    tl.store(state[4] + 2 * b, b2)
    tl.store(state[4] + 2 * b + 1, b3)


@triton.jit
def _before(last, x, y, s, wanted, model, width, height, sign, dx, dy):  # type: ignore[no-untyped-def]
    """(shift, x, y) of what the frame before was filled with where hole pixels' surface ``s`` was then; -inf where that was no hole."""
    qx, qy, change = _moved(model, width, height, x - sign * s, y, s)
    qx, qy = qx + dx + sign * (s + change), qy + dy
    i, j = whole(qx + 0.5, width), whole(qy + 0.5, height)
    inside = wanted & (i >= 0) & (i < width) & (j >= 0) & (j < height)
    return tl.load(last + j * width + i, mask=inside, other=float("-inf")) - change, qx, qy


@triton.jit  # type: ignore[untyped-decorator]
def carry(pixels, ends, drift, model, filled, state, same, size, lanes: tl.constexpr):  # type: ignore[no-untyped-def]
    """A block's pixels looked up in what the frame before was filled with; see the CPU kernel of that name.

    ends: (first, signs); drift: [B, 2]; model: to the frame before; filled: [2, H, W]; state: (where, surface, carried, carried_at [P, 2]); ``carried``
    and ``surface`` are written.
    """
    b = tl.program_id(0)
    height, width = size[0], size[1]
    low, high = tl.load(ends[0] + b), tl.load(ends[0] + b + 1)
    sign = tl.load(ends[1] + b)
    last = filled + tl.where(sign > 0, 0, 1).to(tl.int64) * height * width
    way = sign.to(tl.float32)
    dx, dy = tl.load(drift + 2 * b), tl.load(drift + 2 * b + 1)
    for start in range(low, high, lanes):
        n = start + tl.arange(0, lanes)
        wanted = n < high
        x = tl.load(pixels[0] + n, mask=wanted, other=0).to(tl.float32)
        y = tl.load(pixels[1] + n, mask=wanted, other=0).to(tl.float32)
        s = tl.load(state[1] + n, mask=wanted, other=0.0)
        found = tl.load(state[0] + n, mask=wanted, other=0) != 0
        there, qx, qy = _before(last, x, y, s, wanted, model, width, height, way, dx, dy)
        known = wanted & (there > float("-inf"))
        kind = tl.where(found | (tl.abs(there - s) > same), 2, 1)
        hides = known & (found == 0) & (there < s - same)
        behind = tl.where(hides, there, s)
        again, ax, ay = _before(last, x, y, behind, hides, model, width, height, way, dx, dy)
        hides = hides & (tl.abs(again - behind) <= same)
        tl.store(state[2] + n, tl.where(hides, 3, kind), mask=known)
        tl.store(state[1] + n, there, mask=hides)
        tl.store(state[3] + 2 * n, tl.where(hides, ax, qx), mask=known)
        tl.store(state[3] + 2 * n + 1, tl.where(hides, ay, qy), mask=known)
