"""Overlap by bounded queues: any iterator can be run in a thread of its own.

``for x in stage("decode", decode(...), meter):`` pulls from a thread that works ahead by a few items and blocks when they
are not taken. An exception in the thread surfaces at the consumer; closing the consumer's iterator ends the thread and
closes the source. Time spent working and waiting is metered, so that the stage that limits can be named.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import TypeVar

import torch

from stereo3d.ahead import run_ahead
from stereo3d.pipeline.lanes import Lane, keep_for_this_stream
from stereo3d.pipeline.meter import Meter, Spent

__all__ = ["stage"]

T = TypeVar("T")


class _Clock(threading.local):
    """Time the current thread has spent waiting for its own sources: no work of its own."""

    waited = 0.0


_clock = _Clock()


def stage(
    name: str, source: Iterable[T], meter: Meter, *, ahead: int = 2, device: torch.device | None = None
) -> Generator[T, None, None]:
    """Run ``source`` in a thread that works ``ahead`` items in advance, and yield its items in order. ``device``: on which it has a
    stream of its own."""
    with closing(run_ahead(_metered(name, iter(source), meter, device), ahead, name)) as items:
        while True:
            began = time.perf_counter()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                _clock.waited += time.perf_counter() - began
            if device is None or device.type != "cpu":
                keep_for_this_stream(item)
            yield item


def _metered(name: str, iterator: Iterator[T], meter: Meter, device: torch.device | None) -> Generator[T, None, None]:
    """The items, each made in this thread's stream; what it took, and how long it was not taken, goes to the meter."""
    lane = Lane(device)
    try:
        while True:
            began, waited = time.perf_counter(), _clock.waited
            try:
                with lane():
                    value = next(iterator)
                lane.finish()
            except StopIteration:
                return
            finally:
                starved = _clock.waited - waited
                meter.add(name, time.perf_counter() - began - starved, starved=starved)
            began = time.perf_counter()
            yield value
            meter.spend(name, Spent(held_up=time.perf_counter() - began))
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
