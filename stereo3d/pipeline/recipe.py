"""What a segment is made from: the recipe and the models, and what comes of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from stereo3d.depth.base import DepthModel
from stereo3d.frames import Timeline
from stereo3d.layouts import LAYOUTS
from stereo3d.media.decode import Decoder
from stereo3d.media.depth_video import DepthVideo
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.info import MediaInfo
from stereo3d.pipeline.staging import ComfortFacts
from stereo3d.pipeline.witness import Seen
from stereo3d.plan.bars import Framing
from stereo3d.plan.cards import Cards
from stereo3d.plan.overrides import InForce, Overrides
from stereo3d.plan.segments import Segment
from stereo3d.render.uncovered import REACH
from stereo3d.settings import Settings

__all__ = ["Ends", "Found", "Models", "Numerics", "Places", "Recipe", "SegmentResult"]


@dataclass(frozen=True, slots=True)
class Numerics:
    """What touches the numbers beyond the settings. Fixed when a job starts and used again when it continues.

    ``device``: the kind, cpu, cuda or mps. ``batch``: frames a call of the model. ``threads``: of torch on the CPU. ``compiled``: whether the
    network runs through torch.compile.
    """

    device: str
    batch: int
    threads: int
    compiled: bool = False


@dataclass(frozen=True, slots=True)
class Ends:
    """Which ends of the pipeline hand frames over on the device: NVDEC's and NVENC's."""

    decode: bool = False
    encode: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a segment's pictures depend on, besides the segment itself.

    ``depth_from``: the depth film that is read instead of asking a model. ``keep``: how depth is kept beside, None: not at all.
    ``cards``: what stays flat.
    ``stills``: frames that the report shows, ``device``: which one of its kind computes ("" is any), and ``ends``; no picture depends on them.
    ``goals``: bytes for each segment, by its number, where the output is to have a certain size.
    ``overrides``: shots with settings of their own; ask :meth:`in_force`, not ``settings.view``.
    ``substitute``: a software encoder for where the hardware's fails, None where ``encoder`` is one. ``substituted``: the first
    frames of the segments that it writes; ask :meth:`encoder_of`.
    """

    info: MediaInfo
    timeline: Timeline
    seekable: bool
    settings: Settings
    encoder: EncoderSpec
    numerics: Numerics
    model_identity: str
    framing: Framing = field(default_factory=Framing)
    depth_from: DepthVideo | None = None
    keep: EncoderSpec | None = None
    cards: Cards = field(default_factory=Cards)
    overrides: Overrides = field(default_factory=Overrides)
    stills: frozenset[int] = frozenset()
    goals: tuple[int, ...] = ()
    substitute: EncoderSpec | None = None
    substituted: frozenset[int] = frozenset()
    device: str = ""
    ends: Ends = field(default_factory=Ends)

    @property
    def place(self) -> torch.device:
        """Where depth and views are computed."""
        return torch.device(self.device or self.numerics.device)

    @property
    def network(self) -> bool:
        """Whether the film's depth comes from a network, so is computed on the device; the other sources compute on the host."""
        return self.depth_from is None and self.settings.depth.model != "classic"

    def encoder_of(self, segment: Segment) -> EncoderSpec:
        """Who writes a segment."""
        return self.substitute if self.substitute and segment.start in self.substituted else self.encoder

    def in_force(self, frame: int) -> InForce:
        """The settings of the shot that an output frame belongs to."""
        return self.overrides.at(frame) or InForce(self.settings.view)

    def fills_over_time(self, frame: int) -> bool:
        """Whether the holes of an output frame's shot are filled from its other frames. ``auto``: not where depth comes from
        ``classic``, which is not steady enough to tell what was behind what."""
        own = self.in_force(frame)
        film = self.settings.depth.model if self.depth_from is None else self.depth_from.model
        steady = (own.model or film) != "classic"
        return own.view.strength > 0 and (own.view.fill == "temporal" or (own.view.fill == "auto" and steady))

    def widened(self, segment: Segment) -> Segment:
        """A segment with the frames around it that its views are made with: a piece of a divided shot whose holes are filled
        over time looks at its shot's frames beyond its ends, so that the pieces meet."""
        flat = LAYOUTS[self.settings.picture.layout].depth or self.settings.paint.colormap is not None
        if flat or self.in_force(segment.start).black or not self.fills_over_time(segment.start):
            return segment
        before, after = min(REACH, segment.lead_in), min(REACH, segment.shots[-1].end - segment.end)
        wide = replace(segment, start=segment.start - before, end=segment.end + after, lead_in=segment.lead_in - before)
        still_divided = all(wide.is_divided(shot) == segment.is_divided(shot) for shot in segment.shots)
        return wide if still_divided else segment

    @property
    def rate(self) -> float:
        """Frames a second (see :attr:`stereo3d.frames.Timeline.rate`)."""
        return float(self.timeline.rate)

    def decoder(self) -> Decoder:
        """A decoder of the source at the size that is converted. Close it."""
        height = self.settings.picture.height
        return Decoder(
            self.info, self.timeline, height=height, seekable=self.seekable, device=self.place, direct=self.ends.decode
        )

    def depth_decoder(self) -> Decoder:
        """A decoder of what the depth model looks at: the source, or the depth film. Close it."""
        if self.depth_from is None:
            return self.decoder()
        return Decoder(self.depth_from.info, self.depth_from.timeline, seekable=self.depth_from.seekable)


@dataclass(frozen=True, slots=True)
class Models:
    """The film's depth model, and those that some shots have of their own, by name."""

    film: DepthModel
    others: Mapping[str, DepthModel] = field(default_factory=dict)

    def named(self, name: str) -> DepthModel:
        return self.others[name] if name else self.film


@dataclass(slots=True)
class Found:
    """What comes to light while segments are built, by segment number. ``replaced``: output frames that stand in for frames
    that could not be decoded. ``flawed``: those for which the model gave no depth. ``screens``: (output frame, depth on the
    screen from there on). ``comfort``: of the views. ``seen``: what the report shows. ``notes``: lines for people, of all segments."""

    replaced: dict[int, list[int]] = field(default_factory=dict)
    flawed: dict[int, set[int]] = field(default_factory=dict)
    screens: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    comfort: dict[int, ComfortFacts] = field(default_factory=dict)
    seen: dict[int, Seen] = field(default_factory=dict)
    notes: deque[str] = field(default_factory=deque)

    def take_notes(self) -> tuple[str, ...]:
        """The notes since this was asked last."""
        return tuple(self.notes.popleft() for _ in range(len(self.notes)))


@dataclass(frozen=True, slots=True)
class Places:
    """Where a segment's unfinished files go: its pictures, and the depth that is kept."""

    picture: Callable[[Segment], Path]
    depth: Callable[[Segment], Path]


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """A segment whose part file is complete and flushed. ``seconds``: wall time since the one before.

    ``replaced``, ``flawed``, ``screens``, ``comfort`` and ``seen``: see :class:`Found`. ``notes``: lines for people that came up
    while it was built.
    """

    segment: Segment
    frames: int
    size: int
    seconds: float
    replaced: tuple[int, ...]
    flawed: tuple[int, ...]
    screens: tuple[tuple[int, float], ...]
    comfort: ComfortFacts
    seen: Seen
    notes: tuple[str, ...]
