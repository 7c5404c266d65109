"""Shot 1: a sunny courtyard with a tree, a trellis, a string of lanterns and a bouncing ball."""

from __future__ import annotations

import math

import numpy as np

from stereo3d.demo import textures as tx
from stereo3d.demo.scene import Camera, Light, Material, Scene, SceneBuilder, Vec

__all__ = ["camera", "scene"]

_BRICK = Material(tx.BRICK, 0.62, (0.80, 0.70, 0.66))
_STONE = Material(tx.MARBLE, 0.6, (0.95, 0.88, 0.76))
_PLASTER = Material(tx.PLASTER, 0.30, (0.98, 0.84, 0.62))
_BARK = Material(tx.BARK, 0.9, (0.75, 0.62, 0.50))
_PAINT = Material(tx.WOOD, 0.7, (0.30, 0.62, 0.66))
_WOOD = Material(tx.WOOD, 0.9, (0.95, 0.80, 0.62))
_CLAY = Material(tx.PLASTER, 1.5, (0.78, 0.36, 0.22))
_IRON = Material(tx.PLAIN, 1.0, (0.16, 0.16, 0.18))
_GREENS = [
    Material(tx.GRASS, 1.0, colour, sheer=0.55)
    for colour in ((0.42, 0.80, 0.20), (0.30, 0.66, 0.18), (0.58, 0.86, 0.22))
]
_LIGHT = Light(
    sun=(-0.62, 0.85, -0.50),
    sun_colour=(2.55, 2.25, 1.80),
    zenith=(0.26, 0.46, 0.86),
    horizon=(0.74, 0.82, 0.92),
    bounce=(0.30, 0.24, 0.18),
    haze=0.004,
    clouds=0.75,
    softness=0.022,
)


def _foliage(b: SceneBuilder, seed: int, centre: Vec, radii: Vec, count: int, size: float, wind: float) -> None:
    rng = np.random.default_rng(seed)
    for number in range(count):
        where = rng.standard_normal(3)
        where *= rng.uniform(0.55, 1.0) / np.linalg.norm(where)
        middle = np.asarray(centre) + where * np.asarray(radii)
        along, across = rng.standard_normal(3), rng.standard_normal(3)
        along[1] -= 0.4
        along *= size * rng.uniform(0.8, 1.3) / np.linalg.norm(along)
        across -= along * (across @ along) / (along @ along)
        across *= 0.45 * size / np.linalg.norm(across)
        sway = 0.02 * math.sin(1.7 * wind + 5 * middle[0]) + 0.012 * math.sin(4.1 * wind + number)
        b.leaf((middle[0] + sway, middle[1] + 0.5 * sway, middle[2]), tuple(along), tuple(across), _GREENS[number % 3])


def _walls(b: SceneBuilder) -> None:
    b.box((0.0, 1.6, 11.3), (9.0, 1.6, 0.3), _BRICK)
    b.box((0.0, 3.28, 11.3), (9.1, 0.09, 0.42), _STONE)
    b.box((-5.6, 2.0, 4.0), (0.3, 2.0, 7.2), _PLASTER)
    b.box((-5.6, 4.08, 4.0), (0.42, 0.08, 7.3), _CLAY)
    b.box((6.9, 1.2, 5.0), (0.3, 1.2, 6.2), _BRICK)
    b.box((6.9, 2.47, 5.0), (0.4, 0.07, 6.3), _STONE)
    b.box((2.6, 1.15, 10.98), (0.62, 1.15, 0.06), _PAINT)
    for side in (-0.72, 0.72):
        b.box((2.6 + side, 1.2, 10.95), (0.10, 1.2, 0.12), _STONE)
    b.box((2.6, 2.48, 10.95), (0.92, 0.11, 0.16), _STONE)
    for z in (3.6, 6.4):
        b.box((-5.29, 2.35, z), (0.05, 0.7, 0.42), _PAINT)
        b.box((-5.24, 1.58, z), (0.16, 0.06, 0.62), _STONE)


def _tree(b: SceneBuilder, t: float) -> None:
    b.rod((3.5, -0.2, 7.4), (3.35, 1.9, 7.4), 0.17, _BARK)
    for end in ((2.5, 3.0, 7.2), (4.3, 3.1, 7.0), (3.4, 3.5, 7.9)):
        b.rod((3.36, 1.75, 7.4), end, 0.085, _BARK)
    for seed, (x, y, z) in enumerate(((2.5, 3.1, 7.2), (4.3, 3.2, 7.0), (3.4, 3.7, 7.8))):
        _foliage(b, seed, (x, y, z), (0.95, 0.75, 0.8), 75, 0.20, t)


def _trellis(b: SceneBuilder, t: float) -> None:
    left, right, low, high, z = -3.5, -1.75, 0.15, 2.35, 4.6
    for x in (left, right):
        b.box((x, 1.2, z), (0.04, 1.2, 0.04), _WOOD)
    b.box((0.5 * (left + right), 2.44, z), (1.0, 0.045, 0.05), _WOOD)
    for k in range(-6, 7):
        for turn in (1, -1):
            foot = 0.5 * (left + right) + 0.26 * k
            x0, x1 = foot - turn * 1.1, foot + turn * 1.1
            ends = [max(left, min(right, x)) for x in (x0, x1)]
            ys = [low + (x - x0) / (x1 - x0) * (high - low) for x in ends]
            if abs(ends[1] - ends[0]) > 0.05:
                b.rod((ends[0], ys[0], z + 0.012 * turn), (ends[1], ys[1], z + 0.012 * turn), 0.011, _WOOD)
    _foliage(b, 9, (-3.3, 1.0, z - 0.1), (0.45, 1.0, 0.14), 46, 0.11, t)
    _foliage(b, 10, (-2.3, 2.35, z - 0.1), (0.75, 0.22, 0.14), 30, 0.10, t)


def _lanterns(b: SceneBuilder, t: float) -> None:
    colours = ((0.95, 0.30, 0.22), (0.98, 0.76, 0.25), (0.28, 0.62, 0.88), (0.92, 0.48, 0.70), (0.45, 0.78, 0.40))
    points: list[Vec] = []
    for k in range(19):
        s = k / 18
        sag = 1.0 * 4 * s * (1 - s)
        points.append((-5.3 + 8.8 * s, 3.75 - 0.5 * s - sag + 0.02 * math.sin(2 * t + 3 * s), 8.8 - 2.4 * s))
    b.chain(points, 0.011, _IRON)
    for k in range(2, 18, 3):
        x, y, z = points[k]
        swing = 0.05 * math.sin(2.3 * t + k)
        b.rod((x, y, z), (x + swing, y - 0.2, z), 0.008, _IRON)
        b.ball(
            (x + swing, y - 0.36, z), (0.14, 0.18, 0.14), Material(tx.CLOTH, 1.2, colours[k // 3 % 5], 0.2, glow=0.25)
        )


def _furniture(b: SceneBuilder, t: float) -> None:
    b.ball((0.5, 0.16, 7.6), (0.95, 0.20, 0.95), _STONE)
    b.rod((0.5, 0.2, 7.6), (0.5, 1.0, 7.6), 0.11, _STONE)
    b.ball((0.5, 1.05, 7.6), (0.52, 0.12, 0.52), _STONE)
    b.ball((0.5, 1.34, 7.6), 0.19, Material(tx.MARBLE, 0.9, (0.55, 0.72, 0.80), 0.7), spin=0.05 * t)
    for k in range(3):
        b.box((-3.9, 0.52, 7.4 + 0.17 * k), (0.95, 0.025, 0.07), _WOOD)
        b.box((-3.9, 0.72 + 0.15 * k, 7.86 + 0.02 * k), (0.95, 0.055, 0.02), _WOOD)
    for x in (-4.7, -3.1):
        b.box((x, 0.26, 7.56), (0.04, 0.26, 0.24), _IRON)
        b.box((x, 0.80, 7.90), (0.04, 0.32, 0.03), _IRON)
    for number, (x, z, size) in enumerate(((1.85, 4.2, 0.26), (2.55, 4.7, 0.20), (-1.35, 10.3, 0.3), (4.4, 10.2, 0.3))):
        b.ball((x, 0.85 * size, z), (size, 0.95 * size, size), _CLAY)
        b.ball((x, 1.68 * size, z), (0.86 * size, 0.2 * size, 0.86 * size), _CLAY)
        rng = np.random.default_rng(40 + number)
        for k in range(22):
            angle, lean = 2.4 * k, rng.uniform(0.15, 0.8)
            reach = size * rng.uniform(0.9, 1.5)
            bend = 0.03 * math.sin(1.9 * t + k)
            top = np.array([math.cos(angle) * lean + bend, 1.1 - 0.4 * lean, math.sin(angle) * lean]) * reach
            across = np.array([-math.sin(angle), 0.0, math.cos(angle)]) * 0.13 * reach
            b.leaf((x + top[0], 1.9 * size + top[1], z + top[2]), tuple(top), tuple(across), _GREENS[k % 3])
    hop = (0.8 * t) % 2.0 - 1.0
    b.ball(
        (-1.9 + 0.8 * math.sin(0.9 * t), 0.21 + 0.95 * (1 - hop * hop), 6.2),
        0.21,
        Material(tx.CLOTH, 1.6, (0.98, 0.35, 0.30), 0.5),
        0.3 * t,
    )


def _butterflies(b: SceneBuilder, t: float) -> None:
    for number in range(3):
        phase = t + 2.1 * number
        x, y, z = 0.7 + 0.7 * math.sin(0.9 * phase + number), 1.25 + 0.25 * math.sin(2.2 * phase), 4.4 + 0.4 * number
        flap = 0.9 * math.sin(15 * phase)
        for side in (-1, 1):
            wing = np.array([side * math.cos(flap), math.sin(flap), 0.0])
            middle = np.array([x, y, z]) + 0.045 * wing
            colour = (0.98, 0.70, 0.20) if number % 2 else (0.85, 0.88, 0.98)
            b.leaf(tuple(middle), (0.0, 0.02, 0.075), tuple(0.05 * wing), Material(tx.CLOTH, 4.0, colour, sheer=0.4))


def camera(t: float) -> Camera:
    """Moves in and to the right."""
    path = math.sin(0.45 * t)
    return Camera(
        (-0.75 + 1.0 * path, 1.62 + 0.04 * math.sin(0.8 * t), -0.2 + 0.9 * path), 0.05 - 0.05 * path, -0.045, 0.86
    )


def scene(t: float) -> Scene:
    """The courtyard at ``t`` seconds."""
    b = SceneBuilder()
    _walls(b)
    _tree(b, t)
    _trellis(b, t)
    _lanterns(b, t)
    _furniture(b, t)
    _butterflies(b, t)
    ground = Material(tx.PAVING, 0.30, (0.74, 0.62, 0.50))
    return b.build(camera(t), _LIGHT, ground, near=2.9, far=math.inf)
