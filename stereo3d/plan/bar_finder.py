"""Finds black bars, one rectangle for each shot, from whole luma planes seen during the survey.

A bar is not simply what is dark: night skies, credits and fades are dark too. It ends on a straight, sharp edge that stays
where it is for the whole shot, and it has a counterpart of about its size on the other side. A shot that shows such edges
is *sure*. A shot too dark to show them (or with credits) takes the bars of the nearest sure shot whose bars hold nothing of
it. A shot without anything but black has no bars to speak of.

Rows and columns are judged by how much of them is lit, so that noise and subtitles in a bar do not count as picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo3d.frames import PixelFormat, Shot
from stereo3d.plan.bars import Bars

__all__ = ["BarFinder"]

Luma = NDArray[Any]
Pair = tuple[int, int]

SMALLEST = 48  # pixels of a side
EVERY = 4  # frames; the shortest shot has two of them
DEEPEST = 0.36  # of the frame's side, for one bar: an upright 9:16 picture in a 16:9 frame has 0.34
NOISE = (4, 16)  # 8-bit codes above black that are still dark: in clean bars, in the noisiest bars
LIT_AT_ALL = 0.002  # share of the frame: less is a black frame
PICTURE = 0.3  # share of a line that is lit, if it is picture
TALL = 0.05  # of the frame's side: a line of text, however bold, is followed by dark lines before that
TEXT = 0.04  # share of a line: more than noise
EDGE = 0.4  # of the brightness inside: a darker line belongs to the bar
STRAIGHT = 0.5  # share of the lines inside an edge
STEADY = 0.2  # share of a shot's lit samples that must agree on an edge
STRAY = 10  # one of so many samples may have a coding artefact in a bar
LIKE = 0.02  # of the frame's side: how much two opposite bars may differ
NEAR = 3  # lines: ringing of the codec round an edge
STRIP = 128  # rows that are counted at once: a column's count fits into a byte


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of a shot, before and after the picture. ``found``: its bars, None where it is too dark to tell. ``clear`` and
    ``dark``: how deep bars may reach without covering text, or picture."""

    found: Pair | None
    clear: Pair
    dark: Pair
    weight: int

    def may_have(self, bars: Pair) -> bool:
        """Whether these bars would hold nothing of the shot but a subtitle in one of them."""
        fits = all(d >= b - NEAR for d, b in zip(self.dark, bars, strict=True))
        return fits and any(c >= b - NEAR for c, b in zip(self.clear, bars, strict=True))


class BarFinder:
    """Feed every frame in order, then ask for the bars of each shot. ``format``, ``size`` (height, width): of the frames.
    ``every``: one in so many is looked at."""

    def __init__(self, format: PixelFormat, size: tuple[int, int], *, every: int = EVERY) -> None:
        self._every = every
        self._unit = 1 << (format.bits - 8)
        self._black = 0 if format.colour.full_range else 16 * self._unit
        self._size = size
        self._samples: list[NDArray[np.int32] | None] = []
        self._count = 0

    def push(self, luma: Luma) -> None:
        """The next frame's luma [h, w], uint8 or uint16. A frame of another size than the film's counts as all picture, and
        so does a tiny one."""
        if self._count % self._every == 0:
            usual = luma.shape == self._size and min(luma.shape) >= SMALLEST
            self._samples.append(_measure(luma, self._black, self._unit) if usual else np.zeros((4, 3), np.int32))
        self._count += 1

    def finish(self, shots: Sequence[Shot]) -> tuple[Bars | None, ...]:
        """Bars of each shot in pixels of the frames pushed; None for a shot of nothing but black."""
        seen = [self._of(shot) for shot in shots]
        rows = _settle([None if s is None else _axis(s[:, :2], self._size[0]) for s in seen])
        columns = _settle([None if s is None else _axis(s[:, 2:], self._size[1]) for s in seen])
        return tuple(
            None if s is None else Bars(left=x[0], top=y[0], right=x[1], bottom=y[1])
            for s, x, y in zip(seen, columns, rows, strict=True)
        )

    def _of(self, shot: Shot) -> NDArray[np.int32] | None:
        """The lit samples of a shot, [n, 4, 3], or None."""
        lit = [s for s in self._samples[-(-shot.start // self._every) : -(-shot.end // self._every)] if s is not None]
        return np.stack(lit) if lit else None


def _measure(luma: Luma, black: int, unit: int) -> NDArray[np.int32] | None:
    """One frame: for top, bottom, left, right the depth that is free of text, the depth that is free of picture, and where a
    straight edge lies (-1: nowhere). None for a black frame."""
    noise = min(
        float(np.percentile(np.concatenate(border), 95))
        for border in ((luma[:2].ravel(), luma[-2:].ravel()), (luma[:, :2].ravel(), luma[:, -2:].ravel()))
    )
    limit = min(max(noise, black) + NOISE[0] * unit, black + NOISE[1] * unit)
    rows, columns = _lit(luma, int(limit))
    height, width = luma.shape
    if rows.sum() < LIT_AT_ALL * height * width:
        return None
    across, down = _extent(columns, height), _extent(rows, width)
    share_of_rows = rows / max(across.stop - across.start, (1 - 2 * DEEPEST) * width)
    share_of_columns = columns / max(down.stop - down.start, (1 - 2 * DEEPEST) * height)
    inner = luma[:, across]
    upright = luma[down].T
    return np.array(
        [
            _side(share_of_rows, inner),
            _side(share_of_rows[::-1], inner[::-1]),
            _side(share_of_columns, upright),
            _side(share_of_columns[::-1], upright[::-1]),
        ],
        np.int32,
    )


def _lit(luma: Luma, limit: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """How many samples of each row, and of each column, are above ``limit``: by strips that stay in the processor's cache."""
    rows, columns = [], np.zeros(luma.shape[1], np.int32)
    for top in range(0, luma.shape[0], STRIP):
        lit = (luma[top : top + STRIP] > limit).view(np.uint8)
        rows.append(cv2.reduce(lit, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel())
        columns += lit.sum(0, dtype=np.uint8)
    return np.concatenate(rows), columns


def _extent(counts: NDArray[Any], length: int) -> slice:
    """From the first to the last line of which more than a fiftieth is lit."""
    lit = np.flatnonzero(counts > length / 50)
    return slice(int(lit[0]), int(lit[-1]) + 1) if len(lit) else slice(0, len(counts))


def _side(share: NDArray[np.float64], lines: Luma) -> tuple[int, int, int]:
    """(clear, dark, edge) of one side, from outside in. ``share``: of each line that is lit; ``lines``: their samples."""
    deepest = int(DEEPEST * len(share))
    clear = _first_run(share[: deepest + 2] > TEXT, 2)
    run = max(4, int(TALL * len(share)))
    dark = _first_run(share[: deepest + run] > PICTURE, run)
    if dark < 2 or dark >= deepest:
        return clear, dark, -1
    first = max(0, dark - NEAR - 2)
    level = _medians(lines[first : dark + 4 * NEAR]) - _medians(lines[:1])
    inside = float(np.median(level[dark - first + NEAR :]))
    edge = first + int(np.argmax(level >= EDGE * inside))
    before, after = level[: max(1, edge - first - 1)], level[edge - first + 1 :]
    band = share[edge + 1 : edge + 1 + max(4, len(share) // 100)]
    sharp = edge >= 2 and before[-1] <= inside / 5 and after[0] >= inside * 0.6 and inside > 0
    straight = band.mean() >= STRAIGHT and share[max(0, edge - 2 * NEAR) : edge - 1].mean() <= PICTURE
    return clear, dark, edge if sharp and straight else -1


def _medians(lines: Luma) -> NDArray[np.float64]:
    """The median of each line. A stable sort of small integers is by digits: six times as fast as a selection."""
    ordered = np.sort(lines, axis=1, kind="stable")
    count = ordered.shape[1]
    low, high = ordered[:, (count - 1) // 2].astype(np.float64), ordered[:, count // 2].astype(np.float64)
    return (low + high) / 2


def _first_run(flags: NDArray[np.bool_], length: int) -> int:
    """Where the first run of that many True begins; beyond the last possible place if there is none."""
    runs = np.flatnonzero(np.lib.stride_tricks.sliding_window_view(flags, length).all(1))
    return int(runs[0]) if len(runs) else len(flags) - length + 1


def _axis(samples: NDArray[np.int32], length: int) -> _Axis:
    """One axis of a shot from its samples, [n, 2, 3]."""
    low = np.sort(samples[..., :2], axis=0)[len(samples) // STRAY]
    clear, dark = ((int(low[0, kind]), int(low[1, kind])) for kind in (0, 1))
    sides = [_steady_edge(samples[:, side, 2], dark[side]) for side in (0, 1)]
    found: Pair | None = None
    if sides[0] is not None and sides[1] is not None and abs(sides[0] - sides[1]) <= LIKE * length:
        found = sides[0], sides[1]
    elif min(dark) < 2:
        found = 0, 0
    elif sides[0] is None and sides[1] and clear[0] >= sides[1] - NEAR:
        found = sides[1], sides[1]  # the other side is black that deep, at least
    elif sides[1] is None and sides[0] and clear[1] >= sides[0] - NEAR:
        found = sides[0], sides[0]
    return _Axis(found, clear, dark, len(samples))


def _steady_edge(edges: NDArray[np.int32], dark: int) -> int | None:
    """The edge that enough samples agree on and that the picture does not cross; 0: picture to the border; None: unknown."""
    if dark < 2:
        return 0
    votes = Counter(int(edge) for edge in edges if edge >= 0)
    if not votes:
        return None
    best = max(votes, key=lambda edge: (votes[edge], edge))
    agree = sum(count for edge, count in votes.items() if abs(edge - best) <= 1)
    return best if agree >= STEADY * len(edges) and dark >= best - NEAR else None


def _settle(axes: Sequence[_Axis | None]) -> list[Pair]:
    """One axis of all shots: sure bars that differ by a line or two become one, dark shots take the nearest that fit."""
    weights: Counter[Pair] = Counter()
    for axis in axes:
        if axis is not None and axis.found is not None:
            weights[axis.found] += axis.weight
    heaviest = sorted(weights, key=lambda pair: (-weights[pair], pair))

    def snapped(pair: Pair) -> Pair:
        return next(p for p in heaviest if abs(p[0] - pair[0]) <= 2 and abs(p[1] - pair[1]) <= 2)

    sure = [(i, snapped(axis.found)) for i, axis in enumerate(axes) if axis is not None and axis.found is not None]
    known = dict(sure)
    settled: list[Pair] = []
    for i, axis in enumerate(axes):
        if axis is None or i in known:
            settled.append(known.get(i, (0, 0)))
            continue
        near = sorted(sure, key=lambda other: (abs(other[0] - i), other[0]))
        settled.append(next((pair for _, pair in near if axis.may_have(pair)), (0, 0)))
    return settled
