"""What a film's views ask of eyes: gathered from its segments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stereo3d.frames import Shot, Timeline
from stereo3d.job.eyes import ComfortReport, Span
from stereo3d.job.survey import Survey
from stereo3d.pipeline.recipe import Recipe
from stereo3d.pipeline.staging import ComfortFacts
from stereo3d.plan.cards import Cards
from stereo3d.render.comfort import comfortable_width
from stereo3d.render.comfort_screen import JUMP_PERCENT
from stereo3d.settings import ViewSettings

__all__ = ["comfort_report", "film_cards"]

_LINGERS = 0.5  # seconds: what the frame's side cuts for less is not noticed


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
        most=JUMP_PERCENT,
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
