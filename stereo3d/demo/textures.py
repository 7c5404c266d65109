"""Procedural surface textures with mip levels, made once from fixed seeds.

Every texture tiles, is SIZE x SIZE, and is stored gamma-encoded (value = square root of the reflectance). The mip levels
are what keeps the film free of shimmer: a surface is looked up at the level whose texel matches the pixel's footprint.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from stereo3d.demo.jit import FloatArray

__all__ = [
    "BARK",
    "BRICK",
    "CLOTH",
    "GRASS",
    "MARBLE",
    "NOISE",
    "PAVING",
    "PLAIN",
    "PLASTER",
    "SIZE",
    "TILES",
    "WOOD",
    "atlas",
]

SIZE = 512
NOISE, PAVING, GRASS, BRICK, PLASTER, WOOD, MARBLE, TILES, CLOTH, BARK, PLAIN = range(11)


def _noise(seed: int, slope: float, stretch: tuple[float, float] = (1.0, 1.0), low: float = 1.0) -> FloatArray:
    """Tiling random field, mean 0, deviation 1, clipped at 2.5: amplitude falls as frequency ** -slope.

    ``stretch`` lengthens the features along x and y; ``low`` is the lowest frequency kept, in cycles per tile.
    """
    fx, fy = np.meshgrid(np.fft.fftfreq(SIZE, 1 / SIZE) * stretch[0], np.fft.fftfreq(SIZE, 1 / SIZE) * stretch[1])
    frequency = np.hypot(fx, fy)
    amplitude = np.where(frequency >= low, np.maximum(frequency, 1.0) ** -slope, 0.0)
    amplitude *= np.exp(-((frequency / (0.35 * SIZE)) ** 4))
    white = np.random.default_rng(seed).standard_normal((SIZE, SIZE))
    field = np.fft.ifft2(np.fft.fft2(white) * amplitude).real
    return np.asarray(np.clip((field - field.mean()) / field.std(), -2.5, 2.5))


def _tint(tone: FloatArray, hue: FloatArray, warm: tuple[float, float, float]) -> FloatArray:
    """A grey ``tone`` whose colour leans by ``hue`` towards ``warm`` (per channel, around 0)."""
    return np.stack([tone * (1 + hue * shift) for shift in warm], axis=-1)


def _cells(seed: int, count: int) -> tuple[FloatArray, FloatArray]:
    """Irregular stones: distance to the nearest joint (in cells), and a random number per stone, -1..1."""
    rng = np.random.default_rng(seed)
    jitter = rng.uniform(0.15, 0.85, (count, count, 2))
    value = rng.uniform(-1, 1, (count, count))
    y, x = np.mgrid[0:SIZE, 0:SIZE] * (count / SIZE)
    first = np.full((SIZE, SIZE), 9.0)
    second = first.copy()
    owner = np.zeros((SIZE, SIZE))
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            cy, cx = np.floor(y).astype(int) + dy, np.floor(x).astype(int) + dx
            point = jitter[cy % count, cx % count]
            distance = np.hypot(cx + point[..., 0] - x, cy + point[..., 1] - y)
            nearer = distance < first
            second = np.where(nearer, first, np.minimum(second, distance))
            owner = np.where(nearer, value[cy % count, cx % count], owner)
            first = np.where(nearer, distance, first)
    return second - first, owner


def _courses(rows: int, columns: int, bond: float, seed: int) -> tuple[FloatArray, FloatArray]:
    """Regular courses: distance to the nearest joint in pixels, and a random number per piece, -1..1."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    row = np.floor(y * rows / SIZE)
    across = x * columns / SIZE + row * bond
    column = np.floor(across) % columns
    joint = np.minimum(0.5 - np.abs(across % 1 - 0.5), 9.0) * SIZE / columns
    joint = np.minimum(joint, (0.5 - np.abs((y * rows / SIZE) % 1 - 0.5)) * SIZE / rows)
    value = np.random.default_rng(seed).uniform(-1, 1, (rows, columns))
    return joint, value[row.astype(int), column.astype(int)]


def _step(low: float, high: float, x: FloatArray) -> FloatArray:
    u = np.clip((x - low) / (high - low), 0, 1)
    return u * u * (3 - 2 * u)


def _paving() -> FloatArray:
    gap, stone = _cells(3, 7)
    joint = _step(0.03, 0.11, gap)
    tone = (0.76 + 0.09 * stone + 0.055 * _noise(4, 1.0)) * (0.5 + 0.5 * joint)
    return _tint(tone, 0.5 * stone + 0.25 * _noise(5, 1.6), (0.09, 0.01, -0.10))


def _grass() -> FloatArray:
    blades = 0.6 * _noise(6, 0.35, (0.35, 1.6), 6) + 0.5 * _noise(7, 0.4, (1.4, 0.4), 6)
    tone = 0.66 + 0.11 * blades + 0.07 * _noise(8, 1.5)
    return _tint(tone, _noise(9, 1.3), (0.09, 0.02, -0.04))


def _brick() -> FloatArray:
    joint, piece = _courses(10, 4, 0.5, 11)
    mortar = 1 - _step(2.5, 5.5, joint + 0.8 * _noise(12, 0.8))
    face = 0.72 + 0.10 * piece + 0.07 * _noise(13, 0.8)
    brick = _tint(face, 0.4 * piece + 0.2 * _noise(14, 1.2), (0.10, -0.04, -0.10)) * np.array([1.0, 0.66, 0.54])
    joint_tone = (0.74 + 0.05 * _noise(15, 0.7))[..., None]
    return np.asarray(brick * (1 - mortar[..., None]) + joint_tone * mortar[..., None])


def _plaster() -> FloatArray:
    crack = 1 - 0.22 * (1 - _step(0.0, 0.05, np.abs(_noise(16, 1.7))))
    tone = (0.84 + 0.05 * _noise(17, 0.9) + 0.06 * _noise(18, 1.8)) * crack
    return _tint(tone, _noise(19, 1.8), (0.03, 0.0, -0.05))


def _wood() -> FloatArray:
    joint, plank = _courses(4, 1, 0.0, 21)
    grain = 0.6 * _noise(22, 0.9, (9.0, 1.0)) + 0.5 * np.sin(14 * _noise(23, 1.9, (4.0, 1.0)))
    tone = (0.72 + 0.08 * plank + 0.07 * grain) * (0.45 + 0.55 * _step(0.5, 3.5, joint))
    return np.asarray(_tint(tone, 0.5 * plank + 0.4 * grain, (0.03, 0.0, -0.06)) * np.array([1.0, 0.80, 0.60]))


def _marble() -> FloatArray:
    vein = 1 - _step(0.0, 0.20, np.abs(_noise(24, 1.6) + 0.25 * _noise(25, 0.9)))
    tone = 0.82 - 0.34 * vein + 0.06 * _noise(26, 1.4)
    return _tint(tone, vein - 0.3, (-0.05, 0.0, 0.06))


def _tiles() -> FloatArray:
    joint, piece = _courses(4, 4, 0.0, 27)
    y, x = np.mgrid[0:SIZE, 0:SIZE] // (SIZE // 4)
    dark = ((x + y) % 2).astype(np.float64)
    tone = (0.84 - 0.36 * dark + 0.03 * piece + 0.06 * _noise(28, 1.4)) * (0.6 + 0.4 * _step(1.0, 3.0, joint))
    return _tint(tone, 1.0 - 2.2 * dark, (0.05, 0.0, -0.09))


def _cloth() -> FloatArray:
    y, x = np.mgrid[0:SIZE, 0:SIZE] * (2 * np.pi / SIZE)
    stripes = _step(-0.1, 0.1, np.sin(4 * x)) + _step(-0.1, 0.1, np.sin(4 * y))
    weave = np.sin(64 * x) * np.sin(64 * y)
    tone = 0.60 + 0.13 * stripes + 0.05 * weave + 0.04 * _noise(29, 1.0)
    return _tint(tone, stripes - 1, (0.12, -0.02, -0.08))


def _bark() -> FloatArray:
    ridges = np.abs(_noise(30, 1.0, (1.0, 4.0)))
    tone = 0.52 + 0.15 * ridges + 0.05 * _noise(31, 0.8)
    return np.asarray(_tint(tone, _noise(32, 1.2), (0.05, 0.0, -0.07)) * np.array([1.0, 0.90, 0.78]))


def _plain() -> FloatArray:
    return np.repeat((0.86 + 0.04 * _noise(36, 1.2))[..., None], 3, axis=-1)


def _variation() -> FloatArray:
    """Three independent fields around 0.5: rough, coarse and fine."""
    return np.stack([0.5 + 0.17 * _noise(seed, slope) for seed, slope in ((33, 1.0), (34, 1.6), (35, 0.5))], axis=-1)


@lru_cache(maxsize=1)
def atlas() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """All textures, uint8 [count, texels of all mip levels, 3], and where each level begins, int64 [levels]."""
    makers = (_variation, _paving, _grass, _brick, _plaster, _wood, _marble, _tiles, _cloth, _bark, _plain)
    pyramids = []
    for make in makers:
        level = np.clip(make(), 0.02, 1.0)
        levels = [level]
        while level.shape[0] > 1:
            level = level.reshape(level.shape[0] // 2, 2, level.shape[1] // 2, 2, 3).mean(axis=(1, 3))
            levels.append(level)
        pyramids.append(np.concatenate([np.rint(one * 255).astype(np.uint8).reshape(-1, 3) for one in levels]))
    sizes = [(SIZE >> number) ** 2 for number in range(SIZE.bit_length())]
    return np.stack(pyramids), np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
