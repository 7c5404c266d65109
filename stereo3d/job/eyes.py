"""What a film's views ask of eyes, as a finished run tells it.

Like :mod:`stereo3d.job.report` it imports nothing large: the process that only watches a conversion reads it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stereo3d.progress import clock

__all__ = ["ComfortReport", "Span"]

_SHOWN = 4  # places a line
_HANDLED = {"soften": "softened", "float": "behind a floating window", "off": "left as they are"}

Span = tuple[float, float]
"""(from, to) in seconds."""


@dataclass(frozen=True, slots=True)
class ComfortReport:
    """Times are seconds since the first frame; ``behind``, ``front``, ``strength`` and jumps are % of one eye's width.

    ``behind``, ``front``: the farthest from the screen in all the film, before near things at the sides were dealt with.
    ``widest_screen``: metres on which no eye has to look outwards, None where nothing is behind the screen. ``flat``: credits and
    title cards. ``limited``: (from, to, least strength) of shots limited for ``--screen-width``. ``violations``: near things
    that the frame's side cuts for more than half a second; ``window``: how they were dealt with. ``jumps``: (cut, by how much the
    subject jumps towards the viewer) where that is more than ``most`` either way.
    """

    behind: float
    front: float
    widest_screen: float | None
    flat: tuple[Span, ...]
    limited: tuple[tuple[float, float, float], ...]
    violations: tuple[Span, ...]
    window: str
    jumps: tuple[Span, ...]
    most: float

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ComfortReport:
        """Raises TypeError when the value is not of this kind."""
        fields: dict[str, Any] = {k: tuple(map(tuple, v)) if isinstance(v, list) else v for k, v in value.items()}
        return cls(**fields)

    def lines(self) -> list[str]:
        """One line for each thing a person should know."""
        wide = f", comfortable on screens up to {self.widest_screen:.1f} m wide" if self.widest_screen else ""
        lines = [f"depth: {self.behind:.1f} % behind and {self.front:.1f} % in front of the screen at most{wide}"]
        if self.flat:
            seconds = sum(end - start for start, end in self.flat)
            lines.append(f"kept flat: {clock(seconds)} of credits and title cards{_places(self.flat)}")
        if self.limited:
            least = min(strength for *_, strength in self.limited)
            lines.append(
                f"strength limited for the screen in {_count(self.limited, 'shot')}, down to {least:.2f} %"
                f"{_places([(start, end) for start, end, _ in self.limited])}"
            )
        if self.violations:
            lines.append(
                f"near things cut by the frame's side in {_count(self.violations, 'place')}, {_HANDLED[self.window]}"
                f"{_places(self.violations)}"
            )
        if self.jumps:
            worst = max(abs(jump) for _, jump in self.jumps)
            at = ", ".join(clock(at) for at, _ in self.jumps[:_SHOWN]) + (" ..." if len(self.jumps) > _SHOWN else "")
            lines.append(f"the subject's depth jumps by up to {worst:.1f} % at {_count(self.jumps, 'cut')}: {at}")
        return lines


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _places(spans: Sequence[Span]) -> str:
    """Where, for people; nothing within a picture."""
    if spans[-1][1] < 1:
        return ""
    shown = ", ".join(f"{clock(start)}-{clock(end)}" for start, end in spans[:_SHOWN])
    return f": {shown}" + (f" and {len(spans) - _SHOWN} more" if len(spans) > _SHOWN else "")
