"""Shot 3: a table in lamplight: a swinging cradle on thin threads, a turning globe, wire figures, pencils, books."""

from __future__ import annotations

import math

import numpy as np

from stereo3d.demo import textures as tx
from stereo3d.demo.scene import Camera, Light, Material, Scene, SceneBuilder

__all__ = ["camera", "scene"]

_TABLE = Material(tx.WOOD, 1.3, (0.80, 0.52, 0.30), 0.2)
_SHELF = Material(tx.WOOD, 1.6, (0.55, 0.36, 0.24))
_WALL = Material(tx.PLASTER, 0.7, (0.30, 0.46, 0.44))
_STEEL = Material(tx.PLAIN, 4.0, (0.62, 0.64, 0.70), 0.9)
_THREAD = Material(tx.PLAIN, 4.0, (0.80, 0.76, 0.66))
_COPPER = Material(tx.PLAIN, 6.0, (0.92, 0.46, 0.26), 0.7)
_COLOURS = (
    (0.72, 0.16, 0.14),
    (0.16, 0.34, 0.62),
    (0.85, 0.62, 0.18),
    (0.22, 0.48, 0.28),
    (0.86, 0.82, 0.72),
    (0.46, 0.24, 0.50),
)
_LIGHT = Light(
    sun=(-0.55, 0.80, -0.42),
    sun_colour=(2.5, 1.95, 1.30),
    zenith=(0.30, 0.30, 0.36),
    horizon=(0.48, 0.42, 0.38),
    bounce=(0.26, 0.19, 0.14),
    clouds=0.0,
    softness=0.09,
)
_TOP = 0.75


def _room(b: SceneBuilder) -> None:
    b.box((0.0, _TOP - 0.03, 1.75), (1.55, 0.03, 0.78), _TABLE)
    b.box((0.0, 1.5, 3.3), (5.0, 2.0, 0.2), _WALL)
    for y in (1.02, 1.62):
        b.box((0.15, y, 2.93), (1.9, 0.025, 0.17), _SHELF)
    rng = np.random.default_rng(71)
    for y, start, stop in ((1.045, -1.55, -0.25), (1.045, 0.65, 1.9), (1.645, -0.7, 1.4)):
        x = start
        while x < stop:
            thick, tall, deep = rng.uniform(0.022, 0.045), rng.uniform(0.14, 0.20), rng.uniform(0.09, 0.12)
            colour = _COLOURS[int(rng.integers(6))]
            b.box((x + thick, y + tall, 2.94), (thick, tall, deep), Material(tx.CLOTH, 1.7, colour))
            x += 2 * thick + 0.004
    b.ball((0.22, 1.20, 2.92), (0.13, 0.155, 0.13), Material(tx.TILES, 1.5, (0.30, 0.60, 0.75), 0.6))


def _cradle(b: SceneBuilder, t: float) -> None:
    """Five steel balls on pairs of threads; the outer two take turns."""
    x0, z, high, size = -0.30, 1.62, _TOP + 0.42, 0.042
    wave = math.sin(5.2 * t)
    for dz in (-0.13, 0.13):
        b.rod((x0 - 0.26, high, z + dz), (x0 + 0.26, high, z + dz), 0.007, _STEEL)
        for dx in (-0.26, 0.26):
            b.rod((x0 + dx, _TOP, z + dz), (x0 + dx, high, z + dz), 0.007, _STEEL)
    b.box((x0, _TOP + 0.012, z), (0.30, 0.012, 0.17), _SHELF)
    for k in range(5):
        angle = 0.0
        if k == 0:
            angle = -0.75 * max(0.0, wave)
        elif k == 4:
            angle = 0.75 * max(0.0, -wave)
        top = x0 + (k - 2) * 2 * size
        x, y = top + 0.29 * math.sin(angle), high - 0.29 * math.cos(angle)
        for dz in (-0.13, 0.13):
            b.rod((top, high, z + dz), (x, y, z), 0.0022, _THREAD)
        b.ball((x, y - 0.015, z), size, _STEEL)


def _globe(b: SceneBuilder, t: float) -> None:
    x, y, z = 0.52, _TOP + 0.27, 2.02
    b.ball((x, y, z), 0.185, Material(tx.MARBLE, 0.9, (0.25, 0.52, 0.72), 0.5), spin=0.10 * t)
    ring = [math.pi * (0.13 + 0.8 * k / 14) for k in range(15)]
    b.chain([(x + 0.21 * math.sin(a), y + 0.21 * math.cos(a), z) for a in ring], 0.009, _COPPER)
    b.rod((x, _TOP, z), (x, _TOP + 0.07, z), 0.02, _COPPER)
    b.ball((x, _TOP + 0.01, z), (0.11, 0.022, 0.11), _SHELF)


def _wire_figures(b: SceneBuilder, t: float) -> None:
    turn = 0.5 * t
    points = []
    for k in range(49):
        s = k / 48
        angle = turn + 10 * math.pi * s
        wide = 0.03 + 0.075 * math.sin(math.pi * s)
        points.append((0.16 + wide * math.cos(angle), _TOP + 0.02 + 0.36 * s, 1.36 + wide * math.sin(angle)))
    b.chain(points, 0.0036, _COPPER)
    b.rod((0.16, _TOP, 1.36), (0.16, _TOP + 0.40, 1.36), 0.004, _STEEL)
    b.ball((0.16, _TOP + 0.43, 1.36), 0.03, Material(tx.PLAIN, 4.0, (0.85, 0.16, 0.14), 0.8))
    b.ball((0.16, _TOP + 0.006, 1.36), (0.07, 0.012, 0.07), _SHELF)


def _things(b: SceneBuilder, t: float) -> None:
    x, z = -0.86, 1.95
    b.rod((x, _TOP + 0.07, z), (x, _TOP + 0.13, z), 0.075, Material(tx.CLOTH, 4.0, (0.25, 0.45, 0.62)))
    for k in range(7):
        angle = 0.9 * k
        foot, tip = 0.03, 0.085
        colour = Material(tx.WOOD, 5.0, _COLOURS[k % 6])
        b.rod(
            (x + foot * math.cos(angle), _TOP + 0.15, z + foot * math.sin(angle)),
            (x + tip * math.cos(angle), _TOP + 0.34 + 0.02 * (k % 3), z + tip * math.sin(angle)),
            0.0075,
            colour,
        )
    for k, (width, depth, yaw) in enumerate(((0.17, 0.12, 0.25), (0.15, 0.11, 0.1), (0.13, 0.09, 0.42))):
        b.box(
            (0.98, _TOP + 0.022 + 0.044 * k, 1.60), (width, 0.022, depth), Material(tx.CLOTH, 2.5, _COLOURS[k]), yaw=yaw
        )
    b.ball((0.98, _TOP + 0.132 + 0.075, 1.60), 0.075, Material(tx.TILES, 2.0, (0.90, 0.75, 0.30), 0.6), spin=0.03 * t)
    roll = 0.20 * math.sin(0.9 * t)
    b.ball(
        (-0.62 + roll, _TOP + 0.055, 1.20), 0.055, Material(tx.CLOTH, 5.0, (0.92, 0.42, 0.22), 0.6), spin=-0.6 * roll
    )
    b.ball(
        (0.60 - 0.8 * roll, _TOP + 0.045, 1.22),
        0.045,
        Material(tx.MARBLE, 3.5, (0.45, 0.82, 0.50), 0.7),
        spin=0.7 * roll,
    )
    b.ball((-0.05, _TOP + 0.07, 2.15), 0.07, Material(tx.TILES, 3.0, (0.75, 0.30, 0.55), 0.5))


def camera(t: float) -> Camera:
    """Slides left to right and keeps the middle in view."""
    slide = math.sin(0.55 * t - 0.55)
    return Camera((0.26 * slide, 1.22 + 0.03 * slide, 0.18), -0.12 * slide, -0.13, 0.80)


def scene(t: float) -> Scene:
    """The table at ``t`` seconds."""
    b = SceneBuilder()
    _room(b)
    _cradle(b, t)
    _globe(b, t)
    _wire_figures(b, t)
    _things(b, t)
    return b.build(camera(t), _LIGHT, Material(tx.WOOD, 0.5, (0.42, 0.32, 0.26)), near=0.88, far=3.4)
