"""A few frames of a source around any time: sought by keyframe, never read from the beginning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import dropwhile

import av
import numpy as np
import torch
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from stereo3d.errors import InputError
from stereo3d.frames import FrameBatch
from stereo3d.media.closing import Closing
from stereo3d.media.decode import BatchBuilder, toned, upright_frames
from stereo3d.media.geometry import Upright, output_size
from stereo3d.media.info import MediaInfo
from stereo3d.media.reader import SourceFrame, open_reader

__all__ = ["Near", "NearReader"]

_SMALL_WIDTH = 256
_BEGINNING = 10  # seconds: only up to here is a source read from its beginning where it cannot be sought


@dataclass(frozen=True, slots=True)
class Near:
    """Frames of a source around a time. ``samples``: some, one each, in order, as they are converted; number ``place`` is the one
    shown at the time asked for. ``times``, ``smalls``: of every frame from the first sample to the last, its time and itself
    small, [h, w, 3] uint8 BGR."""

    samples: tuple[FrameBatch, ...]
    place: int
    times: tuple[int, ...]
    smalls: tuple[NDArray[np.uint8], ...]


class NearReader(Closing):
    """Reads a source here and there. ``height``: scale to that many rows. ``device``: where tone-mapping is done, if any. For one
    thread at a time. Raises InputError where nothing can be decoded."""

    def __init__(self, info: MediaInfo, *, height: int | None = None, device: torch.device | None = None) -> None:
        self._info, self._height, self._device = info, height, device
        self._small = VideoReformatter()
        self._reader = open_reader(info)
        first = next(self._reader.frames(), None)
        if first is None:
            raise InputError(f"{info.path}: none of its frames can be decoded", hint="try to play it; copy it again")
        self.first_pts = first.pts
        """Time of the first frame, in the source's time base."""

    def close(self) -> None:
        """Release the decoder and the file."""
        self._reader.close()

    def near(self, seconds: Fraction, *, reach: Fraction = Fraction(0), beside: int = 0) -> Near:
        """The frame that is shown ``seconds`` after the first one (the last one, beyond the end), and ``beside`` more on either side,
        spread over ``reach`` seconds: fewer at the film's ends, and right after a keyframe, for none before it is decoded.

        Raises InputError where there is no frame, or no keyframe to begin at.
        """
        base = self._info.video.time_base
        goal = self.first_pts + seconds / base
        goals = [goal + n * reach / max(1, beside) / base for n in range(-beside, beside + 1)]
        samples: list[FrameBatch] = []
        times: list[int] = []
        smalls: list[NDArray[np.uint8]] = []
        place = 0
        for frame, time, until in _with_next(self._from(goal)):
            if not samples and until is not None and until <= goals[0]:
                continue
            due = [time for time in goals if until is None or time < until]
            goals = goals[len(due) :]
            times.append(time)
            smalls.append(self._shrunk(frame))
            if due:
                place = len(samples) if goal in due else place
                samples.append(self._batch(frame, time))
            if not goals:
                break
        if not samples:
            raise InputError(
                f"{self._info.path}: no frame can be decoded at {float(seconds):.3f} s", hint="choose another time"
            )
        return Near(tuple(samples), place, tuple(times), tuple(smalls))

    def keyframe(self, seconds: Fraction) -> Fraction:
        """The time, as :meth:`near` counts it, of the keyframe that it begins at for a time; 0 where none is found."""
        base = self._info.video.time_base
        found = self._reader.seek(self.first_pts + int(seconds / base))
        first = next(found, None) if found is not None else None
        return (first.pts - self.first_pts) * base if first is not None else Fraction(0)

    def _from(self, goal: Fraction) -> Iterator[av.VideoFrame]:
        """Frames from the keyframe before ``goal`` on."""
        video = self._info.video
        pts = int(goal) - video.frame_ticks if video.fields else int(goal)
        frames = self._reader.seek(pts, strictly_before=video.interlaced)
        if frames is None:
            if (goal - self.first_pts) * video.time_base > _BEGINNING:
                raise InputError(
                    f"{self._info.path} has no keyframe that can be sought", hint="copy it into Matroska (MKV) first"
                )
            self._reader.close()
            self._reader = open_reader(self._info)
            frames = self._reader.frames()
        whole: Iterator[SourceFrame] = dropwhile(lambda source: source.frame.is_corrupt, frames)
        return upright_frames(whole, Upright(video, self._height))

    def _shrunk(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        width = min(_SMALL_WIDTH, frame.width)
        height = max(1, round(width * frame.height / frame.width))
        small = self._small.reformat(frame, width, height, "bgr24", interpolation="AREA").to_ndarray()
        return small.view(np.uint8)

    def _batch(self, frame: av.VideoFrame, pts: int) -> FrameBatch:
        video = self._info.video
        builder = BatchBuilder(video.decoded_format, output_size(video, self._height), 1, None)
        builder.add(frame)
        number = round((pts - self.first_pts) * video.time_base * (video.shown_rate or 25))
        return toned(builder.done((pts,), number), video, self._device)


def _with_next(frames: Iterator[av.VideoFrame]) -> Iterator[tuple[av.VideoFrame, int, int | None]]:
    """Each frame with its time and that of the next one, None for the last."""
    before: tuple[av.VideoFrame, int] | None = None
    for frame in frames:
        if frame.pts is None:
            continue
        if before is not None:
            yield *before, frame.pts
        before = frame, frame.pts
    if before is not None:
        yield *before, None
