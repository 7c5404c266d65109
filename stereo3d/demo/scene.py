"""What a picture of the demo film is made of: a few kinds of bodies, their materials, a light and a camera.

Metres; x to the right, y up, z ahead. The ground is the plane y = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stereo3d.demo.jit import FloatArray

__all__ = ["BALL", "BOX", "LEAF", "ROD", "Camera", "Light", "Material", "Scene", "SceneBuilder", "Vec"]

BALL, ROD, BOX, LEAF = range(4)
Vec = tuple[float, float, float]


class Material(NamedTuple):
    """``texture``: number in the atlas. ``scale``: texture tiles per metre. ``colour``: reflectance factor, linear.
    ``gloss``: strength of the highlight, 0..1. ``sheer``: share of light that shines through (leaves). ``glow``: own light."""

    texture: int
    scale: float
    colour: Vec
    gloss: float = 0.0
    sheer: float = 0.0
    glow: float = 0.0


class Light(NamedTuple):
    """``sun``: direction towards the sun (any length). Colours are linear. ``haze``: share of light lost per metre.
    ``clouds``: 0..1. ``softness``: penumbra metres per metre between occluder and receiver."""

    sun: Vec
    sun_colour: Vec
    zenith: Vec
    horizon: Vec
    bounce: Vec
    haze: float = 0.0
    clouds: float = 0.6
    softness: float = 0.03


class Camera(NamedTuple):
    """A pinhole. ``yaw`` turns right, ``pitch`` turns up (radians); ``focal`` in picture widths."""

    eye: Vec
    yaw: float
    pitch: float
    focal: float

    def axes(self) -> FloatArray:
        """Rows: right, up, ahead (unit vectors)."""
        cy, sy, cp, sp = math.cos(self.yaw), math.sin(self.yaw), math.cos(self.pitch), math.sin(self.pitch)
        return np.array([[cy, 0.0, -sy], [-sy * sp, cp, -cy * sp], [sy * cp, sp, cy * cp]])


@dataclass(frozen=True)
class Scene:
    """One instant. ``kind`` int64 [P]; ``geometry`` float64 [P, 12], by kind: ball centre, radii, spin, 1 / radii; rod ends, radius;
    box centre, half sizes, cos and sin of yaw; leaf centre, long axis and short axis (each over its squared length), normal.
    ``materials`` float64 [P + 1, 8], the last row is the ground's. ``near`` and ``far`` (may be inf) are the distances
    along the view axis that mean depth 1 and depth 0; they are the same for a whole shot."""

    kind: npt.NDArray[np.int64]
    geometry: FloatArray
    materials: FloatArray
    camera: Camera
    light: Light
    near: float
    far: float


@dataclass
class SceneBuilder:
    """Collects bodies, then freezes them into a Scene."""

    kinds: list[int] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)

    def _add(self, kind: int, material: Material, *values: float) -> None:
        self.kinds.append(kind)
        self.rows.append([*values, *([0.0] * (12 - len(values)))])
        self.materials.append(material)

    def ball(self, centre: Vec, radii: Vec | float, material: Material, spin: float = 0.0) -> None:
        """An ellipsoid. ``spin`` turns its texture about the vertical, in turns."""
        size = radii if isinstance(radii, tuple) else (radii, radii, radii)
        self._add(BALL, material, *centre, *size, spin, *(1 / radius for radius in size))

    def rod(self, start: Vec, end: Vec, radius: float, material: Material) -> None:
        """A round bar with round ends."""
        self._add(ROD, material, *start, *end, radius)

    def chain(self, points: list[Vec], radius: float, material: Material) -> None:
        """Rods through ``points``: a wire."""
        for start, end in pairwise(points):
            self.rod(start, end, radius, material)

    def box(self, centre: Vec, half: Vec, material: Material, yaw: float = 0.0) -> None:
        """A box that stands upright, turned by ``yaw``."""
        self._add(BOX, material, *centre, *half, math.cos(yaw), math.sin(yaw))

    def leaf(self, centre: Vec, along: Vec, across: Vec, material: Material) -> None:
        """A flat, pointed leaf; ``along`` and ``across`` are its half axes."""
        (a, b, c), (d, e, f) = along, across
        long2, short2 = a * a + b * b + c * c, d * d + e * e + f * f
        nx, ny, nz = b * f - c * e, c * d - a * f, a * e - b * d
        size = math.sqrt(nx * nx + ny * ny + nz * nz)
        scaled = (a / long2, b / long2, c / long2, d / short2, e / short2, f / short2)
        self._add(LEAF, material, *centre, *scaled, nx / size, ny / size, nz / size)

    def build(self, camera: Camera, light: Light, ground: Material, near: float, far: float) -> Scene:
        table = [[m.texture, m.scale, *m.colour, m.gloss, m.sheer, m.glow] for m in [*self.materials, ground]]
        return Scene(
            kind=np.array(self.kinds, dtype=np.int64),
            geometry=np.array(self.rows, dtype=np.float64),
            materials=np.array(table, dtype=np.float64),
            camera=camera,
            light=light,
            near=near,
            far=far,
        )
