"""How long a film takes on many workers, and what saturates first: a small simulator, described in docs/concepts/scaling.md.

    python -m tests.bench.scaling

Segments are handed out longest first; a worker's speed is that of its slowest stage; what is shared (the cores of a machine, the
wire and the disk of the job's own machine) is shared fairly. The scan goes on beside the building, by one machine; the join and the
check, which it does alone, come on top.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stereo3d.table import table

_LOOK = (
    8 << 20
)  # bytes of a far film that every worker reads: header, index, what stands around its segments (far_bytes.py)


SCANNING = 1.5
"""What a scan costs of the processor, in decodings: 5.1 core-ms a frame of which 3.4 decode (scan_speed.py)."""


@dataclass(frozen=True)
class Film:
    """``frames`` in ``segments`` pieces; bytes of the source and of the result for each frame."""

    frames: int = 172_800
    segments: int = 580
    source_bytes: float = 35_000
    result_bytes: float = 110_000

    def lengths(self) -> list[int]:
        """Frames of each segment, half to double the mean, always the same."""
        chance = random.Random(1)
        weights = [chance.uniform(0.5, 1.5) for _ in range(self.segments)]
        return [max(1, round(self.frames * weight / sum(weights))) for weight in weights]


@dataclass(frozen=True)
class Costs:
    """Of one frame. ``depth``: seconds of a GPU, or of a core where there is none; the rest core-seconds. ``scan``: seconds of the one thread that
    looks at every frame (it decodes, too, on the job's machine); ``start``: seconds until a worker is ready."""

    depth: float
    decode: float
    render: float
    encode: float
    scan: float
    start: float = 20.0


@dataclass(frozen=True)
class Machines:
    """``gpus``: on each (0: its cores do it all). ``network``, ``disk``: bytes a second, of the job's own machine.
    ``shared``: each of a worker's two decoders reads the source over the network; else what is read comes over once."""

    count: int
    gpus: int
    cores: int
    network: float = 1.25e9
    disk: float = 2e9
    shared: bool = False
    encodes_on_gpu: bool = False

    @property
    def workers(self) -> int:
        return self.count * max(1, self.gpus)


@dataclass(frozen=True)
class Outcome:
    """``seconds`` in all, of which ``alone`` by one machine after all segments are built; ``limit``: what saturates first."""

    seconds: float
    alone: float
    limit: str


def worker_rates(costs: Costs, machines: Machines) -> dict[str, float]:
    """Frames a second of one worker, by what would limit it."""
    share = machines.cores / max(1, machines.gpus)
    scan = SCANNING * costs.decode / machines.count if costs.scan else 0  # it goes on beside
    host = 2 * costs.decode + (0 if machines.encodes_on_gpu else costs.encode) + scan
    if machines.gpus == 0:
        return {"cores": share / (host + costs.depth + costs.render)}
    return {"GPU": 1 / (costs.depth + costs.render), "encoder cores": share / host if host else math.inf}


def shared_rates(film: Film, machines: Machines) -> dict[str, float]:
    """Frames a second of all workers together, by what they share."""
    source = 2 * film.source_bytes if machines.shared else film.source_bytes + machines.workers * _LOOK / film.frames
    wire = film.result_bytes + source
    remote = max(0, machines.count - 1) / machines.count  # the job's own machine needs no wire
    return {
        "network": machines.network / (wire * remote) if remote else math.inf,
        "storage": machines.disk / (3 * film.result_bytes),  # written, hashed, read for the join
    }


def simulate(film: Film, costs: Costs, machines: Machines) -> Outcome:
    """One film."""
    own, shared = worker_rates(costs, machines), shared_rates(film, machines)
    rate = min(own.values())
    ready = [costs.start] * machines.workers
    built = 0.0
    for length in sorted(film.lengths(), reverse=True):
        end = heapq.heappop(ready) + length / rate
        built = max(built, end)
        heapq.heappush(ready, end)
    bounds = {name: film.frames / value for name, value in shared.items()}
    bounds["scan, by one machine"] = film.frames * costs.scan
    alone = 3 * film.frames * film.result_bytes / machines.disk  # joined, muxed, compared
    waits = {min(own, key=lambda name: own[name]): built, **bounds, "join, by one machine": alone}
    return Outcome(alone + max(built, *bounds.values()), alone, max(waits, key=lambda name: waits[name]))


def catalogue(films: int, film: Film, costs: Costs, machines: Machines, store: float = 40e9) -> tuple[float, str]:
    """Days for many films, a film to a machine, and what limits: nothing is waited for, only rates count. ``store``: bytes a second
    of where films come from and go to."""
    each, wire = machines.cores / max(1, machines.gpus), film.source_bytes + film.result_bytes
    host = (2 + SCANNING) * costs.decode + (0 if machines.encodes_on_gpu else costs.encode)
    rates = {
        "GPU": machines.workers / (costs.depth + costs.render),
        "cores (encoder, two decoders, scan)": machines.workers * each / host if host else math.inf,
        "network of the machines": machines.count * machines.network / wire,
        "the store": store / wire,
    }
    limit = min(rates, key=lambda name: rates[name])
    return films * film.frames / rates[limit] / 86_400, limit


# 1080p to full side by side. GPU figures: 60 % of an H100's dense peak at 518x924 (computed, not measured); processor figures: cpu_line.py and
# scan_speed.py (docs/benchmarks.md). For a film as short as that of `stereo3d bench` nothing is scanned beside.
LARGE = Costs(depth=1 / 130, decode=0.006, render=1 / 2000, encode=0.055, scan=0.001)
SMALL = replace(LARGE, depth=1 / 400)
CPU_720P = Costs(depth=0.018, decode=0.007, render=0.031, encode=0.038, scan=0, start=0)
MEASURED = (("stereo3d bench, 720p, classic, two cores, quiet", Film(48, 1), CPU_720P, Machines(1, 0, 2), 17.4),)
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)


def sweep(film: Film, costs: Costs, machines: Machines, counts: Sequence[int] = COUNTS) -> list[tuple[str, ...]]:
    """A row for each number of machines."""
    first = simulate(film, costs, replace(machines, count=1)).seconds
    rows = []
    for count in counts:
        outcome = simulate(film, costs, replace(machines, count=count))
        speed = first / outcome.seconds
        rows.append(
            (str(count), f"{outcome.seconds / 60:.1f}", f"{speed:.1f}", f"{100 * speed / count:.0f} %", outcome.limit)
        )
    return rows


def main() -> None:
    head = ("machines", "minutes", "x one", "of ideal", "limited by")
    for name, costs, machines in (
        ("Large, one H100 and 16 cores each, 10 Gbit/s, encoder on the cores", LARGE, Machines(1, 1, 16)),
        ("Small, the same", SMALL, Machines(1, 1, 16)),
        ("Small, a card with NVENC", SMALL, Machines(1, 1, 16, encodes_on_gpu=True)),
        (
            "Large, at home: two PCs, 1 Gbit/s, 8 cores, a card a quarter as fast",
            replace(LARGE, depth=1 / 35),
            Machines(1, 1, 8, 1.25e8, 5e8, False, True),
        ),
        ("classic, no GPU, 16 cores each", replace(CPU_720P, scan=0.001), Machines(1, 0, 16)),
    ):
        print(f"\n{name}: a film of two hours\n")
        print(table(head, sweep(Film(), costs, machines)))
    print("\nA catalogue of 10,000 films of two hours, 1,000 machines:\n")
    for name, costs, gpu in (("Large", LARGE, False), ("Small", SMALL, False), ("Small, NVENC", SMALL, True)):
        days, limit = catalogue(10_000, Film(), costs, Machines(1000, 1, 16, encodes_on_gpu=gpu))
        print(f"{name:13} {days:6.1f} days, limited by {limit}")
    print("\nAgainst what was measured (frames a second while segments are built):\n")
    for name, _film, costs, machines, fps in MEASURED:
        print(f"{name}: measured {fps}, model {min(worker_rates(costs, machines).values()):.1f}")


if __name__ == "__main__":
    main()
