"""Shots to segments."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo3d.frames import Shot, Timeline
from stereo3d.plan.segments import LEAD_OUT, MAX_SECONDS, make_plan, probe_frames
from stereo3d.plan.shots import shots_from_cuts

NTSC = Fraction(1001, 24000)


def timeline(count: int) -> Timeline:
    return Timeline(tuple(range(count)), NTSC, 1)


@given(st.integers(1, 6000), st.lists(st.integers(-5, 6100), max_size=60))
def test_segments_tile_the_film_and_end_on_cuts_unless_a_shot_is_too_long(count: int, cuts: list[int]) -> None:
    shots = shots_from_cuts(cuts, count)
    plan = make_plan(timeline(count), shots)
    assert [s.number for s in plan] == list(range(len(plan)))
    assert plan[0].start == 0
    assert plan[-1].end == count
    assert all(a.end == b.start for a, b in itertools.pairwise(plan))
    assert all(len(s) * NTSC <= MAX_SECONDS for s in plan)
    edges = {shot.start for shot in shots} | {count}
    for segment in plan:
        if segment.start not in edges:
            (shot,) = segment.shots
            assert segment.is_divided(shot)
            assert len(shot) * NTSC > MAX_SECONDS
            assert shot.start <= segment.start - segment.lead_in < segment.start
        else:
            assert segment.lead_in == 0


def test_short_shots_share_a_segment_of_about_ten_seconds() -> None:
    shots = shots_from_cuts(list(range(48, 4800, 48)), 4800)  # 100 shots of 2 s
    plan = make_plan(timeline(4800), shots)
    assert [len(s.shots) for s in plan] == [5] * 20
    assert not any(s.is_divided(shot) for s in plan for shot in s.shots)


def test_pieces_of_a_long_shot_have_lead_in_from_the_same_shot_only() -> None:
    shots = (Shot(0, 30), Shot(30, 30 + 2400))
    plan = make_plan(timeline(2430), shots)
    assert [s.start for s in plan][:2] == [0, 30]
    assert plan[1].lead_in == 0
    assert all(s.lead_in == 48 for s in plan[2:])  # 2 s
    assert plan[2].piece(shots[1]) == (plan[2].start - 48, plan[2].start, plan[2].end)
    assert [s.lead_out for s in plan] == [0, *[LEAD_OUT] * (len(plan) - 2), 0]


def test_probes_depend_on_the_shot_alone_and_lie_inside() -> None:
    probes = probe_frames(Shot(100, 1000))
    assert len(probes) == 16
    assert 100 <= min(probes) <= 130
    assert 970 <= max(probes) < 1000
    assert probe_frames(Shot(5, 8)) == (5, 6, 7)


def test_shots_that_do_not_tile_are_refused() -> None:
    with pytest.raises(ValueError, match="shots hold 5 frames"):
        make_plan(timeline(9), (Shot(0, 5),))


def test_one_frame_shown_for_a_minute_is_one_segment() -> None:
    plan = make_plan(Timeline((0,), Fraction(1), 60), (Shot(0, 1),))
    assert [(s.start, s.end) for s in plan] == [(0, 1)]


def test_a_broken_timestamp_does_not_cut_a_shot_into_single_frames() -> None:
    pts = (*range(100), *range(150_000, 150_900))  # nearly two hours between two frames
    plan = make_plan(Timeline(pts, NTSC, 1), shots_from_cuts([], 1000))
    assert 2 <= len(plan) <= 5
    assert sum(map(len, plan)) == 1000
