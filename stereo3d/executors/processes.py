"""Workers in processes of their own on this machine, one for each device.

Processes, not threads: an error of a CUDA device leaves the whole process useless, a driver that crashes or hangs takes its
process along, and Python's lock would let one device wait for another's launches.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from stereo3d.executors.crew import Lost, Seat
from stereo3d.executors.messages import Event, Made, Order, Task
from stereo3d.memory import return_freed_memory

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

__all__ = ["DeviceSeats"]


class DeviceSeats:
    """See :class:`stereo3d.executors.crew.Seats`: one for each device; those of the same name (``cpu,cpu``) are numbered."""

    def __init__(self, devices: tuple[str, ...]) -> None:
        same = len(set(devices)) < len(devices)
        self._seats = [_Seat(f"{device}#{n}" if same else device, device) for n, device in enumerate(devices)]

    def now(self) -> Sequence[Seat]:
        return self._seats

    def close(self) -> None:
        """Nothing is left behind."""


@dataclass(frozen=True, slots=True)
class _Seat:
    name: str
    device: str

    @property
    def gone(self) -> bool:
        return False

    def open(self) -> ProcessLine:
        return ProcessLine(self.name)


class ProcessLine:
    """See :class:`stereo3d.executors.crew.Line`."""

    def __init__(self, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_live, args=(theirs,), name=f"stereo3d {name}", daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, order: Order) -> None:
        self._send(order)

    def give(self, task: Task | None) -> None:
        self._send(task)

    def _send(self, message: Order | Task | None) -> None:
        try:
            self._connection.send(message)
        except OSError:
            raise self._lost() from None

    def event(self, seconds: float) -> Event | None:
        try:
            if not self._connection.poll(seconds):
                return None
            event: Event = self._connection.recv()
        except (EOFError, OSError):
            raise self._lost() from None
        return event

    def _lost(self) -> Lost:
        self._process.join(5)
        code = self._process.exitcode or 0
        return Lost(f"its process ended {f'by signal {-code}' if code < 0 else f'with code {code}'}")

    def receive(self, made: Made, task: Task) -> None:
        """They are there: the worker wrote to these places itself."""

    def close(self) -> None:
        self._process.kill()
        self._process.join()


def _live(connection: Connection) -> None:
    """The worker's life: it ends with its pipe."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    return_freed_memory()
    from stereo3d.executors.hand import Hand

    hand = Hand()

    def tell() -> None:
        while True:
            try:
                connection.send(hand.event())
            except OSError:
                os._exit(1)

    threading.Thread(target=tell, name="tell", daemon=True).start()
    while True:
        try:
            message: Order | Task | None = connection.recv()
        except (EOFError, OSError):
            os._exit(1)
        if isinstance(message, Order):
            hand.begin(message)
        else:
            hand.give(message)
