"""How strong the effect is at each frame, and what of it a person should be told.

A frame's strength is that of the settings, less in credits and title cards, and no more than the screen allows. It depends on
the frame and its shot alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from stereo3d.pipeline.nearness import Sample, nearest_cells
from stereo3d.plan.cards import Cards
from stereo3d.plan.segments import Segment
from stereo3d.render.comfort import comfortable_strength
from stereo3d.render.comfort_screen import subject_depth
from stereo3d.render.comfort_window import POPS, side_share
from stereo3d.settings import SCREENS, ViewSettings
from stereo3d.transfer import to_host

__all__ = ["ComfortFacts", "Staging"]

_CUT_OFF = 0.1  # share of a side that is in front of the screen: a thing that the frame cuts

_SAMPLES = 4  # a second, of how near things are
_EVERY = 4  # frames: as often is the subject looked at near a cut

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ComfortFacts:
    """What a segment asks of eyes. ``behind``, ``front``: the farthest from the screen, in % of one eye's width. ``limited``:
    (start, end, least strength) of the frames of each shot whose strength was limited for the screen. ``violations``: [start, end)
    of frames whose side cuts something in front of the screen. ``opens``, ``closes``: (frame, % of the width that the
    subject is in front of the screen) in the first and the last second of each shot; by the shot's first frame, and its end.
    ``near``: how near things are, four times a second.
    """

    behind: float = 0.0
    front: float = 0.0
    limited: tuple[tuple[int, int, float], ...] = ()
    violations: tuple[Span, ...] = ()
    opens: tuple[tuple[int, float], ...] = ()
    closes: tuple[tuple[int, float], ...] = ()
    near: tuple[Sample, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ComfortFacts:
        """Raises TypeError when the value is not of this kind."""
        fields: dict[str, Any] = {k: tuple(map(tuple, v)) if isinstance(v, list) else v for k, v in value.items()}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class _Frame:
    number: int
    strength: float
    behind: float
    front: float
    violates: bool
    subject: float | None


class Staging:
    """For one run over ``segments``. ``view``: the settings in force at an output frame. ``second``: frames in one. ``facts``: hears about every segment, by its number, when its
    last frame is staged."""

    def __init__(
        self,
        view: Callable[[int], ViewSettings],
        cards: Cards,
        second: int,
        segments: Iterable[Segment],
        facts: dict[int, ComfortFacts],
    ) -> None:
        self._view, self._cards, self._second, self._facts = view, cards, max(1, second), facts
        self._segments = iter(segments)
        self._segment: Segment | None = None
        self._frames: list[_Frame] = []
        self._near: list[Sample] = []

    def strengths(self, first: int, zero_parallax: Sequence[float]) -> tuple[float, ...]:
        """In % of the width, for consecutive frames with these depths on the screen."""
        return tuple(self._allowed(frame, zero) for frame, zero in enumerate(zero_parallax, first))

    def _wanted(self, frame: int) -> float:
        return self._view(frame).strength * self._cards.share(frame)

    def _allowed(self, frame: int, zero_parallax: float) -> float:
        view, strength = self._view(frame), self._wanted(frame)
        width = view.screen_width
        if width == "any":
            return strength
        metres = SCREENS[width] if isinstance(width, str) else width
        eyes = view.eye_distance
        return comfortable_strength(strength, zero_parallax, screen_width=metres, eye_distance=eyes)

    def note(self, first: int, depth: torch.Tensor, strengths: Sequence[float], zero_parallax: Sequence[float]) -> None:
        """Hear how the next frames, all of one shot, were staged. ``depth``: [n, 1, h, w]."""
        segment = self._segment = self._segment or next(self._segments)
        shot = next(shot for shot in segment.shots if shot.start <= first < shot.end)
        limit = [z + POPS / s if s > 0 else 2.0 for s, z in zip(strengths, zero_parallax, strict=True)]
        far, near = torch.aminmax(depth.flatten(1), dim=1)
        lows, highs, cut = (part.tolist() for part in to_host(far, near, side_share(depth, limit)))
        for i, (strength, zero) in enumerate(zip(strengths, zero_parallax, strict=True)):
            if (first + i - shot.start) % max(1, self._second // _SAMPLES) == 0:
                self._near.append(nearest_cells(first + i, depth[i], strength, zero))
        away = [min(n - shot.start, shot.end - 1 - n) for n in range(first, first + len(depth))]
        at_cut = [frames < self._second and frames % _EVERY == 0 for frames in away]
        looked_at = [depth[i : i + 1] for i, near_cut in enumerate(at_cut) if near_cut]
        subjects = iter(subject_depth(torch.cat(looked_at)) if looked_at else ())
        for i, (strength, zero) in enumerate(zip(strengths, zero_parallax, strict=True)):
            subject = strength * (next(subjects) - zero) if at_cut[i] else None
            behind, front = strength * (zero - lows[i]), strength * (highs[i] - zero)
            self._frames.append(_Frame(first + i, strength, behind, front, cut[i] > _CUT_OFF, subject))
        if first + len(depth) == segment.end:
            self._facts[segment.number] = self._sum(segment)
            self._segment, self._frames, self._near = None, [], []

    def _sum(self, segment: Segment) -> ComfortFacts:
        frames = self._frames
        limited: list[tuple[int, int, float]] = []
        opens: list[tuple[int, float]] = []
        closes: list[tuple[int, float]] = []
        for shot in segment.shots:
            own = [frame for frame in frames if shot.start <= frame.number < shot.end]
            less = [frame for frame in own if frame.strength < self._wanted(frame.number)]
            if less:
                limited.append((less[0].number, less[-1].number + 1, min(frame.strength for frame in less)))
            opening = [f.subject for f in own if f.subject is not None and f.number < shot.start + self._second]
            closing = [f.subject for f in own if f.subject is not None and f.number >= shot.end - self._second]
            opens += [(shot.start, statistics.median(opening))] if opening else []
            closes += [(shot.end, statistics.median(closing))] if closing else []
        return ComfortFacts(
            max(max(frame.behind for frame in frames), 0.0),
            max(max(frame.front for frame in frames), 0.0),
            tuple(limited),
            tuple(_runs(frame.number for frame in frames if frame.violates)),
            tuple(opens),
            tuple(closes),
            tuple(self._near),
        )


def _runs(numbers: Iterator[int]) -> list[Span]:
    """Increasing numbers as [start, end) of those without gaps."""
    runs: list[Span] = []
    for number in numbers:
        if runs and runs[-1][1] == number:
            runs[-1] = runs[-1][0], number + 1
        else:
            runs.append((number, number + 1))
    return runs
