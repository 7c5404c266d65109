"""What a film's views ask of eyes, gathered and told."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from stereo3d.frames import Shot, Timeline
from stereo3d.job.comfort import comfort_report
from stereo3d.job.eyes import ComfortReport
from stereo3d.pipeline.recipe import Recipe
from stereo3d.pipeline.staging import ComfortFacts, Staging
from stereo3d.plan.cards import Cards
from stereo3d.plan.segments import Segment
from stereo3d.settings import PaintSettings, ViewSettings

SHOTS = (Shot(0, 100), Shot(100, 200))
TIMELINE = Timeline(tuple(range(200)), Fraction(1, 25), 1)


def recipe(view: ViewSettings, cards: Cards | None = None) -> Recipe:
    settings = SimpleNamespace(view=view, paint=PaintSettings())
    return cast(Recipe, SimpleNamespace(settings=settings, timeline=TIMELINE, rate=25.0, cards=cards or Cards()))


def stage(view: ViewSettings, segments: tuple[Segment, ...], subjects: dict[Shot, float]) -> list[ComfortFacts]:
    """Flat subjects before a far ground; a near thing at the right side in the second shot's last 20 frames."""
    facts: dict[int, ComfortFacts] = {}
    staging = Staging(lambda _frame: view, Cards(), 25, segments, facts)
    for segment in segments:
        for start in range(segment.start, segment.end, 4):
            depth = torch.zeros(4, 1, 40, 60)
            depth[..., 15:45] = next(depth for shot, depth in subjects.items() if shot.start <= start < shot.end)
            if start >= 180:
                depth[:, :, 5:25, 50:] = 1
            zeros = (0.5,) * 4
            staging.note(start, depth, staging.strengths(start, zeros), zeros)
    return [facts[segment.number] for segment in segments]


def test_facts_of_segments_become_one_report_however_the_film_is_cut() -> None:
    view = ViewSettings(strength=4, screen_width=4.0)
    subjects = {SHOTS[0]: 0.5, SHOTS[1]: 1.0}
    whole = (Segment(0, 0, 200, SHOTS, 0),)
    parts = (Segment(0, 0, 100, SHOTS[:1], 0), Segment(1, 100, 152, SHOTS[1:], 0), Segment(2, 152, 200, SHOTS[1:], 9))
    reports = [comfort_report(SHOTS, stage(view, cut, subjects), recipe(view)) for cut in (whole, parts)]
    for report in reports:
        assert report is not None
        assert report.behind == pytest.approx(1.575)  # 63 mm of 4 m
        assert report.front == pytest.approx(1.575)
        assert report.widest_screen == pytest.approx(4.0)
        assert report.violations == ((7.2, 8.0),)
        ((cut, jump),) = report.jumps
        assert (cut, jump) == (4.0, pytest.approx(1.575))
        assert report.limited == ((0, 4, pytest.approx(3.15)), (4, 8, pytest.approx(3.15)))
        text = "\n".join(report.lines())
        assert "comfortable on screens up to 4.0 m wide" in text
        assert "cut by the frame's side in 1 place, softened: 0:07-0:08" in text
        assert "jumps by up to 1.6 % at 1 cut: 0:04" in text
        assert ComfortReport.from_json(json.loads(json.dumps(asdict(report)))) == report


def test_what_is_kept_with_a_segment_comes_back() -> None:
    (facts,) = stage(ViewSettings(screen_width="cinema"), (Segment(0, 0, 200, SHOTS, 0),), dict.fromkeys(SHOTS, 0.7))
    assert ComfortFacts.from_json(json.loads(json.dumps(asdict(facts)))) == facts
    assert [frame for frame, _ in facts.opens] == [0, 100]
    assert [frame for frame, _ in facts.closes] == [100, 200]


def test_without_strength_there_is_nothing_to_tell() -> None:
    assert comfort_report(SHOTS, [ComfortFacts()], recipe(ViewSettings(strength=0))) is None


def test_a_card_lowers_the_strength_and_is_told_in_seconds() -> None:
    view = ViewSettings()
    cards = Cards(SHOTS, ((100, 150),), ease=5)
    staging = Staging(lambda _frame: view, cards, 25, (), {})
    assert staging.strengths(99, (0.5, 0.5)) == (2.5, 0)
    report = comfort_report(SHOTS, [ComfortFacts(1, 1)], recipe(view, cards))
    assert report is not None
    assert report.flat == ((4.0, 6.0),)
    assert "kept flat: 0:02 of credits and title cards: 0:04-0:06" in report.lines()
