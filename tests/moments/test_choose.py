"""Moments that stand for a film: spread over it, of all kinds, nothing blank."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from stereo3d.moments import open_moments
from stereo3d.moments.choose import KINDS, Candidate, chosen, sampled
from stereo3d.settings import Settings
from tests.films import make_film


def usual(number: int) -> Candidate:
    return Candidate(Fraction(number), 0.5, 0.5, 0.01)


def test_each_kind_is_there_once_and_the_rest_is_spread() -> None:
    film = [usual(n) for n in range(24)]
    film[4] = Candidate(Fraction(4), 0.5, 0.9, 0.01)
    film[8] = Candidate(Fraction(8), 0.5, 0.1, 0.01)
    film[13] = Candidate(Fraction(13), 0.05, 0.5, 0.01)
    film[20] = Candidate(Fraction(20), 0.5, 0.5, 0.2)
    found = chosen(film, 8)
    kinds = {kind: int(candidate.time) for candidate, kind in found if kind}
    assert kinds == {"near": 4, "far": 8, "dark": 13, "fast": 20}
    assert [int(candidate.time) // 3 for candidate, _ in found] == list(range(8))


def test_two_kinds_in_one_stretch_still_leave_one_moment_a_stretch() -> None:
    film = [usual(n) for n in range(12)]
    film[0] = Candidate(Fraction(0), 0.05, 0.9, 0.3)
    found = chosen(film, 4)
    assert len({int(candidate.time) // 3 for candidate, _ in found}) == 4
    assert found[0][1] == "near"


def test_what_is_blank_is_taken_only_where_there_is_nothing_else() -> None:
    film = [Candidate(Fraction(n), 0.0, 1.0, 0.0, blank=n % 3 != 1) for n in range(12)]
    assert [int(candidate.time) for candidate, _ in chosen(film, 4)] == [1, 4, 7, 10]
    assert len(chosen([Candidate(Fraction(n), 0.0, 0.0, 0.0, blank=True) for n in range(6)], 2)) == 2


def test_fewer_candidates_than_wanted_are_all_taken() -> None:
    assert [int(candidate.time) for candidate, _ in chosen([usual(0), usual(1)], 8)] == [0, 1]


def test_a_real_film_is_sampled_over_all_its_length(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", (24,) * 6, sound=False, keyframes=24)
    with open_moments(film, Settings.from_flat({"model": "classic"})) as moments:
        found = list(sampled(moments, 2, Fraction(1), Fraction(5)))
    times = [float(candidate.time) for candidate in found]
    assert times == sorted(times)
    assert len(set(times)) == 6
    assert min(times) >= 0.9
    assert max(times) <= 5
    assert all(candidate.motion > 0 and 0 < candidate.light < 1 and not candidate.blank for candidate in found)
    assert set(KINDS) == {"near", "far", "dark", "fast"}
