"""Credits and title cards: the frames that stay flat. They are found by :mod:`stereo3d.plan.card_finder`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stereo3d.frames import Shot, Timeline

__all__ = ["EASE_SECONDS", "Cards"]

EASE_SECONDS = 1.0
"""How long depth takes to go before a card that its shot fades to, and to come back after it."""


@dataclass(frozen=True, slots=True)
class Cards:
    """``shots``: all of them, in order. ``spans``: [start, end) of the frames with a card, in order, each within one shot.
    ``ease``: frames that depth takes to go or to come."""

    shots: tuple[Shot, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    ease: int = 1

    @classmethod
    def of(cls, shots: tuple[Shot, ...], spans: tuple[tuple[int, int], ...], timeline: Timeline) -> Cards:
        return cls(shots, spans, max(1, round(EASE_SECONDS * timeline.rate)))

    def share(self, frame: int) -> float:
        """How much of the strength is left at an output frame, 0 (card) .. 1. A card changes nothing beyond its shot."""
        left = 1.0
        for start, end in self.near(frame, frame + 1):
            away = max(start - frame, frame - end + 1, 0) / (self.ease + 1)
            if away < 1:
                left = min(left, away * away * (3 - 2 * away))
        return left

    def near(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        """The spans in the shots that have a part in frames [start, end)."""
        if not self.spans:
            return ()
        touched = [shot for shot in self.shots if shot.start < end and shot.end > start]
        return [span for span in self.spans if touched and touched[0].start <= span[0] < touched[-1].end]
