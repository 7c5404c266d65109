"""The demo film's sound: a quiet chord per shot that pans with the camera, a breath of air, and a click at every cut."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["SAMPLE_RATE", "sample_at", "soundtrack"]

SAMPLE_RATE = 48000
_CHORDS = ((220.0, 277.18, 329.63), (196.0, 246.94, 293.66), (261.63, 329.63, 392.0), (174.61, 220.0, 261.63))
_CLICK = 0.9 * np.exp(-np.arange(240) / 40.0) * np.cos(np.arange(240) * 0.9)


def sample_at(frame: int, rate: Fraction) -> int:
    """The first sample at or after the time of ``frame``."""
    exact = frame * SAMPLE_RATE / rate
    return -(-exact.numerator // exact.denominator)


def soundtrack(cuts: list[int], total: int, rate: Fraction, pan: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """float32 [samples, 2], -1..1. ``cuts``: first frames of all shots (0 first). ``pan``: -1 left .. 1 right, per frame."""
    length = sample_at(total, rate)
    time = np.arange(length) / SAMPLE_RATE
    where = np.interp(time * float(rate), np.arange(total), pan)
    rng = np.random.default_rng(5)
    air = np.convolve(rng.standard_normal(length), np.hanning(64) / 32, mode="same")
    mono = 0.012 * air
    bounds = [*(sample_at(cut, rate) for cut in cuts), length]
    for number, (start, end) in enumerate(pairwise(bounds)):
        local = time[start:end] - time[start] if end > start else time[:0]
        edge = np.minimum(local, (end - start) / SAMPLE_RATE - local)
        swell = np.clip(edge / 0.4, 0, 1)
        for k, tone in enumerate(_CHORDS[number % len(_CHORDS)]):
            tremble = 1 + 0.25 * np.sin(2 * np.pi * (0.6 + 0.2 * k) * local)
            mono[start:end] += 0.045 * swell * tremble * np.sin(2 * np.pi * tone * local)
    angle = (where + 1) * np.pi / 4
    out = np.stack([mono * np.cos(angle), mono * np.sin(angle)], axis=1)
    for start in bounds[1:-1]:
        click = _CLICK[: length - start, None]
        out[start : start + len(click)] = click
    return out.astype(np.float32)
