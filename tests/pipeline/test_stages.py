"""Iterators in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.stages import stage


def numbers(count: int, closed: threading.Event | None = None) -> Iterator[int]:
    try:
        yield from range(count)
    finally:
        if closed is not None:
            closed.set()


def test_items_arrive_in_order_through_a_chain() -> None:
    meter = Meter()
    doubled = stage("double", (2 * x for x in stage("count", numbers(100), meter)), meter)
    assert list(doubled) == [2 * x for x in range(100)]
    assert set(meter.busy()) == {"double", "count"}


def test_the_thread_works_ahead_but_not_without_bound() -> None:
    made: list[int] = []

    def source() -> Iterator[int]:
        for x in range(50):
            made.append(x)
            yield x

    items = stage("source", source(), Meter(), ahead=3)
    assert next(items) == 0
    while len(made) < 4:
        time.sleep(0.01)
    time.sleep(0.2)  # more than its bound it would make by now
    items.close()
    assert len(made) <= 6


def test_an_error_surfaces_at_the_consumer() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = stage("outer", stage("inner", source(), Meter()), Meter())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_closing_ends_the_threads_and_closes_the_source() -> None:
    closed = threading.Event()
    before = threading.active_count()
    items = stage("outer", stage("inner", numbers(10**9, closed), Meter()), Meter())
    assert next(items) == 0
    items.close()
    assert closed.wait(60)
    assert threading.active_count() == before


def test_waiting_for_a_neighbour_is_not_work() -> None:
    meter = Meter()

    def slow() -> Iterator[int]:
        for x in range(10):
            time.sleep(0.05)
            yield x

    for _ in stage("quick", (x for x in stage("slow", slow(), meter)), meter):
        pass
    busy = meter.busy()
    assert busy["slow"] >= 0.5
    assert busy["quick"] < busy["slow"] / 2
