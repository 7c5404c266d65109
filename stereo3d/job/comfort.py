"""What a film's views ask of eyes: gathered from its segments, told to people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stereo3d.frames import Shot, Timeline
from stereo3d.job.survey import Survey
from stereo3d.pipeline.recipe import Recipe
from stereo3d.pipeline.staging import ComfortFacts
from stereo3d.plan.cards import Cards
from stereo3d.progress import clock
from stereo3d.render.comfort import comfortable_width
from stereo3d.render.comfort_screen import JUMP_PERCENT
from stereo3d.settings import ViewSettings

__all__ = ["ComfortReport", "comfort_report", "film_cards"]

_LINGERS = 0.5  # seconds: what the frame's side cuts for less is not noticed
_SHOWN = 4  # places a line
_HANDLED = {"soften": "softened", "float": "behind a floating window", "off": "left as they are"}

Span = tuple[float, float]


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
    most: float = JUMP_PERCENT

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


def film_cards(survey: Survey, view: ViewSettings) -> Cards:
    """What of a film stays flat."""
    return Cards.of(survey.shots, survey.cards, survey.timeline) if view.credits == "flat" else Cards()


def comfort_report(shots: Sequence[Shot], facts: Sequence[ComfortFacts], recipe: Recipe) -> ComfortReport | None:
    """For a film (or picture) of views with some depth, else None. ``facts``: of all its segments."""
    view = recipe.settings.view
    if recipe.settings.paint.colormap is not None or view.strength == 0:
        return None
    timeline = recipe.timeline
    cuts = {shot.start for shot in shots[1:]}
    least = min(round(recipe.rate * _LINGERS), len(timeline))
    opens = dict(item for fact in facts for item in fact.opens)
    closes = dict(item for fact in facts for item in fact.closes)
    jumps = sorted((cut, opens[cut] - closes[cut]) for cut in cuts & opens.keys() & closes.keys())
    behind = max(fact.behind for fact in facts)
    limited = _by_shot(shots, [item for fact in facts for item in fact.limited])
    lingering = _joined(sorted(span for fact in facts for span in fact.violations), cuts, least)
    return ComfortReport(
        behind=behind,
        front=max(fact.front for fact in facts),
        widest_screen=comfortable_width(behind, view.eye_distance) if behind > 0.01 else None,
        flat=_times(recipe.cards.spans, timeline),
        limited=tuple((timeline.seconds(a), _end(b, timeline), strength) for a, b, strength in limited),
        violations=_times([(a, b) for a, b in lingering if b - a >= least], timeline),
        window=view.window,
        jumps=tuple((timeline.seconds(cut), jump) for cut, jump in jumps if abs(jump) > JUMP_PERCENT),
    )


def _by_shot(shots: Sequence[Shot], pieces: Sequence[tuple[int, int, float]]) -> Iterator[tuple[int, int, float]]:
    """(start, end, least) of each shot that has pieces."""
    for shot in shots:
        own = [piece for piece in pieces if shot.start <= piece[0] < shot.end]
        if own:
            yield min(start for start, _, _ in own), max(end for _, end, _ in own), min(least for _, _, least in own)


def _joined(spans: Iterable[tuple[int, int]], cuts: set[int], gap: int) -> list[tuple[int, int]]:
    """Sorted frame spans, those of one shot with no more than ``gap`` frames between them joined."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= gap and not any(joined[-1][1] <= cut <= start for cut in cuts):
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def _times(spans: Iterable[tuple[int, int]], timeline: Timeline) -> tuple[Span, ...]:
    return tuple((timeline.seconds(start), _end(end, timeline)) for start, end in spans)


def _end(frame: int, timeline: Timeline) -> float:
    return float(timeline.duration(0, frame))


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _places(spans: Sequence[Span]) -> str:
    """Where, for people; nothing within a picture."""
    if spans[-1][1] < 1:
        return ""
    shown = ", ".join(f"{clock(start)}-{clock(end)}" for start, end in spans[:_SHOWN])
    return f": {shown}" + (f" and {len(spans) - _SHOWN} more" if len(spans) > _SHOWN else "")
