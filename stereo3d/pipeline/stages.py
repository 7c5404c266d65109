"""Overlap by bounded queues: any iterator can be run in a thread of its own.

``for x in stage("decode", decode(...), meter):`` pulls from a thread that works ahead by a few items and blocks when they
are not taken. An exception in the thread surfaces at the consumer; closing the consumer's iterator ends the thread and
closes the source. Time spent working and waiting is metered, so that the stage that limits can be named.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from stereo3d.pipeline.lanes import Lane, keep_for_this_stream
from stereo3d.pipeline.meter import Meter, Spent

__all__ = ["stage"]

T = TypeVar("T")
_POLL = 0.1


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


class _Clock(threading.local):
    """Time the current thread has spent waiting for its own sources: no work of its own."""

    waited = 0.0


_clock = _Clock()


def stage(
    name: str, source: Iterable[T], meter: Meter, *, ahead: int = 2, device: torch.device | None = None
) -> Generator[T, None, None]:
    """Run ``source`` in a thread that works ``ahead`` items in advance, and yield its items in order. ``device``: on which it has a
    stream of its own."""
    items: queue.Queue[_Item[T] | _End] = queue.Queue(maxsize=ahead)
    closed = threading.Event()

    def put(item: _Item[T] | _End) -> bool:
        while not closed.is_set():
            try:
                items.put(item, timeout=_POLL)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        iterator = iter(source)
        end = _End(None)
        try:
            for value in _metered(name, iterator, meter, Lane(device)):
                began = time.perf_counter()
                if not put(_Item(value)):
                    break
                meter.spend(name, Spent(held_up=time.perf_counter() - began))
        except Exception as error:  # noqa: BLE001 - it is raised again at the consumer
            end = _End(error)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        put(end)

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        while True:
            began = time.perf_counter()
            item = items.get()
            _clock.waited += time.perf_counter() - began
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            keep_for_this_stream(item.value)
            yield item.value
    finally:
        closed.set()
        thread.join()


def _metered(name: str, iterator: Iterator[T], meter: Meter, lane: Lane) -> Iterator[T]:
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
        yield value
