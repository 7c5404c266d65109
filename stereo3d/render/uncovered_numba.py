"""The kernels of :mod:`stereo3d.render.uncovered`: blocks of holes looked for in one other frame; the GIL released.

Coordinates are pixels of the full picture; ``model`` is of :mod:`stereo3d.render.motion`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["BEHIND", "CARRIED", "LIMITS", "RENEWED", "carry", "cells", "look_for", "paste"]

F, U = np.float32, np.uintp
EMPTY = F(-np.inf)
CARRIED, RENEWED, BEHIND = 1, 2, 3  # of :func:`carry`
_FEW = 9  # places of the ring that tell the local motion
_LEAST = 6  # places of the ring that must be seen in both frames
_MANY = 80  # and that are compared at most
_TRIED = 24
_TURNS = 3
_STILL = F(0.04)
_SAME = F(0.3)
_STANDS_OUT, _LOUD = F(6), F(3)  # so many deviations of the background and so much noise away from its mean
LIMITS = {
    "few": _FEW,
    "least": _LEAST,
    "many": _MANY,
    "tried": _TRIED,
    "turns": _TURNS,
    "still": float(_STILL),
    "same": float(_SAME),
    "stands_out": float(_STANDS_OUT),
    "loud": float(_LOUD),
}
"""The same for the kernels of a device."""


@njit(cache=True, nogil=True, error_model="numpy")
def moved(model, width, height, x, y, s):  # type: ignore[no-untyped-def]
    """Where a point at (x, y) with shift s goes, and its shift's change, by the model; all in pixels."""
    a, b, d = (x + F(0.5)) / width - F(0.5), (y + F(0.5) - F(0.5) * height) / width, s / width
    u = model[0, 0] + a * (model[0, 1] + model[0, 3] * a + model[0, 4] * b) + b * (model[0, 2] + model[0, 5] * b)
    v = model[1, 0] + a * (model[1, 1] + model[1, 3] * a + model[1, 4] * b) + b * (model[1, 2] + model[1, 5] * b)
    w = model[2, 0] + a * (model[2, 1] + model[2, 3] * a + model[2, 4] * b) + b * (model[2, 2] + model[2, 5] * b)
    u += d * (model[0, 6] + model[0, 7] * a + model[0, 8] * b)
    v += d * (model[1, 6] + model[1, 7] * a + model[1, 8] * b)
    w += d * (model[2, 6] + model[2, 7] * a + model[2, 8] * b)
    return x + u * width, y + v * width, w * width


@njit(cache=True, nogil=True, error_model="numpy")
def _bilinear(image, x, y):  # type: ignore[no-untyped-def]
    height, width = image.shape
    x, y = min(max(x, F(0)), F(width - 1)), min(max(y, F(0)), F(height - 1))
    i, j = min(int(x), width - 2), min(int(y), height - 2)
    a, b = x - F(i), y - F(j)
    top = F(image[j, i]) * (F(1) - a) + F(image[j, i + 1]) * a
    low = F(image[j + 1, i]) * (F(1) - a) + F(image[j + 1, i + 1]) * a
    return top * (F(1) - b) + low * b


@njit(cache=True, nogil=True, error_model="numpy")
def _cubic(t):  # type: ignore[no-untyped-def]
    """Catmull-Rom weights."""
    return (
        F(0.5) * t * (t * (F(2) - t) - F(1)),
        F(0.5) * (t * t * (F(3) * t - F(5)) + F(2)),
        F(0.5) * t * (t * (F(4) - F(3) * t) + F(1)),
        F(0.5) * t * t * (t - F(1)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def sharp(image, x, y):  # type: ignore[no-untyped-def]
    """Cubic sample, within the values of the four pixels around; bilinear at the picture's borders."""
    height, width = image.shape
    i, j = int(np.floor(x)), int(np.floor(y))
    if not (1 <= i < width - 2 and 1 <= j < height - 2):
        return _bilinear(image, x, y)
    across, down = _cubic(x - F(i)), _cubic(y - F(j))
    total = F(0)
    for n in range(4):
        row = image[U(j + n - 1)]
        line = across[0] * F(row[U(i - 1)]) + across[1] * F(row[U(i)])
        total += down[n] * (line + across[2] * F(row[U(i + 1)]) + across[3] * F(row[U(i + 2)]))
    p, q = F(image[U(j), U(i)]), F(image[U(j), U(i + 1)])
    r, s = F(image[U(j + 1), U(i)]), F(image[U(j + 1), U(i + 1)])
    return min(max(total, min(min(p, q), min(r, s))), max(max(p, q), max(r, s)))


@njit(cache=True, nogil=True)
def _middle(values, count):  # type: ignore[no-untyped-def]
    """The upper median of the first ``count`` values, which are put in order."""
    for i in range(1, count):
        value, j = values[i], i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    return values[count // 2]


@njit(cache=True, nogil=True, error_model="numpy")
def _local(rest, model, size, ring, start, stop, drift, scratch):  # type: ignore[no-untyped-def]
    """Median of what the model leaves of the last step's flow, at the ring as far as it has been followed."""
    width, height = size
    x, y, s, _ = ring
    across, down = scratch
    count, stride = 0, max(1, -(-(stop - start) // _FEW))
    scale_x, scale_y = F(rest.shape[1]) / width, F(rest.shape[0]) / height
    for i in range(start, stop, stride):
        px, py, _ = moved(model, width, height, F(x[i]), F(y[i]), s[i])
        px, py = (px + drift[0] + F(0.5)) * scale_x, (py + drift[1] + F(0.5)) * scale_y
        if 0 <= px < rest.shape[1] and 0 <= py < rest.shape[0]:
            across[count], down[count] = rest[int(py), int(px), 0], rest[int(py), int(px), 1]
            count += 1
    if count == 0:
        return F(0), F(0)
    return _middle(across, count) * width, _middle(down, count) * width


@njit(cache=True, nogil=True, error_model="numpy")
def _found(pixel, model, size, sign, near, drift, tolerance):  # type: ignore[no-untyped-def]
    """(seen there, x, y, the surface's shift as it is here) of a hole pixel (x, y, shift, limit) in the other frame: the surface found
    there must be background, and land on the pixel."""
    width, height = size
    x, y, shift, limit = pixel
    qx, qy = F(0), F(0)
    for _ in range(3):
        qx, qy, change = moved(model, width, height, x - sign * shift, y, shift)
        qx, qy = qx + drift[0], qy + drift[1]
        i, j = int(np.floor(qx + F(0.5))), int(np.floor(qy + F(0.5)))
        if not (1 <= i < width - 1 and 1 <= j < height - 1):
            return False, qx, qy, shift
        there = near[j >> 1, i >> 1] - change
        if there > limit:
            return False, qx, qy, shift
        if abs(there - shift) <= tolerance:
            return True, qx, qy, there
        shift = there
    return False, qx, qy, shift


@njit(cache=True, nogil=True, error_model="numpy")
def _any_seen(pixels, where, low, high, model, size, sign, near, drift, tolerance):  # type: ignore[no-untyped-def]
    """Whether any of some :data:`_TRIED` pixels of a block may be seen."""
    x, y, shift, limit = pixels
    for i in range(low, high, max(1, (high - low) // _TRIED)):
        if where[i] == 0:
            pixel = (F(x[i]), F(y[i]), shift[i], limit[i])
            if _found(pixel, model, size, sign, near, drift, tolerance)[0]:
                return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _template(here, unit, model, size, ring, start, stop, table):  # type: ignore[no-untyped-def]
    """Rows of ``table`` for at most :data:`_MANY` places of the ring: where the model takes them (x, y), the change of their
    shift, and the picture there: its value and its slopes across and down. Returns how many."""
    width, height = size
    x, y, s, _ = ring
    stride = max(1, -(-(stop - start) // _MANY))
    count = 0
    for i in range(start, stop, stride):
        a, b = x[i], y[i]
        above, below = max(b - 1, 0), min(b + 1, here.shape[0] - 1)
        row = table[count]
        row[0], row[1], row[2] = moved(model, width, height, F(a), F(b), s[i])
        row[3] = F(here[b, a]) * unit
        row[4] = (F(here[b, a + 1]) - F(here[b, a - 1])) * F(0.5) * unit
        row[5] = (F(here[below, a]) - F(here[above, a])) * F(0.5) * unit
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _sums(table, count, there, near, unit, limit, dx, dy, sums):  # type: ignore[no-untyped-def]
    """Sums over the places that are seen there: 1, slopes, their products, error, error times slopes and itself, value and its
    square."""
    height, width = there.shape
    sums[:] = F(0)
    for k in range(count):
        px, py = table[k, 0] + dx, table[k, 1] + dy
        if not (F(2) <= px < F(width - 3) and F(2) <= py < F(height - 3)):
            continue
        if near[int(py + F(0.5)) >> 1, int(px + F(0.5)) >> 1] - table[k, 2] > limit:
            continue
        t, gx, gy = table[k, 3], table[k, 4], table[k, 5]
        e = t - _bilinear(there, px, py) * unit
        sums[0] += F(1)
        sums[1] += gx
        sums[2] += gy
        sums[3] += gx * gx
        sums[4] += gx * gy
        sums[5] += gy * gy
        sums[6] += e
        sums[7] += gx * e
        sums[8] += gy * e
        sums[9] += e * e
        sums[10] += t
        sums[11] += t * t


@njit(cache=True, nogil=True, error_model="numpy")
def _aligned(table, count, there, near, limit, drift, rule, sums):  # type: ignore[no-untyped-def]
    """(good, dx, dy, offset, squared error): the translation (Lucas-Kanade) that lays the ring over the other frame, after
    ``drift``."""
    unit, noise, trust, furthest = rule
    dx, dy = drift[0], drift[1]
    for turn in range(_TURNS + 1):
        _sums(table, count, there, near, unit, limit, dx, dy, sums)
        n = sums[0]
        if n < _LEAST:
            return False, drift[0], drift[1], F(0), F(0)
        offset = sums[6] / n
        wrong = max(sums[9] / n - offset * offset, F(0))
        if turn == _TURNS:
            break
        damp = n * noise * noise  # one pixel away from the prediction counts as much as this error at every place
        xx, yy = sums[3] - sums[1] * sums[1] / n + damp, sums[5] - sums[2] * sums[2] / n + damp
        xy = sums[4] - sums[1] * sums[2] / n
        ex = sums[7] - sums[1] * offset - damp * (dx - drift[0])
        ey = sums[8] - sums[2] * offset - damp * (dy - drift[1])
        determinant = xx * yy - xy * xy
        step_x, step_y = (yy * ex - xy * ey) / determinant, (xx * ey - xy * ex) / determinant
        dx, dy = dx + step_x, dy + step_y
        if abs(step_x) + abs(step_y) < _STILL:
            break
    near_by = abs(dx - drift[0]) <= furthest and abs(dy - drift[1]) <= furthest
    spread = max(sums[11] / n - (sums[10] / n) * (sums[10] / n), F(0))
    return near_by and wrong <= max(noise * noise, trust * trust * spread), dx, dy, offset, wrong


@njit(cache=True, nogil=True, error_model="numpy")
def _accept(pixels, low, high, there, near, model, options, drift, offset, state):  # type: ignore[no-untyped-def]
    """Takes the pixels of a block that are seen in the other frame, and do not stand out from the background beside: on a
    plain wall a dark thing is more likely what hides the wall, its depth being wrong there. Returns how many."""
    x, y, shift, limit = pixels
    size, sign, unit, tolerance, look, most = options
    where, at, surface, offsets, number = state
    taken = 0
    for i in range(low, high):
        if where[i] != 0:
            continue
        pixel = (F(x[i]), F(y[i]), shift[i], limit[i])
        seen, qx, qy, level = _found(pixel, model, size, sign, near, drift, tolerance)
        if seen and abs(_bilinear(there, qx, qy) * unit + offset - look) <= most:
            where[i], at[i, 0], at[i, 1], surface[i], offsets[i] = number, qx, qy, level, offset
            taken += 1
    return taken


@njit(cache=True, nogil=True, error_model="numpy")
def look_for(pixels, ring, blocks, frames, motion, rule, state, start, stop):  # type: ignore[no-untyped-def]
    """Blocks start..stop-1 looked for in another frame.

    pixels: (x, y, shift, limit); ring: (x, y, shift, limit of blocks); blocks: (first, ring_first, signs); frames: (luma here,
    luma there, near there); motion: (model to there, model to the frame before it, rest of the last step); rule: see
    :mod:`stereo3d.render.uncovered`. state: (drift [B, 4], left [B], where [P], at [P, 2], surface [P], offset [P], number), written:
    ``where`` becomes ``number`` for the pixels that are found.
    """
    first, ring_first, signs = blocks
    here, there, near = frames
    model, before, rest = motion
    unit, noise, trust, furthest, tolerance = rule
    drift, left, where = state[:3]
    height, width = here.shape
    size = (F(width), F(height))
    table, sums = np.empty((_MANY, 6), np.float32), np.empty(12, np.float32)
    scratch = (np.empty(_FEW, np.float32), np.empty(_FEW, np.float32))
    align = (unit, noise, trust, furthest)
    for b in range(start, stop):
        low, high, ring_low, ring_high = first[b], first[b + 1], ring_first[b], ring_first[b + 1]
        if left[b] == 0 or ring_high - ring_low < _LEAST:
            continue
        more = _local(rest, before, size, ring, ring_low, ring_high, drift[b], scratch)
        drift[b, 0] += more[0]
        drift[b, 1] += more[1]
        best, good, dx, dy, offset, count = F(np.inf), False, F(0), F(0), F(0), 0
        look, most = F(0), F(0)
        for guess in range(2):
            begin = drift[b, 2 * guess : 2 * guess + 2]
            if guess == 1 and abs(drift[b, 0] - begin[0]) + abs(drift[b, 1] - begin[1]) < _SAME and good:
                break
            if not _any_seen(pixels, where, low, high, model, size, signs[b], near, begin, tolerance * F(2)):
                continue
            if count == 0:
                count = _template(here, unit, model, size, ring, ring_low, ring_high, table)
            fits, ax, ay, level, wrong = _aligned(table, count, there, near, ring[3][b], begin, align, sums)
            if fits and wrong < best:
                best, good, dx, dy, offset = wrong, True, ax, ay, level
                look = sums[10] / sums[0]
                spread = max(sums[11] / sums[0] - look * look, F(0))
                most = _STANDS_OUT * np.sqrt(spread) + _LOUD * noise
        if not good:
            continue
        drift[b, 0], drift[b, 1], drift[b, 2], drift[b, 3] = dx, dy, dx, dy
        options = (size, signs[b], unit, tolerance, look, most)
        left[b] -= _accept(pixels, low, high, there, near, model, options, (dx, dy), offset, state[2:])


@njit(cache=True, nogil=True, error_model="numpy")
def _before(filled, x, y, shift, model, sign, drift):  # type: ignore[no-untyped-def]
    """(shift, x, y) of what the frame before was filled with where a hole pixel's surface ``shift`` was then, as it is here; -inf where
    that was no hole."""
    height, width = filled.shape
    qx, qy, change = moved(model, F(width), F(height), x - sign * shift, y, shift)
    qx, qy = qx + drift[0] + sign * (shift + change), qy + drift[1]
    column, row = int(np.floor(qx + F(0.5))), int(np.floor(qy + F(0.5)))
    if not (0 <= column < width and 0 <= row < height):
        return EMPTY, qx, qy
    return filled[row, column] - change, qx, qy


@njit(cache=True, nogil=True, error_model="numpy")
def carry(pixels, blocks, motion, drift, filled, same, state, start, stop):  # type: ignore[no-untyped-def]
    """Hole pixels of blocks start..stop-1 looked up in what the frame before was filled with.

    motion: model to the frame before; drift [B, 4]; filled: the shift of what each view was filled with then [2, H, W], -inf
    elsewhere; same: shifts that are closer together are one surface. state: (where [P], surface [P], carried [P], at [P, 2]).
    ``carried`` becomes :data:`CARRIED`, :data:`RENEWED` for the pixels that were found elsewhere or were filled from something
    nearer, :data:`BEHIND` for those whose fill is of something nearer now: what lay behind it then lies there still.
    """
    x, y = pixels[:2]
    first, signs = blocks
    where, surface, carried, at = state
    for b in range(start, stop):
        last, way = filled[0 if signs[b] > 0 else 1], drift[b, 2:]
        for i in range(first[b], first[b + 1]):
            px, py, shift = F(x[i]), F(y[i]), surface[i]
            there, qx, qy = _before(last, px, py, shift, motion, signs[b], way)
            if there == EMPTY:
                continue
            kind = RENEWED if where[i] != 0 or abs(there - shift) > same else CARRIED
            if where[i] == 0 and there < shift - same:
                again, ax, ay = _before(last, px, py, there, motion, signs[b], way)
                if abs(again - there) <= same:
                    kind, surface[i], qx, qy = BEHIND, there, ax, ay
            carried[i], at[i, 0], at[i, 1] = kind, qx, qy


@njit(cache=True, nogil=True)
def cells(x, y, where, across, down, width, height):  # type: ignore[no-untyped-def]
    """For a plane of width x height samples, each of 2**across x 2**down pixels: int32 [M, 3], the samples at least half of
    whose pixels are found, as column, row, and the first of these pixels."""
    count = np.zeros((height, width), np.uint8)
    who = np.empty((height, width), np.int32)
    for i in range(len(x)):
        if where[i] != 0:
            j, k = y[i] >> down, x[i] >> across
            if count[j, k] == 0:
                who[j, k] = i
            count[j, k] += 1
    enough = max(1, (1 << (across + down)) // 2)
    out, total = np.empty((len(x), 3), np.int32), 0
    for i in range(len(x)):
        if where[i] != 0:
            j, k = y[i] >> down, x[i] >> across
            if who[j, k] == i and count[j, k] >= enough:
                out[total, 0], out[total, 1], out[total, 2] = k, j, i
                total += 1
    return out[:total]


@njit(cache=True, nogil=True)
def paste(target, source, spots, found, scales, values, number):  # type: ignore[no-untyped-def]
    """Samples of ``source`` put into ``target`` where the pixels were found in frame ``number``.

    spots: of :func:`cells`; found: (x, y, where, at, offset); scales: (across, down) as powers of two; values: (the share of
    what was found, what makes it round, the highest code value).
    """
    x, y, where, at, offset = found
    mix, rounding, peak = values
    wide, high = F(1 << scales[0]), F(1 << scales[1])
    for n in range(len(spots)):
        column, row, i = spots[n]
        if where[i] != number:
            continue
        px, py = F(column) + (at[i, 0] - F(x[i])) / wide, F(row) + (at[i, 1] - F(y[i])) / high
        value = sharp(source, px, py) + offset[i]
        value = F(target[row, column]) + mix * (value - F(target[row, column]))
        target[row, column] = min(max(value + rounding, F(0)), peak)
