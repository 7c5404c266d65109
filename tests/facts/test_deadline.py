"""The largest model that will be ready by a time of the day."""

from __future__ import annotations

from datetime import datetime

import pytest

from stereo3d.depth.registry import MODELS
from stereo3d.facts.deadline import largest_ready, seconds_until

SIZES = [MODELS[name] for name in ("small", "base", "large")]
HOURS = {"small": 1.8, "base": 5.5, "large": 18.5}


@pytest.mark.parametrize(("hours", "chosen"), [(24, "large"), (8, "base"), (3, "small"), (0.5, "small")])
def test_the_largest_that_fits(hours: float, chosen: str) -> None:
    said: list[str] = []
    measured: list[str] = []

    def measure(name: str) -> float:
        measured.append(name)
        return HOURS[name] * 3600

    assert largest_ready(SIZES, hours * 3600, measure, said.append) == chosen
    assert any(chosen in line for line in said)
    if hours == 0.5:
        assert measured == ["small"]
        assert "even small will not be ready by then" in said


def test_the_next_such_time_of_the_day() -> None:
    evening = datetime(2026, 11, 22, 22, 30)
    assert seconds_until("07:00", evening) == 8.5 * 3600
    assert seconds_until("23:00", evening) == 1800
    assert seconds_until("22:30", evening) == 24 * 3600
