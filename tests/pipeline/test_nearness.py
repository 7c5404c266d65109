"""Where a text must be so that nothing stands in front of it."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from stereo3d.frames import Timeline
from stereo3d.pipeline.nearness import COLUMNS, ROWS, Nearness, nearest_cells

TIMES = Timeline(tuple(range(1000, 5000, 40)), Fraction(1, 1000), 40)
BELOW = (0.3, 0.85, 0.7, 0.95)
EVERYWHERE = (0.0, 0.0, 1.0, 1.0)


def _sample(frame: int, near: float = 0.0, *, row: int = ROWS - 1) -> tuple[int, ...]:
    cells = [-50] * (ROWS * COLUMNS)
    cells[row * COLUMNS : (row + 1) * COLUMNS] = [round(100 * near)] * COLUMNS
    return (frame, *cells)


def test_cells_tell_the_nearest_in_percent_of_the_width() -> None:
    depth = torch.full((1, 80, 120), 0.3)
    depth[:, 60:, :20] = 0.9
    depth[0, 5, 60] = 1.0  # a single sample that is wrong
    frame, *cells = nearest_cells(7, depth, 2.0, 0.5)
    assert frame == 7
    assert cells[(ROWS - 1) * COLUMNS] == 80
    assert cells[COLUMNS - 1] == -40
    assert max(cells[:COLUMNS]) < -20


def test_a_text_is_in_front_of_what_is_there_while_it_is_read() -> None:
    film = Nearness([_sample(n, 0.8 if 50 <= n < 60 else -0.4) for n in range(0, 100, 6)], TIMES)

    def at(begin: float, end: float, box: tuple[float, float, float, float] = BELOW) -> float:
        return film.text_parallax(Fraction(begin), Fraction(end), box)

    assert at(1.0, 2.0) == 0.0
    assert 0.8 < at(2.5, 3.5) < 1.0
    assert 0.8 < at(3.3, 3.4) < 1.0  # the thing is still there when the text appears
    assert at(2.5, 3.5, (0.3, 0.05, 0.7, 0.15)) == 0.0
    assert 0.8 < at(2.5, 3.5, EVERYWHERE) < 1.0


@pytest.mark.parametrize(("near", "meant"), [(-3.0, 0.0), (0.0, 0.15), (0.5, 0.65), (9.0, 2.0)])
def test_never_behind_the_screen_and_never_too_near_to_read(near: float, meant: float) -> None:
    film = Nearness([_sample(0, near)], TIMES)
    assert film.text_parallax(Fraction(1), Fraction(2), BELOW) == pytest.approx(meant)


def test_without_samples_and_outside_the_film_it_is_at_the_screen_or_as_at_its_end() -> None:
    assert Nearness([], TIMES).text_parallax(Fraction(1), Fraction(2), BELOW) == pytest.approx(0.15)
    film = Nearness([_sample(0, 0.5), _sample(99, 1.0)], TIMES)
    assert film.text_parallax(Fraction(900), Fraction(901), BELOW) == pytest.approx(1.15)
    assert film.text_parallax(Fraction(0), Fraction(1, 2), (-1.0, 2.0, 5.0, 9.0)) == pytest.approx(0.65)
