"""The kernels of :mod:`stereo3d.render.uncovered`: blocks of holes looked for in one other frame, and filled from it; the GIL released.

Coordinates are pixels of the full picture; ``model`` is of :mod:`stereo3d.render.motion`. Over a block the motion is close to linear
in place and shift: its *tangent* at the block's middle stands for it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stereo3d.render.gaps_numba import MANY
from stereo3d.render.paste_numba import bilinear, put, sharp

__all__ = ["LIMITS", "carry", "look_for", "remember", "slopes"]

F, U = np.float32, np.uintp
EMPTY = F(-np.inf)
_FEW = 9  # places of the ring that tell the local motion
_LEAST = 6  # places of the ring that must be seen in both frames
_TRIED = 24
_TURNS = 2
_STILL = F(0.04)
_SAME = F(0.3)
_STANDS_OUT, _LOUD = F(6), F(3)  # so many deviations of the background and so much noise away from its mean
LIMITS = {
    "few": _FEW,
    "least": _LEAST,
    "many": MANY,
    "tried": _TRIED,
    "turns": _TURNS,
    "still": float(_STILL),
    "same": float(_SAME),
    "stands_out": float(_STANDS_OUT),
    "loud": float(_LOUD),
}
"""The same for the kernels of a device."""


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _slopes(m, a, b, d):  # type: ignore[no-untyped-def]
    """A polynomial of the model at (a, b, d): its value and its slopes."""
    along = m[6] + m[7] * a + m[8] * b
    value = m[0] + a * (m[1] + m[3] * a + m[4] * b) + b * (m[2] + m[5] * b) + d * along
    return value, m[1] + F(2) * m[3] * a + m[4] * b + m[7] * d, m[2] + m[4] * a + F(2) * m[5] * b + m[8] * d, along


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _tangent(model, size, x, y, s):  # type: ignore[no-untyped-def]
    """The model at a point (x, y) with shift s, for :func:`_moved`."""
    width, height = size
    a, b, d = (x + F(0.5)) / width - F(0.5), (y + F(0.5) - F(0.5) * height) / width, s / width
    u, v, w = _slopes(model[0], a, b, d), _slopes(model[1], a, b, d), _slopes(model[2], a, b, d)
    return (
        (x, y, s),
        (x + u[0] * width, F(1) + u[1], u[2], u[3]),
        (y + v[0] * width, v[1], F(1) + v[2], v[3]),
        (w[0] * width, w[1], w[2], w[3]),
    )


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _moved(tangent, x, y, s):  # type: ignore[no-untyped-def]
    """Where a point at (x, y) with shift s goes, and its shift's change, near the point of the tangent."""
    at, u, v, w = tangent
    x, y, s = x - at[0], y - at[1], s - at[2]
    return (
        u[0] + u[1] * x + u[2] * y + u[3] * s,
        v[0] + v[1] * x + v[2] * y + v[3] * s,
        w[0] + w[1] * x + w[2] * y + w[3] * s,
    )


@njit(cache=True, nogil=True, forceinline=True)
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
def slopes(here, x, y, unit):  # type: ignore[no-untyped-def]
    """[R, 3] of the picture ``here`` at the places (x, y) of a ring: its value and its slopes across and down, in code values of 8 bit."""
    out = np.empty((len(x), 3), np.float32)
    for i in range(len(x)):
        a, b = x[i], y[i]
        above, below = max(b - 1, 0), min(b + 1, here.shape[0] - 1)
        out[i, 0] = F(here[b, a]) * unit
        out[i, 1] = (F(here[b, a + 1]) - F(here[b, a - 1])) * F(0.5) * unit
        out[i, 2] = (F(here[below, a]) - F(here[above, a])) * F(0.5) * unit
    return out


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _local(rest, before, size, ring, start, stop, drift, scratch):  # type: ignore[no-untyped-def]
    """Median of what the model leaves of the last step's flow, at the ring as far as it has been followed (``before``: a tangent)."""
    width, height = size
    x, y, s = ring[:3]
    across, down = scratch
    count, stride = 0, max(1, -(-(stop - start) // _FEW))
    scale_x, scale_y = F(rest.shape[1]) / width, F(rest.shape[0]) / height
    for i in range(start, stop, stride):
        px, py, _ = _moved(before, F(x[i]), F(y[i]), s[i])
        px, py = (px + drift[0] + F(0.5)) * scale_x, (py + drift[1] + F(0.5)) * scale_y
        if 0 <= px < rest.shape[1] and 0 <= py < rest.shape[0]:
            across[count], down[count] = rest[int(py), int(px), 0], rest[int(py), int(px), 1]
            count += 1
    if count == 0:
        return F(0), F(0)
    return _middle(across, count) * width, _middle(down, count) * width


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _found(pixel, tangent, size, sign, near, drift, tolerance):  # type: ignore[no-untyped-def]
    """(seen there, x, y, the surface's shift as it is here) of a hole pixel (x, y, shift, limit) in the other frame: the surface found
    there must be background, and land on the pixel."""
    width, height = size
    x, y, shift, limit = pixel
    qx, qy, seen = F(0), F(0), False
    for _ in range(3):
        qx, qy, change = _moved(tangent, x - sign * shift, y, shift)
        qx, qy = qx + drift[0], qy + drift[1]
        if not (F(0.5) <= qx < width - F(1.5) and F(0.5) <= qy < height - F(1.5)):
            break
        there = near[U(qy + F(0.5)) >> U(1), U(qx + F(0.5)) >> U(1)] - change
        if there > limit:
            break
        seen, shift = abs(there - shift) <= tolerance, there
        if seen:
            break
    return seen, qx, qy, shift


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _any_seen(pixels, state, low, high, tangent, size, sign, near, drift, tolerance):  # type: ignore[no-untyped-def]
    """Whether any of some :data:`_TRIED` pixels of a block may be seen."""
    x, y, limit, _ = pixels
    found, surface = state
    seen = False
    for i in range(low, high, max(1, (high - low) // _TRIED)):
        if not found[i]:
            pixel = (F(x[i]), F(y[i]), surface[i], limit[i])
            seen = _found(pixel, tangent, size, sign, near, drift, tolerance)[0]
            if seen:
                break
    return seen


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _laid(tangent, ring, start, stop, table):  # type: ignore[no-untyped-def]
    """Rows of ``table`` for the places of the ring: where the model takes them (x, y), the change of their shift, and the picture
    here, of :func:`slopes`. Returns how many."""
    x, y, s, here = ring
    for i in range(start, stop):
        row = i - start
        table[row, 0], table[row, 1], table[row, 2] = _moved(tangent, F(x[i]), F(y[i]), s[i])
        table[row, 3], table[row, 4], table[row, 5] = here[i, 0], here[i, 1], here[i, 2]
    return stop - start


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _sums(table, count, there, near, unit, limit, dx, dy, sums):  # type: ignore[no-untyped-def]
    """Sums over the places that are seen there: 1, slopes, their products, error, error times slopes and itself, value and its
    square."""
    height, width = there.shape
    sums[:] = F(0)
    for k in range(count):
        px, py = table[k, 0] + dx, table[k, 1] + dy
        if not (F(2) <= px < F(width - 3) and F(2) <= py < F(height - 3)):
            continue
        if near[U(py + F(0.5)) >> U(1), U(px + F(0.5)) >> U(1)] - table[k, 2] > limit:
            continue
        t, gx, gy = table[k, 3], table[k, 4], table[k, 5]
        e = t - bilinear(there, px, py) * unit
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


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
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


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _accept(pixels, low, high, frames, tangent, options, best, state, views, form):  # type: ignore[no-untyped-def]
    """Fills the pixels of a block that are seen in the other frame, and do not stand out from the background beside: on a
    plain wall a dark thing is more likely what hides the wall, its depth being wrong there. Returns how many."""
    x, y, limit, lead = pixels
    sources, near = frames
    size, sign, unit, tolerance = options
    dx, dy, offset, look, most = best
    found, surface = state
    brighter, taken = offset / unit, 0
    for i in range(low, high):
        if found[i]:
            continue
        pixel = (F(x[i]), F(y[i]), surface[i], limit[i])
        seen, qx, qy, level = _found(pixel, tangent, size, sign, near, (dx, dy), tolerance)
        if not seen:
            continue
        value = sharp(sources[0], qx, qy)
        if abs(value * unit + offset - look) <= most:
            put(views, sources, (x[i], y[i], lead[i]), (qx, qy), value, (F(1), brighter), form)
            found[i], surface[i] = True, level
            taken += 1
    return taken


@njit(cache=True, nogil=True, error_model="numpy")
def look_for(pixels, ring, blocks, frames, moves, rule, state, views, form, start, stop):  # type: ignore[no-untyped-def]
    """Blocks start..stop-1 looked for in another frame.

    pixels: (x, y, limit, leads); ring: (x, y, shift, :func:`slopes`); blocks: (first, ring_first, ring_limit, signs); frames: (planes
    there, near there); moves: (model to there, model to the frame before it, rest of the last step); rule: see
    :mod:`stereo3d.render.uncovered`; views: the planes of the left and the right view; form: of :func:`put`. state: (drift [B, 4],
    left [B], found [P], surface [P]), written: pixels that are found are filled, with ``surface``, their shift here.
    """
    first, ring_first, ring_limit, signs = blocks
    sources, near = frames
    model, before, rest = moves
    unit, noise, trust, furthest, tolerance = rule
    drift, left = state[:2]
    there = sources[0]
    size = (F(there.shape[1]), F(there.shape[0]))
    table, sums = np.empty((MANY, 6), np.float32), np.empty(12, np.float32)
    scratch = (np.empty(_FEW, np.float32), np.empty(_FEW, np.float32))
    align = (unit, noise, trust, furthest)
    for b in range(start, stop):
        low, high, ring_low, ring_high = first[b], first[b + 1], ring_first[b], ring_first[b + 1]
        if left[b] == 0 or ring_high - ring_low < _LEAST:
            continue
        middle, sign = (ring_low + ring_high) // 2, F(signs[b])
        at = (F(ring[0][middle]), F(ring[1][middle]), ring[2][middle])
        more = _local(rest, _tangent(before, size, *at), size, ring, ring_low, ring_high, drift[b], scratch)
        drift[b, 0] += more[0]
        drift[b, 1] += more[1]
        tangent = _tangent(model, size, *at)
        wrong, good, count, best = F(np.inf), False, 0, (F(0), F(0), F(0), F(0), F(0))
        for guess in range(2):
            begin = (drift[b, 2 * guess], drift[b, 2 * guess + 1])
            if guess == 1 and abs(drift[b, 0] - begin[0]) + abs(drift[b, 1] - begin[1]) < _SAME and good:
                break
            if not _any_seen(pixels, state[2:], low, high, tangent, size, sign, near, begin, tolerance * F(2)):
                continue
            if count == 0:
                count = _laid(tangent, ring, ring_low, ring_high, table)
            fits, dx, dy, offset, error = _aligned(table, count, there, near, ring_limit[b], begin, align, sums)
            if fits and error < wrong:
                look = sums[10] / sums[0]
                spread = max(sums[11] / sums[0] - look * look, F(0))
                wrong, good = error, True
                best = (dx, dy, offset, look, _STANDS_OUT * np.sqrt(spread) + _LOUD * noise)
        if not good:
            continue
        drift[b, 0], drift[b, 1], drift[b, 2], drift[b, 3] = best[0], best[1], best[0], best[1]
        options, view = (size, sign, unit, tolerance), views[0 if sign > 0 else 1]
        left[b] -= _accept(pixels, low, high, frames, tangent, options, best, state[2:], view, form)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _before(filled, eye, x, y, shift, tangent, sign, drift):  # type: ignore[no-untyped-def]
    """(shift, x, y) of what the frame before was filled with where a hole pixel's surface ``shift`` was then, as it is here; -inf where
    that was no hole."""
    height, width = filled.shape[1:]
    qx, qy, change = _moved(tangent, x - sign * shift, y, shift)
    qx, qy, there = qx + drift[0] + sign * (shift + change), qy + drift[1], EMPTY
    if F(-0.5) <= qx < F(width) - F(0.5) and F(-0.5) <= qy < F(height) - F(0.5):
        there = filled[eye, U(qy + F(0.5)), U(qx + F(0.5))] - change
    return there, qx, qy


@njit(cache=True, nogil=True, error_model="numpy")
def carry(pixels, blocks, model, memory, rule, state, views, form, start, stop):  # type: ignore[no-untyped-def]
    """Hole pixels of blocks start..stop-1 steadied by what the frame before was filled with.

    pixels: (x, y, leads); blocks: (first, signs); model: to the frame before; memory: (drift [B, 4], the views then, and the shift of
    what each of them was filled with [2, H, W], -inf elsewhere); rule: (shifts that are closer together are one surface; the share of
    the last fill where no frame shows the background; that for pixels that were found elsewhere or were filled from something
    nearer). What lay behind a pixel's fill lies there still: the last fill stays where it is farther than this one. state:
    (found [P], surface [P]).
    """
    x, y, lead = pixels
    first, signs = blocks
    drift, last, filled = memory
    same, carried, renewed = rule
    found, surface = state
    size = (F(filled.shape[2]), F(filled.shape[1]))
    for b in range(start, stop):
        eye, sign, middle = 0 if signs[b] > 0 else 1, F(signs[b]), (first[b] + first[b + 1]) // 2
        way, target, source = (drift[b, 2], drift[b, 3]), views[eye], last[eye]
        shift = surface[middle]
        tangent = _tangent(model, size, F(x[middle]) - sign * shift, F(y[middle]), shift)
        for i in range(first[b], first[b + 1]):
            px, py, shift = F(x[i]), F(y[i]), surface[i]
            there, qx, qy = _before(filled, eye, px, py, shift, tangent, sign, way)
            if there == EMPTY:
                continue
            share = renewed if found[i] or abs(there - shift) > same else carried
            if not found[i] and there < shift - same:
                again, ax, ay = _before(filled, eye, px, py, there, tangent, sign, way)
                if abs(again - there) <= same:
                    share, surface[i], qx, qy = F(1), there, ax, ay
            value = sharp(source[0], qx, qy)
            put(target, source, (x[i], y[i], lead[i]), (qx, qy), value, (share, F(0)), form)


@njit(cache=True, nogil=True)
def remember(filled, before, now, surface):  # type: ignore[no-untyped-def]
    """The shift of what each view is filled with, kept in ``filled`` for :func:`carry`. before, now: the hole pixels (x, y, how many of them are the left
    view's) of the last frame, forgotten, and of this one."""
    x, y, middle = before
    for i in range(len(x)):
        filled[0 if i < middle else 1, y[i], x[i]] = EMPTY
    x, y, middle = now
    for i in range(len(x)):
        filled[0 if i < middle else 1, y[i], x[i]] = surface[i]
