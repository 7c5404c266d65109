"""Shot 4: open country in the evening: a fence with wires, tall grass, a windmill, balloons and far hills."""

from __future__ import annotations

import math

import numpy as np

from stereo3d.demo import textures as tx
from stereo3d.demo.scene import Camera, Light, Material, Scene, SceneBuilder

__all__ = ["camera", "scene"]

_POST = Material(tx.BARK, 1.4, (0.95, 0.82, 0.68))
_WIRE = Material(tx.PLAIN, 1.0, (0.30, 0.29, 0.30), 0.3)
_STRAW = Material(tx.BARK, 0.8, (1.0, 0.86, 0.42))
_TRUNK = Material(tx.BARK, 1.0, (0.45, 0.36, 0.30))
_CROWN = Material(tx.GRASS, 0.5, (0.36, 0.56, 0.20))
_WHITE = Material(tx.PLASTER, 0.3, (1.0, 0.96, 0.90))
_ROOF = Material(tx.WOOD, 0.6, (0.60, 0.25, 0.18))
_BLADES = [
    Material(tx.GRASS, 1.0, colour, sheer=0.5)
    for colour in ((0.62, 0.70, 0.26), (0.78, 0.70, 0.34), (0.46, 0.62, 0.22))
]
_LIGHT = Light(
    sun=(-0.72, 0.42, -0.40),
    sun_colour=(2.7, 1.95, 1.20),
    zenith=(0.26, 0.38, 0.68),
    horizon=(0.98, 0.74, 0.58),
    bounce=(0.22, 0.20, 0.12),
    haze=0.0028,
    clouds=0.9,
    softness=0.02,
)


def _country(b: SceneBuilder) -> None:
    for hx, hz, wide, high, green in (
        (-70, 150, 95, 17, 0.55),
        (60, 175, 110, 22, 0.50),
        (5, 235, 150, 34, 0.46),
        (-150, 210, 90, 30, 0.5),
    ):
        b.ball((hx, -2.0, hz), (wide, high, 55.0), Material(tx.GRASS, 0.03, (0.50, green, 0.28)))
    rng = np.random.default_rng(81)
    for _ in range(16):
        x, z = rng.uniform(-48, 48), rng.uniform(38, 85)
        tall = rng.uniform(2.2, 4.0)
        b.rod((x, 0.0, z), (x, tall, z), 0.25, _TRUNK)
        for k in range(3):
            b.ball((x + 0.9 * (k - 1), tall + 0.5 * (k % 2), z), (1.5, 0.45 * tall, 1.5), _CROWN)
    for bx, bz in ((-3.6, 13.5), (-6.2, 20.0), (1.2, 24.0), (9.0, 33.0)):
        b.rod((bx - 0.55, 0.62, bz), (bx + 0.55, 0.62, bz + 0.35), 0.62, _STRAW)


def _fence(b: SceneBuilder) -> None:
    previous: tuple[float, float] | None = None
    for k in range(16):
        x, z = -1.55 + 0.95 * k + 0.012 * k * k, 3.6 + 1.9 * k
        lean = 0.05 * math.sin(2.7 * k)
        b.rod((x, -0.1, z), (x + lean, 1.18 + 0.05 * math.cos(3.1 * k), z), 0.062, _POST)
        if previous is not None:
            px, pz = previous
            for height in (0.38, 0.72, 1.05):
                middle = (0.5 * (x + px), height - 0.03, 0.5 * (z + pz))
                b.chain([(px, height, pz), middle, (x, height, z)], 0.0075, _WIRE)
        previous = (x, z)


def _mill(b: SceneBuilder, t: float) -> None:
    x, z = -10.5, 31.0
    b.ball((x, 1.0, z), (1.85, 8.2, 1.85), _WHITE)
    b.ball((x, 8.15, z), (1.25, 1.3, 1.25), _ROOF)
    hub = (x, 7.0, z - 1.8)
    b.rod((x, 7.0, z), hub, 0.16, _TRUNK)
    for k in range(4):
        angle = 0.75 * t + 0.5 * math.pi * k
        c, s = math.cos(angle), math.sin(angle)
        b.rod(hub, (x + 4.6 * c, 7.0 + 4.6 * s, hub[2]), 0.07, _TRUNK)
        for rung in range(9):
            r = 1.0 + 0.43 * rung
            foot = (x + r * c, 7.0 + r * s, hub[2] - 0.08)
            b.rod(foot, (foot[0] - 0.95 * s, foot[1] + 0.95 * c, foot[2]), 0.035, _TRUNK)
        b.rod(
            (x + c - 0.95 * s, 7.0 + s + 0.95 * c, hub[2] - 0.08),
            (x + 4.45 * c - 0.95 * s, 7.0 + 4.45 * s + 0.95 * c, hub[2] - 0.08),
            0.04,
            _TRUNK,
        )


def _balloons(b: SceneBuilder, t: float) -> None:
    places = (
        (7.0, 11.5, 42.0, 2.9, (0.92, 0.25, 0.20)),
        (20.0, 19.0, 75.0, 3.6, (0.25, 0.45, 0.85)),
        (-5.0, 20.0, 95.0, 3.6, (0.98, 0.72, 0.22)),
    )
    for number, (x, y, z, size, colour) in enumerate(places):
        x, y = x - 0.45 * t, y + 0.5 * math.sin(0.5 * t + number)
        b.ball((x, y, z), (size, 1.12 * size, size), Material(tx.CLOTH, 0.12, colour, 0.15), spin=0.02 * t)
        b.box((x, y - 1.75 * size, z), (0.24 * size, 0.18 * size, 0.24 * size), _STRAW)
        for dx in (-0.2, 0.2):
            b.rod((x + dx * size, y - 1.6 * size, z), (x + 3 * dx * size, y - 0.85 * size, z), 0.03, _TRUNK)


def _grass(b: SceneBuilder, t: float) -> None:
    """Tufts of long blades in front, bending in the wind."""
    rng = np.random.default_rng(82)
    for tuft in range(26):
        x, z = rng.uniform(-2.6, 3.4), rng.uniform(3.3, 6.5)
        for k in range(7):
            angle, tall = rng.uniform(0, 6.3), rng.uniform(0.16, 0.36)
            wind = 0.10 * math.sin(2.1 * t + 1.3 * x + 0.2 * k) + 0.05
            lean = (0.35 * math.cos(angle) + wind, 1.0, 0.35 * math.sin(angle))
            half = tuple(tall * one for one in lean)
            across = (0.016 * math.sin(angle + 0.9), 0.0, 0.016 * math.cos(angle + 0.9))
            b.leaf((x + half[0], half[1], z + half[2]), (half[0], half[1], half[2]), across, _BLADES[(tuft + k) % 3])


def _birds(b: SceneBuilder, t: float) -> None:
    dark = Material(tx.PLAIN, 1.0, (0.10, 0.10, 0.12))
    for k in range(5):
        x, y, z = -9.0 + 1.9 * t + 1.3 * k, 8.0 + 0.5 * abs(k - 2) + 0.3 * math.sin(t + k), 24.0 + k
        flap = 0.5 + 0.5 * math.sin(6 * t + k)
        for side in (-1, 1):
            wing = np.array([side * 0.42, 0.34 * flap - 0.08, 0.1])
            b.leaf(tuple(np.array([x, y, z]) + 0.8 * wing), tuple(wing), (0.09, 0.0, -0.10 * side), dark)


def camera(t: float) -> Camera:
    """Drifts along the fence and turns a little."""
    drift = math.sin(0.42 * t)
    return Camera((-0.6 + 1.5 * drift, 1.45 + 0.08 * drift, 0.2 * drift), -0.04 + 0.06 * drift, 0.06, 0.82)


def scene(t: float) -> Scene:
    """The meadow at ``t`` seconds."""
    b = SceneBuilder()
    _country(b)
    _fence(b)
    _mill(b, t)
    _balloons(b, t)
    _grass(b, t)
    _birds(b, t)
    return b.build(camera(t), _LIGHT, Material(tx.GRASS, 0.42, (0.50, 0.66, 0.22)), near=2.9, far=math.inf)
