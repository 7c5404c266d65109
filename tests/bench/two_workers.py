"""Two Ray workers, each on a core of its own, against the local executor on one core (Linux, two cores or more, nothing else on them).

    python -m tests.bench.two_workers [--frames 960] [--size 640x272] [--rounds 3]

The local executor lives in a process that is held to core 0. The cluster is a head without cores and two machines of one core each, held to
core 0 and core 1. Everybody computes with one thread and encodes with x264. They build the same segments in turns, and the decoded
pictures are compared. Timed is what grows with the film: from handing out the first segment to having the last one here, its hash
checked. What is paid once (Ray's start, imports, models, compiled kernels) happens in a round before those that count, and is told.

Where the machine has other work, compare the core-seconds: two cores cannot do better than twice those of the local executor over those of
all processes of the cluster, the job's own among them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import psutil

from stereo3d.errors import JobError
from stereo3d.executors.crew import Crew
from stereo3d.executors.local import LocalExecutor
from stereo3d.executors.ray import ClusterSeats, open_cluster
from stereo3d.frames import Shot
from stereo3d.memory import keep_freed_memory
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.models import load_models
from stereo3d.pipeline.recipe import Recipe
from stereo3d.plan.segments import Segment, make_plan
from tests.executors.conftest import places_in, recipe_of
from tests.films import make_film, picture_hashes

_SHOT = 120
_STORE = 80 << 20


@dataclass(frozen=True)
class Film:
    """What is to be built."""

    recipe: Recipe
    segments: tuple[Segment, ...]


class Way(Protocol):
    def build(self, film: Film, folder: Path) -> tuple[float, float]:
        """Build all segments into the folder; (seconds, core-seconds)."""


class Local:
    """The local executor in a process on core 0."""

    def __init__(self, film: Film) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        with _held_to(0):
            self.process = context.Process(target=_live, args=(theirs, film), daemon=True)
            self.process.start()

    def build(self, film: Film, folder: Path) -> tuple[float, float]:
        self._connection.send(folder)
        seconds, cores = self._connection.recv()
        return seconds, cores


def _live(connection: Connection, film: Film) -> None:
    keep_freed_memory()
    executor = LocalExecutor(load_models(film.recipe, lambda _line: None), Meter())
    while True:
        folder = connection.recv()
        began, before = time.perf_counter(), time.process_time()
        for _ in executor.run(film.recipe, film.segments, places_in(folder), lambda _count: None):
            pass
        connection.send((time.perf_counter() - began, time.process_time() - before))


class Workers:
    """A crew on the cluster. ``others``: the process whose work is not the cluster's."""

    def __init__(self, crew: Crew, others: int | None) -> None:
        self._crew, self._others = crew, others

    def build(self, film: Film, folder: Path) -> tuple[float, float]:
        began, before = time.perf_counter(), self._cores()
        with closing(self._crew.run(film.recipe, film.segments, places_in(folder), lambda _count: None)) as outcomes:
            built = list(outcomes)
        if len(built) != len(film.segments):
            raise JobError(f"{len(built)} of {len(film.segments)} segments")
        return time.perf_counter() - began, self._cores() - before

    def _cores(self) -> float:
        me = psutil.Process()
        ours = [me, *(child for child in me.children(recursive=True) if child.pid != self._others)]
        return sum(times.user + times.system for times in (process.cpu_times() for process in ours))


@contextmanager
def _held_to(core: int) -> Iterator[None]:
    """What is started meanwhile runs on one core only."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


@contextmanager
def ray_machines() -> Iterator[str]:
    """The address of a head without cores, with two machines that are held to a core each."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": _STORE}
    nodes = Nodes(initialize_head=True, head_node_args=head)
    try:
        for core in range(2):
            with _held_to(core):
                nodes.add_node(num_cpus=1, num_gpus=0, object_store_memory=_STORE)
        yield nodes.address
    finally:
        ray.shutdown()
        nodes.shutdown()


def measure(film: Film, ways: dict[str, Way], rounds: int, place: Path) -> None:
    """Build the film in turns, print what it took, and compare the pictures."""
    frames = sum(map(len, film.segments))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    hashes: dict[str, list[str]] = {}
    for number in range(rounds + 1):
        for name, way in ways.items():
            folder = place / name
            folder.mkdir(exist_ok=True)
            seconds, cores = way.build(film, folder)
            load = os.getloadavg()[0]
            word = f"round {number}" if number else "cold"
            print(
                f"{word}: {name:5} {seconds:6.1f} s, {1000 * cores / frames:6.1f} core-ms a frame (load {load:.1f})",
                flush=True,
            )
            if number:
                found[name].append((seconds, cores))
                continue
            files = [places_in(folder).picture(segment) for segment in film.segments]
            hashes[name] = [picture for file in files for picture in picture_hashes(file)]
    if hashes["local"] != hashes["ray"] or len(hashes["ray"]) != frames:
        raise SystemExit("the pictures differ")
    print(f"{frames} decoded pictures are the same")
    (one, one_cores), (two, two_cores) = ([min(column) for column in zip(*found[name], strict=True)] for name in ways)
    print(
        f"best of {rounds}: local {frames / one:.1f} fps, two workers {frames / two:.1f} fps: {one / two:.2f} times (we want 1.7)"
    )
    print(f"by core-seconds two cores could give {2 * one_cores / two_cores:.2f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=960)
    parser.add_argument("--size", default="640x272")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory(prefix="stereo3d-two-") as folder:
        place = Path(folder)
        shots = tuple(Shot(start, start + _SHOT) for start in range(0, arguments.frames, _SHOT))
        lengths = tuple(map(len, shots))
        # A keyframe at each cut, where encoders put one.
        source = make_film(place / "film.mkv", lengths, size=(width, height), sound=False, keyframes=_SHOT)
        recipe = recipe_of(source, "h264")
        film = Film(recipe, make_plan(recipe.timeline, shots))
        local = Local(film)
        began = time.perf_counter()
        with ray_machines() as address:
            print(f"{len(film.segments)} segments; the cluster stands after {time.perf_counter() - began:.1f} s")
            seats = ClusterSeats(open_cluster(address), recipe)
            with closing(Crew(seats, {"": recipe.model_identity}, Meter(), print, lambda: False)) as crew:
                ways: dict[str, Way] = {"local": local, "ray": Workers(crew, local.process.pid)}
                measure(film, ways, arguments.rounds, place)
        local.process.kill()


if __name__ == "__main__":
    main()
