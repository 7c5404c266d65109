"""A picture, or its depth, from a scene: visibility at several places of a pixel, one shading per visible surface."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from stereo3d.demo.bins import TILE, Bins, light_axes, light_bins, view_bins
from stereo3d.demo.bodies import FAR, hit
from stereo3d.demo.jit import FloatArray, borrowed, kernel
from stereo3d.demo.scene import Scene
from stereo3d.demo.shading import World, shade, sky
from stereo3d.demo.textures import atlas

__all__ = ["distance_map", "picture"]

_SAMPLES = 9  # of a pixel whose centre and corners do not all show the same surface


def _sample_places() -> FloatArray:
    """Offsets from the pixel's centre [_SAMPLES, 2]: a low-discrepancy sequence, the centre first."""
    steps = np.arange(_SAMPLES)[:, None] * np.array([0.7548776662, 0.5698402910])
    return np.asarray((steps + 0.5) % 1 - 0.5)


def _tone_curve() -> npt.NDArray[np.float64]:
    """Code values (0..255) for linear light 0..4 in steps of 1/1024: a soft shoulder and a power."""
    light = np.arange(4096) / 1024
    return np.asarray(255 * (light * (1 + light / 9) / (1 + light)) ** (1 / 1.8) * 1.1).clip(0, 255)


_PLACES, _TONES = _sample_places(), _tone_curve()


@kernel
def _first_hit(
    world: World,
    tiles: Bins,
    cell: int,
    eye: tuple[float, float, float],
    ray: tuple[float, float, float],
) -> tuple[float, int]:
    """Distance along the view axis and surface (body * 8 + face; -1: sky) that a ray meets first."""
    best, surface = FAR, -1
    if ray[1] < -1e-9:
        best = -eye[1] / ray[1]
        surface = len(world.kind) * 8
    for k in range(tiles.start[cell], tiles.start[cell + 1]):
        body = tiles.items[k]
        t, face = hit(world.kind[body], world.geometry, body, eye, ray)
        if t < best:
            best, surface = t, body * 8 + face
    return best, surface


@kernel
def _ray(view: FloatArray, x: float, y: float) -> tuple[float, float, float]:
    a, b = (x - view[13]) / view[12], (view[14] - y) / view[12]
    return (
        view[9] + a * view[3] + b * view[6],
        view[10] + a * view[4] + b * view[7],
        view[11] + a * view[5] + b * view[8],
    )


@kernel
def _colour(
    world: World, view: FloatArray, surface: int, t: float, ray: tuple[float, float, float]
) -> tuple[float, float, float]:
    pixel = 1.0 / view[12]
    if surface < 0:
        return sky(world, ray, pixel)
    p = (view[0] + t * ray[0], view[1] + t * ray[1], view[2] + t * ray[2])
    return shade(world, surface >> 3, surface & 7, p, (view[15], view[16], view[17]), t * pixel)


@kernel
def _mixed_pixel(
    world: World,
    view: FloatArray,
    tiles: Bins,
    cell: int,
    x: float,
    y: float,
    known: npt.NDArray[np.int64],
    colours: FloatArray,
) -> tuple[float, float, float]:
    """Linear light of the pixel around (x, y) that several surfaces share; the last two are scratch."""
    eye = (view[0], view[1], view[2])
    count = 0
    r, g, b = 0.0, 0.0, 0.0
    for k in range(_SAMPLES):
        ray = _ray(view, x + _PLACES[k, 0], y + _PLACES[k, 1])
        t, surface = _first_hit(world, tiles, cell, eye, ray)
        at = 0
        while at < count and known[at] != surface:
            at += 1
        if at == count:  # a surface is shaded once, at the sample that met it first
            known[at] = surface
            colours[at, 0], colours[at, 1], colours[at, 2] = _colour(world, view, surface, t, ray)
            count += 1
        r, g, b = r + colours[at, 0], g + colours[at, 1], b + colours[at, 2]
    return r / _SAMPLES, g / _SAMPLES, b / _SAMPLES


@kernel
def _borrowed_world(world: World) -> World:
    return World(
        borrowed(world.kind),
        borrowed(world.geometry),
        borrowed(world.materials),
        borrowed(world.light),
        borrowed(world.textures),
        borrowed(world.levels),
        borrowed(world.grid),
        borrowed(world.grid_start),
        borrowed(world.grid_items),
        world.grid_columns,
    )


@kernel
def _borrowed_bins(bins: Bins) -> Bins:
    return Bins(
        borrowed(bins.start),
        borrowed(bins.items),
        bins.columns,
        bins.rows,
        bins.low_x,
        bins.low_y,
        bins.cell,
    )


@kernel
def _corner_row(world: World, view: FloatArray, tiles: Bins, y: int, out: npt.NDArray[np.int64]) -> None:
    """Surfaces at the upper corners of the pixels of row ``y``, out [W + 1]."""
    eye = (view[0], view[1], view[2])
    row = min(y // TILE, tiles.rows - 1)
    for x in range(len(out)):
        cell = row * tiles.columns + min(x // TILE, tiles.columns - 1)
        out[x] = _first_hit(world, tiles, cell, eye, _ray(view, float(x), float(y)))[1]


@kernel
def _draw_rows(owned: World, camera: FloatArray, lists: Bins, out: npt.NDArray[np.uint8], y0: int, y1: int) -> None:
    world, view, tiles = _borrowed_world(owned), borrowed(camera), _borrowed_bins(lists)
    eye = (view[0], view[1], view[2])
    known, colours = np.empty(_SAMPLES, np.int64), np.empty((_SAMPLES, 3))
    corners = np.empty((2, out.shape[1] + 1), np.int64)
    _corner_row(world, view, tiles, y0, corners[y0 % 2])
    for y in range(y0, y1):
        above, below = y % 2, (y + 1) % 2
        _corner_row(world, view, tiles, y + 1, corners[below])
        for x in range(out.shape[1]):
            cell = (y // TILE) * tiles.columns + x // TILE
            ray = _ray(view, x + 0.5, y + 0.5)
            t, surface = _first_hit(world, tiles, cell, eye, ray)
            if (
                surface == corners[above, x]
                and surface == corners[above, x + 1]
                and surface == corners[below, x]
                and surface == corners[below, x + 1]
            ):
                light = _colour(world, view, surface, t, ray)
            else:
                light = _mixed_pixel(world, view, tiles, cell, x + 0.5, y + 0.5, known, colours)
            for channel in range(3):
                tone = _TONES[min(4095, max(0, int(light[channel] * 1024.0 + 0.5)))]
                out[y, x, channel] = np.uint8(tone + 0.5)


@kernel
def _depth_rows(owned: World, camera: FloatArray, lists: Bins, out: npt.NDArray[np.float64], y0: int, y1: int) -> None:
    world, view, tiles = _borrowed_world(owned), borrowed(camera), _borrowed_bins(lists)
    eye = (view[0], view[1], view[2])
    for y in range(y0, y1):
        for x in range(out.shape[1]):
            cell = (y // TILE) * tiles.columns + x // TILE
            out[y, x] = _first_hit(world, tiles, cell, eye, _ray(view, x + 0.5, y + 0.5))[0]


def _view(scene: Scene, width: int, height: int, sideways: float, shift: float) -> FloatArray:
    """Eye, axes, focal length and centre in pixels, central eye: the numbers a kernel needs of a camera."""
    axes = scene.camera.axes()
    centre = np.asarray(scene.camera.eye)
    lens = [scene.camera.focal * width, width / 2 + shift, height / 2]
    return np.concatenate([centre + sideways * axes[0], axes.ravel(), lens, centre])


def _world(scene: Scene) -> World:
    light, bins, (textures, levels) = scene.light, light_bins(scene), atlas()
    across = light_axes(scene)
    rows = [across[2], across[0], across[1], light.sun_colour, light.zenith, light.horizon, light.bounce]
    rows.append((light.haze, light.clouds, light.softness))
    return World(
        kind=scene.kind,
        geometry=scene.geometry,
        materials=scene.materials,
        light=np.array(rows, dtype=np.float64),
        textures=textures,
        levels=levels,
        grid=np.array([bins.low_x, bins.low_y, bins.cell]),
        grid_start=bins.start,
        grid_items=bins.items,
        grid_columns=bins.columns,
    )


def _in_bands(height: int, draw: Callable[[int, int], None]) -> None:
    """Call ``draw(y0, y1)`` for bands of rows, on all cores. Rows do not depend on one another."""
    band = TILE * max(1, math.ceil(height / TILE / 24))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(lambda y: draw(y, min(y + band, height)), range(0, height, band)):
            pass


def picture(scene: Scene, width: int, height: int, sideways: float, shift: float) -> npt.NDArray[np.uint8]:
    """uint8 RGB [H, W, 3] of a camera ``sideways`` metres to the right, its sensor shifted by ``shift`` pixels."""
    world, view = _world(scene), _view(scene, width, height, sideways, shift)
    tiles = view_bins(scene, view, width, height)
    out = np.empty((height, width, 3), np.uint8)
    _in_bands(height, lambda y0, y1: _draw_rows(world, view, tiles, out, y0, y1))
    return out


def distance_map(scene: Scene, width: int, height: int) -> FloatArray:
    """Distance along the view axis at the pixel centres of the central camera [H, W], metres; inf for sky."""
    world, view = _world(scene), _view(scene, width, height, 0.0, 0.0)
    tiles = view_bins(scene, view, width, height)
    out = np.empty((height, width), np.float64)
    _in_bands(height, lambda y0, y1: _depth_rows(world, view, tiles, out, y0, y1))
    out[out >= FAR] = np.inf
    return out
