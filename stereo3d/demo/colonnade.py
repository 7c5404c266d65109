"""Shot 2: a long colonnade in slanting sun, with hanging lamps, a bird cage and a rolling ball."""

from __future__ import annotations

import math

from stereo3d.demo import textures as tx
from stereo3d.demo.scene import Camera, Light, Material, Scene, SceneBuilder, Vec

__all__ = ["camera", "scene"]

_MARBLE = Material(tx.MARBLE, 0.45, (0.90, 0.85, 0.80), 0.15)
_WALL = Material(tx.PLASTER, 0.35, (0.88, 0.62, 0.45))
_BEAM = Material(tx.WOOD, 0.6, (0.62, 0.44, 0.30))
_BRASS = Material(tx.PLAIN, 2.0, (0.85, 0.62, 0.25), 0.6)
_IRON = Material(tx.PLAIN, 1.0, (0.13, 0.13, 0.15))
_LAMP = Material(tx.PLAIN, 2.0, (1.0, 0.82, 0.50), 0.3, glow=0.9)
_HEDGE = Material(tx.GRASS, 0.9, (0.34, 0.62, 0.24))
_BUST = Material(tx.PLASTER, 1.2, (0.92, 0.90, 0.86), 0.1)
_LIGHT = Light(
    sun=(0.80, 0.62, -0.12),
    sun_colour=(2.9, 2.35, 1.55),
    zenith=(0.34, 0.42, 0.62),
    horizon=(0.88, 0.78, 0.66),
    bounce=(0.40, 0.31, 0.24),
    haze=0.0035,
    clouds=0.5,
    softness=0.02,
)
_END = 36.0
_STEP = 3.2


def _column(b: SceneBuilder, x: float, z: float) -> None:
    b.box((x, 0.12, z), (0.40, 0.12, 0.40), _MARBLE)
    b.ball((x, 0.28, z), (0.37, 0.12, 0.37), _MARBLE)
    b.rod((x, 0.2, z), (x, 3.7, z), 0.26, _MARBLE)
    b.ball((x, 3.52, z), (0.34, 0.09, 0.34), _MARBLE)
    b.box((x, 3.70, z), (0.38, 0.14, 0.38), _MARBLE)


def _hall(b: SceneBuilder) -> None:
    b.box((-3.3, 2.1, 16.0), (0.3, 2.1, 22.0), _WALL)
    b.box((-2.98, 0.20, 16.0), (0.05, 0.20, 22.0), _MARBLE)
    b.box((-0.4, 4.45, 16.0), (3.4, 0.15, 22.0), _BEAM)
    b.box((2.4, 4.05, 16.0), (0.36, 0.22, 22.0), _MARBLE)
    b.box((-2.2, 2.1, _END), (1.3, 2.1, 0.3), _WALL)
    b.box((1.9, 2.1, _END), (0.9, 2.1, 0.3), _WALL)
    for k in range(11):
        z = 1.2 + _STEP * k
        _column(b, 2.4, z)
        b.box((-0.4, 4.18, z), (2.8, 0.13, 0.12), _BEAM)
        b.box((-2.9, 2.1, z), (0.14, 2.1, 0.24), _MARBLE)
        if k % 2 == 0:
            _statue(b, -2.62, z + 0.5 * _STEP, k)
    for k in range(9):
        b.ball((6.8, 1.9, 3.0 + 4.1 * k), (0.75, 2.6, 0.75), _HEDGE)
    b.box((8.6, 0.55, 18.0), (0.4, 0.55, 24.0), _HEDGE)


def _statue(b: SceneBuilder, x: float, z: float, number: int) -> None:
    b.box((x, 0.50, z), (0.22, 0.50, 0.22), _MARBLE, yaw=0.1 * number)
    b.ball((x, 1.17, z), (0.17, 0.20, 0.24), _BUST)
    b.rod((x, 1.30, z), (x, 1.45, z), 0.07, _BUST)
    b.ball((x + 0.02, 1.56, z), (0.13, 0.17, 0.14), _BUST)


def _lamps(b: SceneBuilder, t: float) -> None:
    for k in range(9):
        z = 4.4 + _STEP * k
        angle = 0.12 * math.sin(1.9 * t + 0.8 * k)
        x, y = -0.5 + 1.25 * math.sin(angle), 4.1 - 1.25 * math.cos(angle)
        b.rod((-0.5, 4.1, z), (x, y, z), 0.012, _IRON)
        b.ball((x, y - 0.02, z), (0.13, 0.035, 0.13), _BRASS)
        b.ball((x, y - 0.15, z), (0.10, 0.13, 0.10), _LAMP)


def _cage(b: SceneBuilder, t: float) -> None:
    """A bird cage of thin wires on a chain, with a bird that swings in it."""
    turn, swing = 0.25 * math.sin(0.8 * t), 0.03 * math.sin(1.5 * t)
    x, y, z, size = 0.95 + swing, 1.95, 4.15, 0.30
    b.rod((0.95, 4.1, z), (x, y + 0.62, z), 0.010, _IRON)
    for k in range(14):
        angle = turn + 2 * math.pi * k / 14
        side = (x + size * math.cos(angle), z + size * math.sin(angle))
        shoulder = (x + 0.62 * size * math.cos(angle), z + 0.62 * size * math.sin(angle))
        points: list[Vec] = [(side[0], y, side[1]), (side[0], y + 0.38, side[1]), (shoulder[0], y + 0.53, shoulder[1])]
        b.chain([*points, (x, y + 0.62, z)], 0.0065, _BRASS)
    for height in (0.0, 0.2, 0.38):
        ring = [turn + 2 * math.pi * k / 14 for k in range(15)]
        b.chain([(x + size * math.cos(a), y + height, z + size * math.sin(a)) for a in ring], 0.0075, _BRASS)
    bird = x + 0.06 * math.sin(3.1 * t)
    b.rod((bird - 0.14, y + 0.12, z), (bird + 0.14, y + 0.12, z), 0.008, _BEAM)
    blue = Material(tx.PLAIN, 3.0, (0.20, 0.62, 0.95), 0.2)
    b.ball((bird, y + 0.20, z), (0.055, 0.075, 0.055), blue)
    b.ball((bird + 0.02, y + 0.29, z - 0.02), 0.04, blue)
    b.leaf((bird - 0.03, y + 0.10, z + 0.03), (-0.02, -0.09, 0.03), (0.02, 0.0, 0.02), blue)


def camera(t: float) -> Camera:
    """Walks ahead and looks slightly to the left."""
    walk = math.sin(0.4 * t)
    return Camera(
        (-0.55 + 0.55 * walk, 1.58 + 0.025 * math.sin(5 * t), -1.5 + 1.7 * walk), 0.02 + 0.07 * walk, 0.005, 0.80
    )


def scene(t: float) -> Scene:
    """The colonnade at ``t`` seconds."""
    b = SceneBuilder()
    _hall(b)
    _lamps(b, t)
    _cage(b, t)
    roll = math.sin(0.5 * t + 0.5)
    b.ball(
        (-1.3 + 0.5 * roll, 0.24, 5.2 + 2.4 * roll),
        0.24,
        Material(tx.TILES, 0.7, (0.85, 0.22, 0.18), 0.6),
        spin=0.4 * roll,
    )
    return b.build(camera(t), _LIGHT, Material(tx.TILES, 0.40, (0.85, 0.72, 0.62), 0.25), near=2.6, far=math.inf)
