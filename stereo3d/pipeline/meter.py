"""How busy each stage of the pipeline is, where it waits, and on request when it did what: the bottleneck made visible."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from stereo3d.files import write_text
from stereo3d.memory import most_resident

__all__ = ["Memory", "Meter", "Span", "Spent", "write_trace"]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one stage, in all its threads: ``busy`` with its own items, ``starved`` of those of the stage before it,
    ``held_up`` by a stage behind it that takes none."""

    busy: float = 0.0
    starved: float = 0.0
    held_up: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.busy + other.busy, self.starved + other.starved, self.held_up + other.held_up)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.busy - other.busy, self.starved - other.starved, self.held_up - other.held_up)


@dataclass(frozen=True, slots=True)
class Span:
    """One item's work: ``name`` of the stage, seconds since 1970 at its beginning, how long it took, which thread of which
    worker ("" is this process)."""

    name: str
    began: float
    seconds: float
    thread: str
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at most: resident in a process since it began, and reserved by it on its CUDA device."""

    process: int = 0
    device: int = 0

    @classmethod
    def now(cls, place: torch.device) -> Memory:
        """Of this process so far."""
        device = torch.cuda.max_memory_reserved(place) if place.type == "cuda" else 0
        return cls(most_resident(), device)

    def most(self, other: Memory) -> Memory:
        return Memory(max(self.process, other.process), max(self.device, other.device))


@dataclass
class Meter:
    """Where the stages' time goes. Thread-safe.

    ``heard``: called, in the stage's thread, after each item: a sign of life. ``traces``: keep a :class:`Span` for each item, until
    :meth:`take_spans`. ``memory``: the most of any process that :meth:`hold` heard of."""

    heard: Callable[[], None] = lambda: None
    traces: bool = False
    memory: Memory = field(default_factory=Memory)
    _spent: dict[str, Spent] = field(default_factory=dict)
    _spans: list[Span] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, seconds: float, *, starved: float = 0.0) -> None:
        """An item was made in ``seconds`` of work, which ended just now, after a wait for its parts."""
        self.spend(name, Spent(seconds, starved))
        if self.traces:
            span = Span(name, time.time() - seconds, seconds, threading.current_thread().name)
            with self._lock:
                self._spans.append(span)
        self.heard()

    def spend(self, name: str, spent: Spent) -> None:
        """Time of a stage, without an item."""
        with self._lock:
            self._spent[name] = self._spent.get(name, Spent()) + spent

    def spent(self) -> dict[str, Spent]:
        """Seconds by stage so far."""
        with self._lock:
            return dict(self._spent)

    def busy(self) -> dict[str, float]:
        """Seconds of work by stage so far."""
        return {name: spent.busy for name, spent in self.spent().items()}

    def take_spans(self) -> tuple[Span, ...]:
        """What was traced since the last call."""
        with self._lock:
            spans, self._spans = tuple(self._spans), []
        return spans

    def hold(self, memory: Memory) -> None:
        """So much memory is taken."""
        self.memory = self.memory.most(memory)

    def take_over(self, worker: str, spent: dict[str, Spent], spans: Iterable[Span]) -> None:
        """Time that another process spent."""
        for name, seconds in spent.items():
            self.spend(name, seconds)
        with self._lock:
            self._spans += [replace(span, worker=worker) for span in spans]
        self.heard()


def write_trace(path: Path, spans: Iterable[Span]) -> None:
    """Spans as a trace for Perfetto or a browser's own viewer of traces ("Trace Event Format", JSON). Raises OutputError."""
    ordered = sorted(spans, key=lambda span: span.began)
    first = ordered[0].began if ordered else 0.0
    workers = {name: number for number, name in enumerate(sorted({span.worker for span in ordered}), 1)}
    threads = {place: number for number, place in enumerate(sorted({(s.worker, s.thread) for s in ordered}), 1)}
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": number, "args": {"name": name or "stereo3d"}}
        for name, number in workers.items()
    ]
    events += [
        {"ph": "M", "name": "thread_name", "pid": workers[worker], "tid": number, "args": {"name": thread}}
        for (worker, thread), number in threads.items()
    ]
    events += [
        {
            "ph": "X",
            "name": span.name,
            "pid": workers[span.worker],
            "tid": threads[span.worker, span.thread],
            "ts": round((span.began - first) * 1e6),
            "dur": round(span.seconds * 1e6),
        }
        for span in ordered
    ]
    write_text(path, json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}, separators=(",", ":")))
