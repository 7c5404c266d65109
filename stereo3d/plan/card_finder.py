"""Finds credits and title cards, frame by frame, from the luma planes that the survey sees. Each shot is judged alone.

A card is text on something flat: nearly all of the frame is one level; what is not, is ink of one colour with its soft rims;
and the ink lies in lines of strokes. So a dark scene is none (it has more levels than two), nor are stars or lamps
(no lines), nor a logo or the moon (no strokes), nor text laid over a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo3d.frames import PixelFormat, Shot

__all__ = ["CardFinder", "is_card"]

EVERY = 4  # frames
WIDTH = 480  # pixels: letters of 1/60 of a picture's height are still five rows high
FLAT = 10  # codes (of 8 bit) around the background's level that are background: grain and coding noise
INK = 28  # codes, at least, that ink differs by
GROUND = 0.6  # share of the frame that must be background
LEAST_INK, MOST_INK = 0.0008, 0.3  # share of the frame
STRAY = 0.01  # share of the frame that may be neither ground, nor ink, nor its rim
RIM = 5  # pixels: a rim is so near to ink
IN_LINES = 0.7  # share of the ink that must lie in lines of text
LETTER = (4, 60)  # rows: from the smallest credits to a large title
TURNS = 1.15  # strokes in a column of text, on average: a row of lit windows has one
TURNING = 8  # rows: in smaller letters they cannot be told
STROKES = 0.7  # strokes in a row of text, for every letter height of its length: letters have about two
FADING = 2  # samples: text that comes or goes is too faint to be told for so long
SHORTEST = 3  # samples: what is shorter cannot be read

Luma = NDArray[Any]
_BLANK, _PICTURE, _CARD = 0, 1, 2


class CardFinder:
    """Feed every frame in order, then ask for the spans. ``format``: of the frames."""

    def __init__(self, format: PixelFormat) -> None:
        self._bits = format.bits
        self._kinds: list[int] = []
        self._count = 0

    def push(self, luma: Luma) -> None:
        """The next frame's luma [h, w], uint8 or uint16."""
        if self._count % EVERY == 0:
            self._kinds.append(_kind(_small(luma, self._bits)))
        self._count += 1

    def finish(self, shots: Sequence[Shot]) -> tuple[tuple[int, int], ...]:
        """[start, end) of the frames that show a card, in order; no span reaches over a cut."""
        return tuple(span for shot in shots for span in self._of(shot))

    def _of(self, shot: Shot) -> list[tuple[int, int]]:
        first = -(-shot.start // EVERY)
        kinds = self._kinds[first : -(-shot.end // EVERY)]
        groups: list[list[int]] = []
        for i in (i for i, kind in enumerate(kinds) if kind == _CARD):
            if groups and kinds[groups[-1][-1] : i].count(_PICTURE) <= FADING:
                groups[-1].append(i)
            else:
                groups.append([i])
        found = []
        for group in groups:
            if len(group) < min(SHORTEST, len(kinds)):
                continue
            start, end = (first + group[0] - 1) * EVERY + 1, (first + group[-1] + 1) * EVERY
            if kinds[: group[0]].count(_PICTURE) <= FADING:
                start = shot.start
            if kinds[group[-1] :].count(_PICTURE) <= FADING:
                end = shot.end
            found.append((max(start, shot.start), min(end, shot.end)))
        return found


def is_card(luma: Luma, bits: int = 8) -> bool:
    """Whether a picture is text on a flat ground. ``luma``: [h, w], uint8 or uint16 of so many ``bits``."""
    return _kind(_small(luma, bits)) == _CARD


def _small(luma: Luma, bits: int) -> NDArray[np.uint8]:
    """The luma, 8 bit, WIDTH wide or less: by halves as far as that goes, which is by far the cheapest mean."""
    height, width = luma.shape
    while luma.shape[0] % 2 == luma.shape[1] % 2 == 0 and luma.shape[1] >= 2 * WIDTH:
        luma = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if luma.shape[1] > WIDTH:
        luma = cv2.resize(luma, (WIDTH, max(1, round(height * WIDTH / width))), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(luma if bits == 8 else (luma >> (bits - 8)).astype(np.uint8))


def _kind(luma: NDArray[np.uint8]) -> int:
    histogram = cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel() / luma.size
    levels = np.arange(256)
    peak = int(np.convolve(histogram, np.ones(2 * FLAT + 1), "same").argmax())
    near = np.where(np.abs(levels - peak) <= FLAT, histogram, 0).cumsum()
    level = int(np.searchsorted(near, near[-1] / 2))
    distance = np.abs(levels - level)
    ground = float(histogram[distance <= FLAT].sum())
    if ground > 1 - LEAST_INK:
        return _BLANK
    beyond = np.bincount(distance, histogram, 256)[::-1].cumsum()[::-1]  # share at this distance and beyond
    contrast = float(np.flatnonzero(beyond >= LEAST_INK)[-1])
    limit = max(INK, 0.45 * contrast)
    share = float(histogram[distance > limit].sum())
    if ground < GROUND or contrast < INK or not LEAST_INK / 2 <= share <= MOST_INK:
        return _PICTURE
    away = cv2.absdiff(luma, np.full_like(luma, level))
    ink = (away > limit).astype(np.uint8)
    rim = cv2.dilate(ink, np.ones((RIM, RIM), np.uint8))
    if float(((away > FLAT) & (rim == 0)).mean()) > min(STRAY, share):
        return _PICTURE
    return _CARD if _in_lines(ink) >= IN_LINES else _PICTURE


def _in_lines(ink: NDArray[np.uint8]) -> float:
    """The share of the ink that lies in lines of text. A line drawn round the whole card does not count."""
    high, wide = ink.shape
    words = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, max(9, wide // 40 | 1)), np.uint8))
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(words, connectivity=8)
    within, total, turns, columns = 0, int(ink.sum()), 0, 0
    for number, (x, y, width, height, area) in enumerate(boxes[1:], 1):
        line = (ink[y : y + height, x : x + width] * (labels[y : y + height, x : x + width] == number)).astype(np.int8)
        if width > wide // 2 and height > high // 2 and area < width * height // 5:
            total -= int(line.sum())
        if not LETTER[0] <= height <= LETTER[1] or width < 1.5 * height:
            continue
        across = np.count_nonzero(np.diff(line, axis=1, prepend=0) == 1, axis=1)
        if np.sort(across)[height // 2] < max(2.0, STROKES * width / height):
            continue
        within += int(line.sum())
        if height >= TURNING:
            turns += int(np.count_nonzero(np.diff(line, axis=0, prepend=0) == 1))
            columns += int(np.count_nonzero(line.any(0)))
    return within / max(1, total) if turns >= TURNS * columns else 0.0
