"""A film opened to look at single moments of it: any time is decoded from its keyframe on, and gets its depth.

A moment passes the stages of a conversion, but not after all the frames of its shot. So it differs from the film's frame in
this: the range of its depth is found on a few frames of its shot within a second (the film: all of it, or 10 s); maps are not
averaged along the motion; and what is uncovered is filled from beside it, not from other frames. Bars and cards are judged by
these frames alone, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np
import torch

from stereo3d.depth.base import DepthModel
from stereo3d.depth.flat import FlatDepth
from stereo3d.errors import UsageError
from stereo3d.frames import FrameBatch, Shot
from stereo3d.job.numerics import load_with_numerics
from stereo3d.media.closing import Closing
from stereo3d.media.geometry import output_size
from stereo3d.media.info import MediaInfo
from stereo3d.media.near import Near, NearReader
from stereo3d.media.probe import probe
from stereo3d.media.wanted import wanted
from stereo3d.pipeline.recipe import Numerics
from stereo3d.pipeline.shot_depth import ShotDepth
from stereo3d.plan.bar_finder import BarFinder
from stereo3d.plan.bars import NO_BARS, Bars, crop
from stereo3d.plan.card_finder import is_card
from stereo3d.plan.overrides import FLAT
from stereo3d.plan.shots import ShotDetector
from stereo3d.render.shrink import shrunk
from stereo3d.settings import DepthSettings, Settings
from stereo3d.tone import is_hdr

__all__ = ["Moment", "Moments", "Scene", "open_moments", "scaled_bars"]

_BESIDE = 2  # frames on either side
_REACH = Fraction(1)  # seconds that they are spread over


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame and its neighbours, decoded. ``time``: exact seconds since the film's first frame. ``frames``: some of the frame's
    own shot, one each, in order; the frame is number ``place``. ``bars``: of the shot. ``card``: the frame is text on a flat
    ground, and stays flat. ``motion``: how much the picture changes from frame to frame, 0..1 of the code values, on average."""

    time: Fraction
    frames: tuple[FrameBatch, ...]
    place: int
    bars: Bars
    card: bool
    motion: float

    @property
    def source(self) -> FrameBatch:
        """The frame itself."""
        return self.frames[self.place]


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame with its depth. ``source``: one frame, whole. ``depths``: [n, 1, h, w] float32 in [0, 1], 1 = near, of frames of its
    shot, ``every`` seconds apart, between the bars; the frame's own is number ``place``. ``model``: its name."""

    time: Fraction
    source: FrameBatch
    bars: Bars
    card: bool
    depths: torch.Tensor
    place: int
    every: float
    model: str

    @property
    def depth(self) -> torch.Tensor:
        """[1, 1, h, w], of the picture between the bars."""
        return self.depths[self.place : self.place + 1]

    def at_height(self, height: int) -> Moment:
        """The moment with a smaller picture, about so many rows; itself where it has no more. The depth stays."""
        if height >= self.source.height:
            return self
        source = shrunk(self.source, round(self.source.width * height / self.source.height))
        return replace(self, source=source, bars=scaled_bars(self.bars, source, self.source.height))


class Moments(Closing):
    """Use as a context manager, from one thread at a time. ``settings``: what is decoded (height, bars, deinterlacing) and the
    depth are as they say for good; another model can be asked for."""

    def __init__(self, info: MediaInfo, settings: Settings, tell: Callable[[str], None]) -> None:
        self.info, self.settings, self._tell = info, settings, tell
        self._reader = NearReader(info, height=settings.picture.height)
        self._loaded: tuple[DepthSettings, DepthModel, Numerics] | None = None

    @property
    def seconds(self) -> Fraction:
        """How long the film is, as it says itself; 0 where it does not."""
        return self.info.duration or Fraction(0)

    def close(self) -> None:
        """Release the decoder, the file and the model."""
        self._loaded = None
        self._reader.close()

    def scene(self, time: Fraction, *, beside: int = _BESIDE, reach: Fraction = _REACH) -> Scene:
        """The frame shown ``time`` seconds after the first one, decoded, without depth: fast. ``beside``: neighbours on either side,
        spread over ``reach`` seconds, that help to find the range of its depth; each costs as much as the frame. Raises InputError."""
        near = self._reader.near(time, reach=reach, beside=beside)
        frames, place = _own_shot(near)
        source = near.samples[near.place]
        exact = (source.pts[0] - self._reader.first_pts) * self.info.video.time_base
        luma = source.planes[0][0].cpu().numpy()
        bars = self._bars(frames) if self.settings.picture.bars != "off" else NO_BARS
        return Scene(exact, frames, place, bars, is_card(luma, source.format.bits), _motion(near))

    def keyframe(self, time: Fraction) -> Fraction:
        """Seconds of the keyframe that decoding begins at for ``time``."""
        return self._reader.keyframe(time)

    def at(self, time: Fraction, *, beside: int = _BESIDE, depth: DepthSettings | None = None) -> Moment:
        """:meth:`scene` with its depth."""
        return self.moment(self.scene(time, beside=beside), depth)

    def moment(self, scene: Scene, depth: DepthSettings | None = None) -> Moment:
        """A scene with its depth. ``depth``: another model than that of the settings; it is loaded, and takes the other's place (but
        for that of flat shots).

        Raises UsageError, WeightsError.
        """
        flat = depth is not None and depth.model == FLAT
        model, numerics = (FlatDepth(), Numerics("cpu", 1, 1)) if flat else self.model(depth)
        shot = ShotDepth(
            model,
            zero_parallax=0.5,  # found when it is looked at, for it depends on the strength
            steady="off" if (depth or self.settings.depth).steady == "off" else "range",
        )
        parts = [part for frame in scene.frames for part in shot.push(crop(frame, scene.bars))] + list(shot.finish())
        device = torch.device(numerics.device)
        depths = torch.cat([part.maps(device) for part in parts])
        every = float(_REACH) / _BESIDE
        return Moment(
            scene.time, scene.source.to(device), scene.bars, scene.card, depths, scene.place, every, model.info.name
        )

    def model(self, depth: DepthSettings | None = None) -> tuple[DepthModel, Numerics]:
        """The model (see :meth:`moment`), loaded unless it is, and how it runs."""
        wanted = depth or self.settings.depth
        if self._loaded is None or self._loaded[0] != wanted:
            self._loaded = None  # two networks need not be in memory at once
            if wanted.depth_from is not None:
                raise UsageError("moments get their depth from a model, not from --depth-from", hint="name a --model")
            model, numerics = load_with_numerics(
                wanted.model_copy(update={"compile": "off"}),
                output_size(self.info.video, self.settings.picture.height),
                lambda: 1,
                None,
                download=lambda _done, _total: None,
                report=self._tell,
            )
            self._loaded = wanted, model, numerics
        return self._loaded[1:]

    def forget_model(self) -> None:
        """Give the model's memory back; it is loaded again when it is needed."""
        self._loaded = None

    def _bars(self, frames: Sequence[FrameBatch]) -> Bars:
        first = frames[0]
        finder = BarFinder(first.format, (first.height, first.width), every=1)
        for frame in frames:
            finder.push(frame.planes[0][0].cpu().numpy())
        found = finder.finish((Shot(0, len(frames)),))[0]
        return _whole_samples(found, first) if found is not None else NO_BARS


def open_moments(source: Path, settings: Settings, tell: Callable[[str], None] = lambda _line: None) -> Moments:
    """Open a film, a picture or a folder of pictures. HDR is shown as SDR, for pages are. ``tell``: hears what differs from what
    was asked for. Raises InputError, UsageError."""
    info = probe(source)
    if is_hdr(info.video.format.colour):
        settings = settings.model_copy(update={"picture": settings.picture.model_copy(update={"sdr": True})})
    return Moments(wanted(info, settings), settings, tell)


def _own_shot(near: Near) -> tuple[tuple[FrameBatch, ...], int]:
    """The samples that are of the frame's own shot, and its place among them."""
    detector = ShotDetector()
    for small in near.smalls:
        detector.push(small)
    number = near.times.index(near.samples[near.place].pts[0])
    own = next(shot for shot in detector.finish() if shot.start <= number < shot.end)
    times = near.times[own.start : own.end]
    kept = [n for n, frame in enumerate(near.samples) if times[0] <= frame.pts[0] <= times[-1]]
    return tuple(near.samples[n] for n in kept), kept.index(near.place)


def _motion(near: Near) -> float:
    """How much pictures around the frame change from one to the next, 0..1, the middle of all changes: a cut does not count."""
    changes = [float(np.abs(a.astype(np.int16) - b).mean()) / 255 for a, b in pairwise(near.smalls)]
    return float(np.median(changes)) if changes else 0.0


def _whole_samples(bars: Bars, frame: FrameBatch) -> Bars:
    """Bars rounded up so that no chroma sample is split."""
    across, down = 1 << frame.format.chroma_x, 1 << frame.format.chroma_y
    left, top, right, bottom = bars.left, bars.top, bars.right, bars.bottom
    width, height = frame.width, frame.height
    return Bars(
        -(-left // across) * across,
        -(-top // down) * down,
        width - (width - right) // across * across if right else 0,
        height - (height - bottom) // down * down if bottom else 0,
    )


def scaled_bars(bars: Bars, frame: FrameBatch, height: int) -> Bars:
    """Bars of a picture of ``height`` rows on the smaller ``frame``; a line more, where it is soft."""
    share = frame.height / height
    return _whole_samples(Bars(*(ceil(side * share) + 1 if side else 0 for side in astuple(bars))), frame)
