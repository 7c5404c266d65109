"""The simulator of docs/concepts/scaling.md: closed cases, and what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.scaling import LARGE, MEASURED, Costs, Film, Machines, catalogue, simulate, worker_rates

PLAIN = Costs(depth=0.1, decode=0, render=0, encode=0, scan=0, start=0)
FAST = {"network": 1e15, "disk": 1e15}


def test_one_worker_takes_as_long_as_its_frames() -> None:
    outcome = simulate(Film(1000, 10), PLAIN, Machines(1, 1, 1, **FAST))
    assert outcome.seconds == pytest.approx(100, rel=0.01)
    assert outcome.limit == "GPU"


def test_many_workers_share_it_until_the_longest_segment_remains() -> None:
    film = Film(100_000, 1000)
    four = simulate(film, PLAIN, Machines(2, 2, 1, **FAST)).seconds
    assert four == pytest.approx(100_000 * 0.1 / 4, rel=0.01)
    endless = simulate(film, PLAIN, Machines(5000, 1, 1, **FAST)).seconds
    assert endless == pytest.approx(max(film.lengths()) * 0.1, rel=0.01)


def test_more_machines_never_take_longer() -> None:
    times = [simulate(Film(), LARGE, Machines(count, 1, 16)).seconds for count in (1, 2, 4, 16, 64, 256, 1000)]
    assert times == sorted(times, reverse=True)


def test_what_is_shared_is_named() -> None:
    film = Film(1000, 10)
    assert simulate(film, PLAIN, Machines(4, 1, 1, network=1e3, disk=1e15, shared=True)).limit == "network"
    assert simulate(film, PLAIN, Machines(4, 1, 1, network=1e15, disk=1e6, shared=True)).limit == "storage"
    scanned = replace(PLAIN, scan=0.2)
    assert simulate(film, scanned, Machines(1, 1, 1, **FAST)).limit == "scan, by one machine"
    slow = replace(PLAIN, encode=1.0)
    assert simulate(film, slow, Machines(1, 1, 2, **FAST)).limit == "encoder cores"
    assert simulate(film, slow, Machines(1, 1, 2, encodes_on_gpu=True, **FAST)).limit == "GPU"


def test_a_catalogue_is_limited_by_rates_alone() -> None:
    days, limit = catalogue(10_000, Film(86_400), PLAIN, Machines(1000, 1, 1, **FAST), store=1e18)
    assert days == pytest.approx(10_000 * 86_400 * 0.1 / 1000 / 86_400)
    assert limit == "GPU"
    assert catalogue(10, Film(), PLAIN, Machines(1000, 1, 64, **FAST), store=1e6)[1] == "the store"


@pytest.mark.parametrize("point", MEASURED, ids=lambda point: point[0])
def test_the_model_is_within_a_fifth_of_what_was_measured(point: tuple[str, Film, Costs, Machines, float]) -> None:
    _, _, costs, machines, fps = point
    assert min(worker_rates(costs, machines).values()) == pytest.approx(fps, rel=0.2)
