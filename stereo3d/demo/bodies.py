"""Where a ray meets a body, and what lies there (compiled). Rays advance one metre along the view axis per unit of t."""

from __future__ import annotations

import math

import numpy as np

from stereo3d.demo.jit import FloatArray, kernel
from stereo3d.demo.scene import BALL, BOX, ROD

__all__ = ["FAR", "hit", "surface"]

FAR = 1.0e9  # "no hit"; finite, because the kernels are compiled for finite numbers
_NEAR = 0.05


@kernel
def _ball(g: FloatArray, i: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    ax, ay, az = (ox - g[i, 0]) * g[i, 7], (oy - g[i, 1]) * g[i, 8], (oz - g[i, 2]) * g[i, 9]
    bx, by, bz = dx * g[i, 7], dy * g[i, 8], dz * g[i, 9]
    a = bx * bx + by * by + bz * bz
    b = ax * bx + ay * by + az * bz
    h = b * b - a * (ax * ax + ay * ay + az * az - 1.0)
    return (-b - math.sqrt(h)) / a if h > 0.0 else FAR


@kernel
def _rod(g: FloatArray, i: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    bx, by, bz = g[i, 3] - g[i, 0], g[i, 4] - g[i, 1], g[i, 5] - g[i, 2]
    px, py, pz = ox - g[i, 0], oy - g[i, 1], oz - g[i, 2]
    bb = bx * bx + by * by + bz * bz
    bd = bx * dx + by * dy + bz * dz
    bp = bx * px + by * py + bz * pz
    dd = dx * dx + dy * dy + dz * dz
    dp = dx * px + dy * py + dz * pz
    pp = px * px + py * py + pz * pz
    radius2 = g[i, 6] * g[i, 6]
    a = bb * dd - bd * bd
    b = bb * dp - bp * bd
    h = b * b - a * (bb * pp - bp * bp - radius2 * bb)
    if h < 0.0:
        return FAR
    along = bp
    if a > 1e-9:
        t = (-b - math.sqrt(h)) / a
        along = bp + t * bd
        if 0.0 < along < bb:
            return float(t)
    if along > 0.0:  # the second end
        dp -= bd
        pp += bb - 2.0 * bp
    h = dp * dp - dd * (pp - radius2)
    return (-dp - math.sqrt(h)) / dd if h > 0.0 else FAR


@kernel
def _box(g: FloatArray, i: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, int]:
    """Distance and face (0..5: low x, high x, low y, ...)."""
    wx, wz = ox - g[i, 0], oz - g[i, 2]
    origin = (wx * g[i, 6] - wz * g[i, 7], oy - g[i, 1], wx * g[i, 7] + wz * g[i, 6])
    step = (dx * g[i, 6] - dz * g[i, 7], dy, dx * g[i, 7] + dz * g[i, 6])
    enter, leave, face = -FAR, FAR, 0
    for axis in range(3):
        d = step[axis]
        inverse = 1.0 / d if abs(d) > 1e-12 else 1e12
        one, two = (-g[i, 3 + axis] - origin[axis]) * inverse, (g[i, 3 + axis] - origin[axis]) * inverse
        if min(one, two) > enter:
            enter = min(one, two)
            face = 2 * axis + (1 if two < one else 0)
        leave = min(leave, max(one, two))
    return (enter, face) if enter < leave else (FAR, 0)


@kernel
def _leaf(g: FloatArray, i: int, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    slope = g[i, 9] * dx + g[i, 10] * dy + g[i, 11] * dz
    if abs(slope) < 1e-9:
        return FAR
    t = (g[i, 9] * (g[i, 0] - ox) + g[i, 10] * (g[i, 1] - oy) + g[i, 11] * (g[i, 2] - oz)) / slope
    x, y, z = ox + t * dx - g[i, 0], oy + t * dy - g[i, 1], oz + t * dz - g[i, 2]
    a = x * g[i, 3] + y * g[i, 4] + z * g[i, 5]
    b = x * g[i, 6] + y * g[i, 7] + z * g[i, 8]
    return t if abs(b) < 1.0 - a * a else FAR


@kernel
def hit(
    kind: int, g: FloatArray, i: int, origin: tuple[float, float, float], ray: tuple[float, float, float]
) -> tuple[float, int]:
    """Distance along the ray to a body with row ``i`` of the geometry (FAR: none), and the face of a box."""
    ox, oy, oz = origin
    dx, dy, dz = ray
    face = 0
    if kind == BALL:
        t = _ball(g, i, ox, oy, oz, dx, dy, dz)
    elif kind == ROD:
        t = _rod(g, i, ox, oy, oz, dx, dy, dz)
    elif kind == BOX:
        t, face = _box(g, i, ox, oy, oz, dx, dy, dz)
    else:
        t = _leaf(g, i, ox, oy, oz, dx, dy, dz)
    return (t, face) if t > _NEAR else (FAR, 0)


@kernel
def surface(
    kind: int, g: FloatArray, i: int, face: int, p: tuple[float, float, float], scale: float
) -> tuple[float, float, float, float, float]:
    """Outward normal (leaves: either side) and texture coordinates in tiles, at point ``p`` of a body."""
    x, y, z = p[0] - g[i, 0], p[1] - g[i, 1], p[2] - g[i, 2]
    if kind == BALL:
        ux, uy, uz = x / g[i, 3], y / g[i, 4], z / g[i, 5]
        nx, ny, nz = ux / g[i, 3], uy / g[i, 4], uz / g[i, 5]
        length = math.sqrt(nx * nx + ny * ny + nz * nz)
        turns = max(1.0, np.rint(2.0 * math.pi * g[i, 3] * scale))
        lat = math.asin(min(1.0, max(-1.0, uy))) / math.pi
        u = (math.atan2(uz, ux) / (2.0 * math.pi) + g[i, 6]) * turns
        return nx / length, ny / length, nz / length, u, lat * turns * 0.5
    if kind == ROD:
        bx, by, bz = g[i, 3] - g[i, 0], g[i, 4] - g[i, 1], g[i, 5] - g[i, 2]
        length = math.sqrt(bx * bx + by * by + bz * bz)
        bx, by, bz = bx / length, by / length, bz / length
        along = min(length, max(0.0, x * bx + y * by + z * bz))
        nx, ny, nz = (x - along * bx) / g[i, 6], (y - along * by) / g[i, 6], (z - along * bz) / g[i, 6]
        upright = abs(by) > 0.5
        angle = math.atan2(nz, nx) if upright else math.atan2(ny, nx if abs(bz) > abs(bx) else nz)
        turns = max(1.0, np.rint(2.0 * math.pi * g[i, 6] * scale))
        return nx, ny, nz, angle / (2.0 * math.pi) * turns, along * scale
    if kind == BOX:
        lx, lz = x * g[i, 6] - z * g[i, 7], x * g[i, 7] + z * g[i, 6]
        sign = 1.0 if face % 2 else -1.0
        if face < 2:
            return sign * g[i, 6], 0.0, -sign * g[i, 7], lz * scale, y * scale
        if face < 4:
            return 0.0, sign, 0.0, lx * scale, lz * scale
        return sign * g[i, 7], 0.0, sign * g[i, 6], lx * scale, y * scale
    a = x * g[i, 3] + y * g[i, 4] + z * g[i, 5]
    b = x * g[i, 6] + y * g[i, 7] + z * g[i, 8]
    return g[i, 9], g[i, 10], g[i, 11], a * 0.07, b * 0.05
