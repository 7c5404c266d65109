"""Who gets which segment, and what becomes of what is lost."""

from __future__ import annotations

import random

import pytest

from stereo3d.executors.handout import Handout
from stereo3d.frames import Shot
from stereo3d.plan.segments import Segment


def plan(*lengths: int) -> list[Segment]:
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    return [Segment(n, s, s + k, (Shot(s, s + k),), 0) for n, (s, k) in enumerate(zip(starts, lengths, strict=True))]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_longest_comes_first_and_two_at_once_at_most() -> None:
    handout = Handout(plan(5, 9, 7))
    assert [handout.next_for("a"), handout.next_for("a")] == [handout_segment(1, 9), handout_segment(2, 7)]
    assert handout.next_for("a") is None
    assert handout.next_for("b") == plan(5, 9, 7)[0]


def handout_segment(number: int, length: int) -> Segment:
    found = plan(5, 9, 7)[number]
    assert len(found) == length
    return found


def test_a_source_that_is_only_read_forwards_is_handed_out_in_order() -> None:
    handout = Handout(plan(5, 9, 7), in_order=True)
    given = [handout.next_for("a"), handout.next_for("b"), handout.next_for("a")]
    assert [segment and segment.number for segment in given] == [0, 1, 2]


def test_what_a_dead_worker_had_goes_to_others_and_counts_against_what_it_worked_on() -> None:
    segments = plan(9, 5)
    handout = Handout(segments)
    assert [handout.next_for("a"), handout.next_for("a")] == segments
    assert handout.lost("a", segments[0], died=True) is None
    assert [handout.next_for("b"), handout.next_for("b")] == segments
    assert handout.lost("b", segments[0], died=True) is None
    assert handout.lost("c", segments[0], died=True) is None
    assert handout.lost("d", segments[0], died=True) == segments[0]
    assert handout.made("e", segments[1])
    assert handout.done


def test_a_segment_that_fails_goes_to_another_worker_and_is_given_up_when_it_fails_there_too() -> None:
    segments = plan(9, 5)
    handout = Handout(segments)
    handout.next_for("a")
    assert handout.lost("a", segments[0], died=False) is None
    assert handout.next_for("a") == segments[1]
    assert handout.next_for("a") is None
    assert handout.next_for("b") == segments[0]
    assert handout.lost("b", segments[0], died=False) == segments[0]


def test_with_one_worker_left_what_failed_with_it_is_hopeless() -> None:
    segments = plan(9)
    handout = Handout(segments)
    handout.next_for("a")
    handout.lost("a", segments[0], died=False)
    assert handout.hopeless({"a", "b"}) == []
    assert handout.hopeless(set()) == []
    assert handout.hopeless({"a"}) == segments
    assert handout.done


def test_a_slow_workers_last_segment_is_built_by_an_idle_one_too() -> None:
    clock, segments = Clock(), plan(10, 10, 10)
    handout = Handout(segments, now=clock)
    handout.next_for("slow")
    handout.next_for("quick")
    clock.now = 1.0
    assert handout.made("quick", segments[1])
    assert handout.next_for("quick") == segments[2]
    clock.now = 2.0
    assert handout.made("quick", segments[2])
    assert handout.next_for("quick") is None  # not late yet
    clock.now = 20.0
    assert handout.next_for("quick") == segments[0]
    assert handout.next_for("third") is None  # two are enough
    assert handout.made("quick", segments[0])
    assert not handout.made("slow", segments[0])
    assert handout.done


@pytest.mark.parametrize("seed", range(20))
def test_every_segment_is_made_once_whatever_dies(seed: int) -> None:
    chance, clock = random.Random(seed), Clock()
    segments = plan(*(chance.randint(1, 50) for _ in range(40)))
    handout = Handout(segments, now=clock)
    hands: dict[str, list[Segment]] = {name: [] for name in "abcd"}
    made: list[int] = []
    given_up: list[int] = []
    while not handout.done:
        clock.now += 1
        name = chance.choice("abcd")
        if chance.random() < 0.1:
            segment = handout.lost(name, hands[name][0] if hands[name] else None, died=True)
            given_up += [segment.number] if segment else []
            hands[name].clear()
        elif hands[name] and chance.random() < 0.5:
            segment = hands[name].pop(0)
            made += [segment.number] if handout.made(name, segment) else []
        elif (segment := handout.next_for(name)) is not None:
            hands[name].append(segment)
    assert sorted(made + given_up) == list(range(40))
    assert len(given_up) < 5
