"""Which frames are converted: by time, on a fixed grid."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from stereo3d.job.survey import FrameSelector
from stereo3d.settings import TimeSettings

MS = Fraction(1, 1000)


def kept(times_ms: list[int], rate: Fraction | None = None, **options: object) -> list[int]:
    selector = FrameSelector(TimeSettings.model_validate(options), MS, rate)
    return [t for t in times_ms if selector.keeps(t)]


def test_everything_by_default() -> None:
    assert kept([5, 45, 90]) == [5, 45, 90]


def test_start_and_end_count_from_the_first_frame_and_end_is_exclusive() -> None:
    times = [10_000 + 40 * i for i in range(100)]
    assert kept(times, start="1", end="2") == times[25:50]


def test_half_the_frames_of_a_60_fps_film_at_30() -> None:
    times = [round(i * 1000 / 60) for i in range(600)]  # rounded to milliseconds, as Matroska does
    left = kept(times, Fraction(60), max_fps=30)
    assert left == times[::2]


def test_50_to_30_keeps_three_of_five_without_drift() -> None:
    times = [20 * i for i in range(5000)]
    left = kept(times, Fraction(50), max_fps=30)
    assert len(left) == 3000
    assert max(b - a for a, b in itertools.pairwise(left)) <= 40


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(30), Fraction(24000, 1001)])
def test_a_source_that_is_not_faster_loses_nothing(rate: Fraction) -> None:
    times = [round(1000 * i / rate) for i in range(2000)]
    assert kept(times, rate, max_fps=30) == times


def test_variable_rate_keeps_the_slow_parts_whole() -> None:
    fast = [round(i * 1000 / 120) for i in range(120)]
    slow = [1000 + 100 * i for i in range(10)]
    left = kept(fast + slow, None, max_fps=30)
    assert left[-9:] == slow[1:]  # its first frame comes 8 ms after one that had the slot
    assert 30 <= len(left) - 9 <= 32
