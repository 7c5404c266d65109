"""Workers on the machines of a Ray cluster (extra ``stereo3d[ray]``).

Each GPU of the cluster is a seat, or each share of a machine's cores as large as the job's number of threads. Workers read the
source under its own path where they can, else what they read of it comes through Ray's object store; segments come
back the same way. Both are believed when their hash is right.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from stereo3d.errors import UsageError
from stereo3d.executors.crew import Lost, Seat
from stereo3d.executors.far import FarFile, Piece, piece_of
from stereo3d.executors.hand import Hand, program
from stereo3d.executors.messages import Event, Made, Order, Task
from stereo3d.executors.shipping import (
    Needed,
    depth_with_files,
    drop,
    fetch,
    film_of,
    is_here,
    read_whole,
    with_files,
)
from stereo3d.executors.workplace import Workplace
from stereo3d.files import file_sha256, flush
from stereo3d.memory import keep_freed_memory
from stereo3d.pipeline.recipe import Recipe
from stereo3d.settings import DepthSettings

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # tasks without a GPU do not hide the machine's
try:
    import ray
    from ray._private import services
    from ray._private import worker as driver
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:
    raise UsageError("--cluster needs Ray, which is not installed", hint="pip install 'stereo3d[ray]'") from None

# What a lost worker or machine means for the job is told by the crew. Ray would print its own logs of it to this process's output, and
# has no option against that.
driver.listen_error_messages = lambda _worker, _stopped: None

__all__ = ["Cluster", "ClusterSeats", "open_cluster"]

_Ts = TypeVarTuple("_Ts")
_T = TypeVar("_T")
_CONNECT_SECONDS = 10
_START_SECONDS = 300
_TIDY_SECONDS = 20
_LEAVE_SECONDS = 2
_HOW_TO_START = "start one with 'ray start --head', join others with 'ray start --address=HOST:PORT'"


def open_cluster(address: str) -> Cluster:
    """Join the cluster (or stay in it). ``address``: host:port of its head, or ``auto`` for the one that this machine belongs to.

    Raises UsageError where there is none.
    """
    if address.startswith("ray://"):
        raise UsageError(
            f"--cluster {address}: the job must run on a machine of the cluster",
            hint="join it with 'ray start --address=HOST:PORT' and give --cluster auto",
        )
    if not ray.is_initialized():
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(address=_head_of(address), log_to_driver=False, logging_level="ERROR", namespace="stereo3d")
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UsageError(f"--cluster {address}: {reason[:300]}", hint=_HOW_TO_START) from None
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray takes it for itself
    return Cluster()


def _head_of(address: str) -> str:
    """The cluster's head as host:port. Raises UsageError where nobody answers there: Ray itself would try for minutes, and one that ended
    without 'ray stop' is still written down as this machine's."""
    try:
        head: str = services.canonicalize_bootstrap_address_or_die(address)
    except (OSError, ValueError) as error:
        reason = str(error).split(". ")[0]  # then come names of Ray's own options
        raise UsageError(f"--cluster {address}: {reason}", hint=_HOW_TO_START) from None
    host, _, port = head.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"--cluster {address}: no cluster answers at {head}: {why}", hint=_HOW_TO_START) from None
    return head


@dataclass(frozen=True, slots=True)
class _Machine:
    """A node that is alive. ``cpus``, ``gpus``: that it gives to Ray."""

    id: str
    address: str
    cpus: int
    gpus: int


class Cluster:
    """The cluster that this process belongs to."""

    def machines(self) -> list[_Machine]:
        """Those that are alive now."""
        found = []
        for node in ray.nodes():
            if node["Alive"]:
                has = node["Resources"]
                cpus, gpus = int(has.get("CPU", 0)), int(has.get("GPU", 0))
                found.append(_Machine(node["NodeID"], node["NodeManagerAddress"], cpus, gpus))
        return found

    def kind(self, device: str) -> str:
        """The kind of device that ``--device`` means here. Raises UsageError where no machine has one."""
        gpus = any(machine.gpus for machine in self.machines())
        kind = device.split(":")[0].split(",")[0]
        kind = ("cuda" if gpus else "cpu") if kind == "auto" else kind
        if kind == "mps" or (kind == "cuda" and not gpus):
            raise UsageError(f"--device {device}: the cluster has none", hint="--device auto takes what there is")
        return kind

    @property
    def threads(self) -> int:
        """Cores of the smallest machine that gives any: what every worker on a processor can have."""
        return min((machine.cpus for machine in self.machines() if machine.cpus), default=1)

    def call(self, kind: str, function: Callable[[DepthSettings, *_Ts], _T], depth: DepthSettings, *args: *_Ts) -> _T:
        """Call a function on some machine that has such a device, with the files that the settings name at hand there. Raises what it
        raises, UsageError where that machine has another version of the program."""
        files = read_whole(depth)
        library = _open_library(files.values()) if files else None
        ours = program()

        def there(*args: *_Ts) -> _T:
            if program() != ours:
                raise UsageError(
                    f"--cluster: {platform.node()} has {program()}, this machine {ours}",
                    hint="install the same version on all machines, and start Ray there anew",
                )
            places = {name: fetch(file, partial(_read, library)) for name, file in files.items()}
            return function(depth_with_files(depth, places), *args)

        task = ray.remote(max_calls=1)(there).options(num_cpus=0 if kind == "cuda" else 1, num_gpus=kind == "cuda")
        try:
            result: _T = ray.get(task.remote(*args))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        return result


def _open_library(files: Iterable[Needed]) -> Any:
    """An actor on this machine that reads the files for others; it ends with the last one who holds it."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(_Library).options(num_cpus=0, max_concurrency=8, scheduling_strategy=here)
    return actor.remote(tuple(file.path for file in files))


def _read(library: Any, path: Path, offset: int, count: int) -> Piece:
    piece: Piece = ray.get(library.read.remote(path, offset, count))
    return piece


class ClusterSeats:
    """See :class:`stereo3d.executors.crew.Seats`."""

    def __init__(self, cluster: Cluster, recipe: Recipe) -> None:
        self._cluster, self._numerics = cluster, recipe.numerics
        self._film, self._others = film_of(recipe), read_whole(recipe.settings.depth)
        self._copies: set[str] = set()

    @cached_property
    def _library(self) -> Any:
        return _open_library((self._film, *self._others.values()))

    def now(self) -> Sequence[Seat]:
        return [
            _Seat(self, machine, number)
            for machine in self._cluster.machines()
            for number in range(machine.gpus if self._numerics.device == "cuda" else self._shares(machine))
        ]

    def _shares(self, machine: _Machine) -> int:
        return min(machine.cpus, max(1, machine.cpus // self._numerics.threads))

    def alive(self, machine: _Machine) -> bool:
        return any(other.id == machine.id for other in self._cluster.machines())

    def worker(self, machine: _Machine) -> Any:
        """An actor on a machine."""
        there = NodeAffinitySchedulingStrategy(machine.id, soft=False)
        gpu = self._numerics.device == "cuda"
        cpus = 0 if gpu else min(self._numerics.threads, machine.cpus)
        actor = ray.remote(_Worker).options(
            num_cpus=cpus, num_gpus=int(gpu), max_concurrency=4, scheduling_strategy=there
        )
        return actor.remote(self._library, self._film, self._others)

    def note_copies(self, machine: _Machine) -> None:
        """Files were fetched to this machine."""
        self._copies.add(machine.id)

    def close(self) -> None:
        """Remove what was fetched, on all machines that can still be reached."""
        names = tuple(file.fingerprint for file in self._others.values())
        tasks = [
            ray.remote(drop)
            .options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(machine, soft=False))
            .remote(names)
            for machine in sorted(self._copies)
        ]
        if tasks:
            ray.wait(tasks, num_returns=len(tasks), timeout=_TIDY_SECONDS)


class _Library:
    """On the job's own machine: reads its files for others."""

    def __init__(self, allowed: tuple[Path, ...]) -> None:
        self._allowed = allowed

    def read(self, path: Path, offset: int, count: int) -> Piece:
        if path not in self._allowed:
            raise PermissionError(str(path))
        return piece_of(path, offset, count)


class _Worker:
    """A :class:`Hand` on some machine, with a folder of its own for its segments."""

    def __init__(self, library: Any, film: Needed, others: Mapping[str, Needed]) -> None:
        keep_freed_memory()
        self._hand, self._read, self._source, self._others = Hand(), partial(_read, library), film, others
        self._place = Workplace()
        self._film: FarFile | None = None

    def begin(self, order: Order) -> bool:
        """Whether a file had to be fetched for it."""
        source = self._source
        if self._film is None and not is_here(source):
            self._film = FarFile(source.path, source.size, partial(self._read, source.path), self._place.path / "film")
        places = {name: fetch(file, self._read) for name, file in self._others.items()}
        self._hand.begin(Order(with_files(order.recipe, places, self._film or source.path), order.traces))
        return any(place != self._others[name].path for name, place in places.items())

    def give(self, task: Task | None) -> None:
        if task is not None:
            here = self._place.path
            task = Task(task.segment, here / task.picture.name, here / task.depth.name)
        self._hand.give(task)

    def event(self) -> Event | None:
        return self._hand.event()

    def take(self, path: Path) -> bytes:
        data = path.read_bytes()
        path.unlink()
        return data

    def leave(self) -> None:
        if self._film is not None:
            self._film.close()
        self._place.leave()


@dataclass(frozen=True, slots=True)
class _Seat:
    """See :class:`stereo3d.executors.crew.Seat`."""

    seats: ClusterSeats
    machine: _Machine
    number: int

    @property
    def name(self) -> str:
        return f"{self.machine.address}-{self.machine.id[:6]}#{self.number}"

    @property
    def device(self) -> str:
        return ""  # Ray shows a worker no GPU but its own

    @property
    def gone(self) -> bool:
        return not self.seats.alive(self.machine)

    def open(self) -> _RayLine:
        return _RayLine(self.seats.worker(self.machine), lambda: self.seats.note_copies(self.machine))


class _RayLine:
    """See :class:`stereo3d.executors.crew.Line`."""

    def __init__(self, worker: Any, note_copies: Callable[[], None]) -> None:
        self._worker, self._note_copies = worker, note_copies
        self._next: Any = None

    def begin(self, order: Order) -> None:
        if self._get(self._worker.begin.remote(order)):
            self._note_copies()

    def give(self, task: Task | None) -> None:
        self._get(self._worker.give.remote(task))

    def event(self, seconds: float) -> Event | None:
        if self._next is None:
            self._next = self._worker.event.remote()
        if not ray.wait([self._next], timeout=seconds)[0]:
            return None
        reference, self._next = self._next, None
        event: Event = self._get(reference)
        return event

    def receive(self, made: Made, task: Task) -> None:
        for (there, sha256), here in zip(made.files, (task.picture, task.depth), strict=False):
            here.write_bytes(self._get(self._worker.take.remote(there)))
            flush(here)
            if file_sha256(here) != sha256:
                raise Lost(f"{here.name} did not arrive as it was sent")

    def close(self) -> None:
        with suppress(ray.exceptions.RayError):
            ray.get(self._worker.leave.remote(), timeout=_LEAVE_SECONDS)
        ray.kill(self._worker)

    def _get(self, reference: Any) -> Any:
        try:
            return ray.get(reference, timeout=_START_SECONDS)
        except ray.exceptions.RayTaskError as error:
            raise Lost(" ".join(str(error.cause).split())) from None
        except ray.exceptions.RayError as error:
            raise Lost(f"it cannot be reached: {type(error).__name__}") from None
