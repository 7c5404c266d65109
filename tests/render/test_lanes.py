"""Lanes: every operation is its scalar's, in each lane, wherever in a row they come from and go to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit

from stereo3d.render import lanes_numba as lanes
from stereo3d.render.lanes_numba import COUNT, choose, first_of, floats, in_set, load, numbers, one_of, set_of, wholes

F = np.float32
A = (np.random.default_rng(1).standard_normal(COUNT) * 7).astype(F)
B = (np.random.default_rng(2).standard_normal(COUNT) * 7).astype(F)
B[::3] = A[::3]
store, stream = lanes.store, lanes.stream
floor, ceil, size, larger, smaller = lanes.floor, lanes.ceil, lanes.size, lanes.larger, lanes.smaller

FLOATS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "arithmetic": (lambda a, b: (a + b) * a - F(3) / b, lambda a, b: (a + b) * a - F(3) / b),
    "rounded": (lambda a, b: floor(a) - ceil(b) + size(a), lambda a, b: np.floor(a) - np.ceil(b) + abs(a)),
    "extremes": (lambda a, b: larger(a, F(0)) - smaller(a, b), lambda a, b: np.maximum(a, F(0)) - np.minimum(a, b)),
    "numbered": (lambda a, b: floats(numbers() + 2) * a, lambda a, b: np.arange(2, COUNT + 2, dtype=F) * a),
    "cut off": (
        lambda a, b: floats(wholes(a) * 3 - numbers()),
        lambda a, b: np.trunc(a) * 3 - np.arange(COUNT, dtype=F),
    ),
}
MASKS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "less": (lambda a, b: a < b, lambda a, b: a < b),
    "at most": (lambda a, b: a <= b, lambda a, b: a <= b),
    "more": (lambda a, b: a > F(1), lambda a, b: a > F(1)),
    "at least": (lambda a, b: a >= b, lambda a, b: a >= b),
    "equal": (lambda a, b: a == b, lambda a, b: a == b),
    "other": (lambda a, b: a != b, lambda a, b: a != b),
    "joined": (
        lambda a, b: (a < b) & ~(a < F(0)) | (wholes(b) == 2),
        lambda a, b: (a < b) & ~(a < 0) | (np.trunc(b) == 2),
    ),
}


@pytest.mark.parametrize("name", FLOATS)
def test_floats_are_what_scalars_are(name: str) -> None:
    ours, theirs = FLOATS[name]
    work = njit(ours)

    @njit
    def kernel(a, b, out):  # type: ignore[no-untyped-def]
        store(out, 3, work(load(a, 1), load(b, 2)))

    out = np.full(COUNT + 5, 99, F)
    kernel(np.concatenate([[F(0)], A]), np.concatenate([[F(0), F(0)], B]), out)
    assert np.array_equal(out[3:-2], theirs(A, B))
    assert (np.delete(out, slice(3, -2)) == 99).all()


@pytest.mark.parametrize("name", MASKS)
def test_masks_choose_and_are_sets(name: str) -> None:
    ours, theirs = MASKS[name]
    work = njit(ours)

    @njit
    def kernel(a, b, out):  # type: ignore[no-untyped-def]
        mask = work(load(a, 0), load(b, 0))
        store(out, 0, choose(mask, load(a, 0), F(-1)))
        store(out, COUNT, choose(in_set(set_of(mask)), F(1), load(b, 0)))
        return set_of(mask)

    out, want = np.zeros(2 * COUNT, F), theirs(A, B)
    assert kernel(A, B, out) == sum(1 << n for n in range(COUNT) if want[n])
    assert want.any()
    assert np.array_equal(out[:COUNT], np.where(want, A, F(-1)))
    assert np.array_equal(out[COUNT:], np.where(want, F(1), B))


def test_nothing_is_larger_than_no_number() -> None:
    @njit
    def kernel(a, out):  # type: ignore[no-untyped-def]
        store(out, 0, larger(load(a, 0), F(-2)))
        return set_of(load(a, 0) <= F(0)), set_of(load(a, 0) != load(a, 0))

    out = np.zeros(COUNT, F)
    assert kernel(np.full(COUNT, np.nan, F), out) == (0, 2**COUNT - 1)
    assert (out == -2).all()


def test_one_lane_is_found() -> None:
    @njit
    def kernel(a):  # type: ignore[no-untyped-def]
        found = first_of(set_of(load(a, 0) > F(0)))
        return found, one_of(numbers() * 5, found)

    row = np.zeros(COUNT, F)
    row[5:7] = 1
    assert kernel(row) == (5, 25)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("at", [0, 1, COUNT])
def test_rows_of_any_type_are_written_past_the_caches(dtype: type, at: int) -> None:
    @njit
    def kernel(a, out, at):  # type: ignore[no-untyped-def]
        stream(out, at, load(a, 0))

    row = (np.arange(COUNT) * 15).astype(dtype)
    out = np.zeros(2 * COUNT, dtype)
    kernel(row, out, at)
    assert np.array_equal(out[at : at + COUNT], row)
    assert out.sum() == row.sum()
