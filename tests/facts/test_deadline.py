"""The largest model that will be ready by a time of the day."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path
from threading import Event

import pytest

from stereo3d.depth.registry import MODELS
from stereo3d.facts.deadline import film_frames, largest_ready, measured_fps, seconds_until
from stereo3d.media.probe import probe
from stereo3d.settings import Settings
from tests.films import make_film

SIZES = [MODELS[name] for name in ("small", "base", "large")]
SPEEDS = {"small": 60.0, "base": 20.0, "large": 6.0}


@pytest.mark.parametrize(("hours", "chosen"), [(24, "large"), (8, "base"), (3, "small"), (0.5, "small")])
def test_the_largest_that_fits(hours: float, chosen: str) -> None:
    said: list[str] = []
    measured: list[str] = []

    def fps(name: str) -> float:
        measured.append(name)
        return SPEEDS[name]

    assert largest_ready(SIZES, 400_000, hours * 3600, fps, said.append) == chosen
    assert any(chosen in line for line in said)
    if hours == 0.5:
        assert measured == ["small"]
        assert "even small will not be ready by then" in said


def test_the_next_such_time_of_the_day() -> None:
    evening = datetime(2026, 11, 22, 22, 30)
    assert seconds_until("07:00", evening) == 8.5 * 3600
    assert seconds_until("23:00", evening) == 1800
    assert seconds_until("22:30", evening) == 24 * 3600


def test_frames_of_a_part_and_speed_of_a_real_conversion(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (60,), rate=Fraction(12))
    info = probe(film)
    assert film_frames(info, Settings()) in (60, 61)  # the sound is a little longer
    assert film_frames(info, Settings.from_flat({"start": 1, "end": 3, "max_fps": 6})) == 12
    assert measured_fps(film, Settings.from_flat({"model": "classic"}), Event()) > 0.1  # machines can be busy
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film.mkv"]
