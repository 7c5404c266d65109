"""The colour of a surface point (compiled): texture, sunlight with soft shadows, light from the sky, haze; and the sky.

Everything is computed as the film's central eye sees it, highlights included. A point has therefore one colour in all
views, which makes a view from elsewhere an exact truth for view synthesis.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stereo3d.demo.bodies import surface
from stereo3d.demo.jit import FloatArray, kernel
from stereo3d.demo.scene import BALL, BOX, ROD
from stereo3d.demo.textures import NOISE, SIZE

__all__ = ["World", "shade", "sky"]

_TOP_LEVEL = SIZE.bit_length() - 1
_DETAIL, _MACRO = 5.3, 0.137  # frequency of the fine and the coarse variation, relative to a surface's texture


class World(NamedTuple):
    """A scene as the kernels want it. ``light`` rows: sun direction (unit), its two across axes, sun colour, zenith,
    horizon, bounce, (haze, clouds, softness). ``grid``: low x, low y, cell size of the shadow lists."""

    kind: npt.NDArray[np.int64]
    geometry: FloatArray
    materials: FloatArray
    light: FloatArray
    textures: npt.NDArray[np.uint8]
    levels: npt.NDArray[np.int64]
    grid: FloatArray
    grid_start: npt.NDArray[np.int64]
    grid_items: npt.NDArray[np.int64]
    grid_columns: int


@kernel
def _smooth(low: float, high: float, x: float) -> float:
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@kernel
def _texel(world: World, texture: int, u: float, v: float, level: float) -> tuple[float, float, float]:
    """Trilinear look-up, gamma-encoded 0..1; ``level`` is log2 of the footprint in texels."""
    level = min(max(level, 0.0), float(_TOP_LEVEL))
    first = int(level)
    blend = level - first
    r, g, b = 0.0, 0.0, 0.0
    for k in range(2):
        weight = blend if k else 1.0 - blend
        if weight < 1e-3:
            continue
        number = min(first + k, _TOP_LEVEL)
        size = SIZE >> number
        x, y = u * size - 0.5, v * size - 0.5
        fx, fy = math.floor(x), math.floor(y)
        ax, ay = x - fx, y - fy
        x0, y0 = int(fx) & (size - 1), int(fy) & (size - 1)
        x1, y1 = (x0 + 1) & (size - 1), (y0 + 1) & (size - 1)
        base = world.levels[number]
        for row, wy in ((y0, 1.0 - ay), (y1, ay)):
            for column, wx in ((x0, 1.0 - ax), (x1, ax)):
                w = weight * wx * wy
                at = base + row * size + column
                r += w * world.textures[texture, at, 0]
                g += w * world.textures[texture, at, 1]
                b += w * world.textures[texture, at, 2]
    return r / 255.0, g / 255.0, b / 255.0


@kernel
def _cover(world: World, body: int, p: tuple[float, float, float], blur: float) -> float:
    """How much of the sun a body hides from ``p``, 0..1, with a penumbra that grows with distance."""
    g, i = world.geometry, body
    lx, ly, lz = world.light[0, 0], world.light[0, 1], world.light[0, 2]
    softness = world.light[7, 2]
    kind = world.kind[body]
    x, y, z = g[i, 0] - p[0], g[i, 1] - p[1], g[i, 2] - p[2]
    if kind == BALL:
        ax, ay, az, bx, by, bz = x * g[i, 7], y * g[i, 8], z * g[i, 9], lx * g[i, 7], ly * g[i, 8], lz * g[i, 9]
        s = (ax * bx + ay * by + az * bz) / (bx * bx + by * by + bz * bz)
        if s <= 0.0:
            return 0.0
        ax, ay, az = ax - s * bx, ay - s * by, az - s * bz
        off2, pen, least = ax * ax + ay * ay + az * az, blur + softness * s, min(g[i, 3], g[i, 4], g[i, 5])
        if off2 > (1.0 + pen / least) ** 2:
            return 0.0
        return _smooth(pen, -pen, (math.sqrt(off2) - 1.0) * least)
    if kind == ROD:
        bx, by, bz = g[i, 3] - g[i, 0], g[i, 4] - g[i, 1], g[i, 5] - g[i, 2]
        bb = bx * bx + by * by + bz * bz
        bl = bx * lx + by * ly + bz * lz
        al, ab = x * lx + y * ly + z * lz, x * bx + y * by + z * bz
        h = min(1.0, max(0.0, (al * bl - ab) / max(bb - bl * bl, 1e-9)))
        s = al + h * bl
        if s <= 0.0:
            return 0.0
        x, y, z = x + h * bx - s * lx, y + h * by - s * ly, z + h * bz - s * lz
        off2, pen = x * x + y * y + z * z, blur + softness * s
        if off2 > (g[i, 6] + pen) ** 2:
            return 0.0
        off = math.sqrt(off2)
        return float(_smooth(pen, -pen, off - g[i, 6]) * min(1.0, 2.0 * g[i, 6] / pen))
    if kind == BOX:
        enter, leave = 0.0, 1e9
        origin = (-x * g[i, 6] + z * g[i, 7], -y, -x * g[i, 7] - z * g[i, 6])
        step = (lx * g[i, 6] - lz * g[i, 7], ly, lx * g[i, 7] + lz * g[i, 6])
        for axis in range(3):
            d = step[axis] if abs(step[axis]) > 1e-9 else 1e-9
            one, two = (-g[i, 3 + axis] - origin[axis]) / d, (g[i, 3 + axis] - origin[axis]) / d
            enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
        return _smooth(0.0, 2.0 * (blur + softness * enter) + 1e-4, leave - enter)
    slope = g[i, 9] * lx + g[i, 10] * ly + g[i, 11] * lz
    s = (g[i, 9] * x + g[i, 10] * y + g[i, 11] * z) / slope if abs(slope) > 1e-6 else 0.0
    if s <= 1e-3:
        return 0.0
    x, y, z = s * lx - x, s * ly - y, s * lz - z
    a, b = x * g[i, 3] + y * g[i, 4] + z * g[i, 5], x * g[i, 6] + y * g[i, 7] + z * g[i, 8]
    across = 1.0 / math.sqrt(g[i, 6] * g[i, 6] + g[i, 7] * g[i, 7] + g[i, 8] * g[i, 8])
    pen = blur + softness * s
    return 0.9 * _smooth(-pen, pen, (1.0 - a * a - abs(b)) * across)


@kernel
def _sunlight(world: World, skip: int, p: tuple[float, float, float], blur: float) -> float:
    """Share of the sun that reaches ``p``; bodies are convex, so a body never shades itself (``skip``)."""
    rows = world.light
    a = rows[1, 0] * p[0] + rows[1, 1] * p[1] + rows[1, 2] * p[2]
    b = rows[2, 0] * p[0] + rows[2, 1] * p[1] + rows[2, 2] * p[2]
    column = math.floor((a - world.grid[0]) / world.grid[2])
    row = math.floor((b - world.grid[1]) / world.grid[2])
    light = 1.0
    if 0 <= column < world.grid_columns and 0 <= row < world.grid_columns:
        cell = row * world.grid_columns + column
        for k in range(world.grid_start[cell], world.grid_start[cell + 1]):
            body = world.grid_items[k]
            if body != skip:
                light *= 1.0 - _cover(world, body, p, blur)
                if light < 0.01:
                    return 0.0
    return light


@kernel
def sky(world: World, ray: tuple[float, float, float], pixel: float) -> tuple[float, float, float]:
    """Light from the direction ``ray``; ``pixel``: angle of a pixel. Clouds lie infinitely far away."""
    rows = world.light
    length = math.sqrt(ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2)
    x, y, z = ray[0] / length, ray[1] / length, ray[2] / length
    height = max(y, 0.0)
    blend = 1.0 - (1.0 - min(1.0, height * 1.15)) ** 3
    toward = max(0.0, x * rows[0, 0] + y * rows[0, 1] + z * rows[0, 2])
    glow = 0.25 * toward**8 + 0.5 * toward**96
    flat = 1.0 / (height + 0.12)
    step = pixel * flat * flat * 0.14 * SIZE
    thin = _texel(world, NOISE, x * flat * 0.14 + 0.2, z * flat * 0.07, math.log2(step * 0.5 + 1e-9))
    fine = _texel(world, NOISE, x * flat * 0.41, z * flat * 0.30 + 0.4, math.log2(step * 2.5 + 1e-9))
    cloud = rows[7, 1] * _smooth(0.47, 0.80, 0.8 * thin[1] + 0.3 * fine[0] + 0.05) * _smooth(0.02, 0.22, height)
    base = 1.0 - blend
    light = glow * 0.35
    r = rows[5, 0] * base + rows[4, 0] * blend + rows[3, 0] * light
    g = rows[5, 1] * base + rows[4, 1] * blend + rows[3, 1] * light
    b = rows[5, 2] * base + rows[4, 2] * blend + rows[3, 2] * light
    return (
        r + (0.55 * rows[3, 0] + 0.25 - r) * cloud,
        g + (0.55 * rows[3, 1] + 0.25 - g) * cloud,
        b + (0.55 * rows[3, 2] + 0.25 - b) * cloud,
    )


@kernel
def _albedo(
    world: World, body: int, uv: tuple[float, float], texels: float, long_axis: tuple[float, float], taps: int
) -> tuple[float, float, float]:
    """Linear reflectance. ``texels``: footprint in texels across; ``long_axis``: the footprint's long side in tiles,
    walked in ``taps`` steps (anisotropic filtering)."""
    m = world.materials
    texture = int(m[body, 0])
    shift = 0.37 * body
    level = math.log2(texels + 1e-9)
    r, g, b, fine = 0.0, 0.0, 0.0, 0.5
    for k in range(taps):
        step = (k + 0.5) / taps - 0.5
        u, v = uv[0] + shift + step * long_axis[0], uv[1] + shift + step * long_axis[1]
        one = _texel(world, texture, u, v, level)
        r, g, b = r + one[0], g + one[1], b + one[2]
    if level < 2.5:  # beyond, the fine variation has faded into its mean
        fade = min(1.0, 2.5 - level)
        u, v = uv[0] * _DETAIL + shift, uv[1] * _DETAIL + shift
        fine += fade * (_texel(world, NOISE, u, v, level + 2.4)[2] - 0.5)
    coarse = _texel(world, NOISE, uv[0] * _MACRO, uv[1] * _MACRO, level - 2.9)[1]
    factor = (0.80 + 0.40 * fine) * (0.62 + 0.76 * coarse) / taps
    r, g, b = r * factor, g * factor, b * factor
    return r * r * m[body, 2], g * g * m[body, 3], b * b * m[body, 4]


@kernel
def shade(
    world: World,
    body: int,
    face: int,
    p: tuple[float, float, float],
    eye: tuple[float, float, float],
    pixel: float,
) -> tuple[float, float, float]:
    """Linear light from point ``p`` of a body (the last number is the ground) towards the central ``eye``.

    ``pixel``: size of a pixel there, in metres.
    """
    m, rows = world.materials, world.light
    ground = body == len(world.kind)
    if ground:
        nx, ny, nz, u, v = 0.0, 1.0, 0.0, p[0] * m[body, 1], p[2] * m[body, 1]
    else:
        nx, ny, nz, u, v = surface(world.kind[body], world.geometry, body, face, p, m[body, 1])
    ex, ey, ez = eye[0] - p[0], eye[1] - p[1], eye[2] - p[2]
    distance = math.sqrt(ex * ex + ey * ey + ez * ez)
    ex, ey, ez = ex / distance, ey / distance, ez / distance
    facing = nx * ex + ny * ey + nz * ez
    if facing < 0.0:
        nx, ny, nz, facing = -nx, -ny, -nz, -facing
    stretch = min(1.0 / max(facing, 0.02), 40.0)
    taps, long_axis = 1, (0.0, 0.0)
    if ny > 0.99 and stretch > 1.5:  # floors are seen at a flat angle: filter along the line of sight
        taps = min(5, int(0.7 * stretch) + 1)
        reach = pixel * stretch * m[body, 1] / math.sqrt(ex * ex + ez * ez + 1e-9)
        cos, sin = 1.0, 0.0
        if not ground and world.kind[body] == BOX:
            cos, sin = world.geometry[body, 6], world.geometry[body, 7]
        long_axis = ((ex * cos - ez * sin) * reach, (ex * sin + ez * cos) * reach)
        stretch = max(1.0, stretch / taps)
    texels = pixel * math.sqrt(stretch if taps == 1 else stretch * stretch) * m[body, 1] * SIZE
    r, g, b = _albedo(world, body, (u, v), texels, long_axis, taps)

    lit = nx * rows[0, 0] + ny * rows[0, 1] + nz * rows[0, 2]
    through = m[body, 6] * max(0.0, -lit)
    lit = max(lit, 0.0) * (1.0 - 0.5 * m[body, 6]) + through
    if lit > 0.0:
        lift = 2e-3 + 0.5 * pixel
        lit *= _sunlight(world, body, (p[0] + nx * lift, p[1] + ny * lift, p[2] + nz * lift), 0.004 + pixel)
    up = 0.5 + 0.5 * ny
    low = 0.72 + 0.28 * min(1.0, p[1] / 0.5) if not ground else 0.95
    hx, hy, hz = ex + rows[0, 0], ey + rows[0, 1], ez + rows[0, 2]
    half = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
    shine, rim = 0.0, 0.0
    if m[body, 5] > 0.0:
        peak = max(0.0, (nx * hx + ny * hy + nz * hz) / half) ** 8
        edge = (1.0 - facing) * (1.0 - facing)
        shine, rim = m[body, 5] * peak * peak * peak * peak * peak * lit, m[body, 5] * 0.35 * edge * edge
    clear = math.exp(-rows[7, 0] * distance)
    c0 = r * (lit * rows[3, 0] + low * (up * rows[4, 0] + (1.0 - up) * rows[6, 0]) + m[body, 7])
    c1 = g * (lit * rows[3, 1] + low * (up * rows[4, 1] + (1.0 - up) * rows[6, 1]) + m[body, 7])
    c2 = b * (lit * rows[3, 2] + low * (up * rows[4, 2] + (1.0 - up) * rows[6, 2]) + m[body, 7])
    c0 += shine * rows[3, 0] + rim * rows[5, 0]
    c1 += shine * rows[3, 1] + rim * rows[5, 1]
    c2 += shine * rows[3, 2] + rim * rows[5, 2]
    return (
        c0 * clear + rows[5, 0] * (1.0 - clear),
        c1 * clear + rows[5, 1] * (1.0 - clear),
        c2 * clear + rows[5, 2] * (1.0 - clear),
    )
