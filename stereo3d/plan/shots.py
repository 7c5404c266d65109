"""Shot boundaries, from the small pictures of one sequential scan.

The detector is PySceneDetect's AdaptiveDetector (content change against a rolling average, so that fast camera moves do
not count as cuts); this file feeds it and turns its cuts into shots that tile the film.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, FrameTimecode

from stereo3d.frames import Shot

__all__ = ["ShotDetector", "shots_from_cuts"]

# The detector counts in frames; the rate only labels its timecodes.
_LABEL_RATE = 24.0
# Two cuts closer than this are one event (a flash, a bad splice): temporal state needs some frames to be worth resetting.
MIN_SHOT_FRAMES = 8


class _Detector(AdaptiveDetector):  # type: ignore[misc]
    """The detector with its score (the mean difference of hue, saturation and value to the frame before) counted in a third of the
    time: to the last bit the same, so that a release without this method would only be slower."""

    _before: Sequence[cv2.typing.MatLike] | None = None

    def _calculate_frame_score(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> float:
        channels = cv2.split(cv2.cvtColor(frame_img, cv2.COLOR_BGR2HSV))
        before, self._before = self._before or channels, channels
        pixels = float(channels[0].size)
        return sum(cv2.norm(a, b, cv2.NORM_L1) / pixels for a, b in zip(channels, before, strict=True)) / len(channels)


class ShotDetector:
    """Feed every frame in order, then ask for the shots."""

    def __init__(self) -> None:
        self._detector = _Detector(min_scene_len=MIN_SHOT_FRAMES)
        self._cuts: list[int] = []
        self._count = 0

    def push(self, picture: NDArray[np.uint8]) -> None:
        """The next frame as a small uint8 [h, w, 3] BGR picture; every call must have the same size."""
        timecode = FrameTimecode(self._count, _LABEL_RATE)
        self._cuts += [cut.frame_num for cut in self._detector.process_frame(timecode, picture)]
        self._count += 1

    @property
    def settled_frames(self) -> int:
        """How many of the frames pushed belong to shots that have ended: to all but the last one. (A cut shows two frames later.)"""
        return self._cuts[-1] if self._cuts else 0

    def settled(self) -> tuple[Shot, ...]:
        """The shots that have ended: whatever comes, they stay."""
        return shots_from_cuts(self._cuts, self.settled_frames)

    def finish(self) -> tuple[Shot, ...]:
        """The shots of all frames pushed, in order, without gaps."""
        if self._count:
            last = FrameTimecode(self._count - 1, _LABEL_RATE)
            self._cuts += [cut.frame_num for cut in self._detector.post_process(last)]
        return shots_from_cuts(self._cuts, self._count)


def shots_from_cuts(cuts: list[int], count: int) -> tuple[Shot, ...]:
    """Shots that tile frames [0, count), given the first frame of each new shot in any order. Empty for count 0."""
    inner = sorted({cut for cut in cuts if 0 < cut < count})
    edges = [0, *inner, count]
    return tuple(Shot(a, b) for a, b in pairwise(edges) if b > a)
