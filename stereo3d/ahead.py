"""Overlap by a bounded queue: any iterator can be run in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["run_ahead"]

T = TypeVar("T")
_POLL = 0.1


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


def run_ahead(source: Iterable[T], count: int, name: str) -> Generator[T, None, None]:
    """The items of ``source``, in order, pulled by a thread ``name`` that works up to ``count`` items in advance and blocks when they are not taken.

    An exception in the thread surfaces at the consumer. Closing this iterator ends the thread and closes the source.
    """
    items: queue.Queue[_Item[T] | _End] = queue.Queue(maxsize=count)
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
            for value in iterator:
                if not put(_Item(value)):
                    break
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
        while isinstance(item := items.get(), _Item):
            yield item.value
        if item.error is not None:
            raise item.error
    finally:
        closed.set()
        thread.join()
