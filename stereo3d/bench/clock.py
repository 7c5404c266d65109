"""Time, memory and the speed of light of a device: what every benchmark row is made of."""

from __future__ import annotations

import gc
import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil
import torch

from stereo3d.memory import return_freed_memory

__all__ = ["MemoryWatch", "Sample", "matrix_peak", "median", "synchronise", "timed"]

_SAMPLE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement. ``wall``: seconds on the clock; ``core``: seconds of all processor cores, children included."""

    wall: float
    core: float


def median(samples: Sequence[Sample]) -> Sample:
    """The median of each column."""
    return Sample(statistics.median(s.wall for s in samples), statistics.median(s.core for s in samples))


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def timed(run: Callable[[], object], device: torch.device) -> Sample:
    """Run once, with nothing left over on the device from before or afterwards."""
    synchronise(device)
    core, wall = _core_seconds(), time.perf_counter()
    run()
    synchronise(device)
    return Sample(time.perf_counter() - wall, _core_seconds() - core)


def _core_seconds() -> float:
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


class MemoryWatch:
    """The most memory taken since it was made, in bytes, beyond what was taken then.

    CUDA: what torch's allocator handed out. Elsewhere: the process's resident memory, sampled every 5 ms, which also counts
    mapped weights and the libraries' scratch space.
    """

    def __init__(self, device: torch.device) -> None:
        gc.collect()
        return_freed_memory()  # else what was held from before hides what is taken
        self._cuda = device if device.type == "cuda" else None
        self._done = threading.Event()
        if self._cuda is not None:
            torch.cuda.reset_peak_memory_stats(self._cuda)
            self._before = self._peak = torch.cuda.memory_allocated(self._cuda)
            return
        self._process = psutil.Process()
        self._before = self._peak = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self._peak = max(self._peak, self._process.memory_info().rss)

    def forget_peak(self) -> None:
        """Count the peak from here (what loading or tuning needed once is not what running needs)."""
        if self._cuda is not None:
            torch.cuda.reset_peak_memory_stats(self._cuda)

    def stop(self) -> int:
        """Bytes at the peak."""
        if self._cuda is not None:
            return torch.cuda.max_memory_allocated(self._cuda) - self._before
        self._done.set()
        self._thread.join()
        return self._peak - self._before


def matrix_peak(device: torch.device, dtype: torch.dtype, *, side: int | None = None, rounds: int = 5) -> float:
    """Operations a second of one large square matrix product in ``dtype``: the best of some rounds after a warm-up."""
    side = side or (8192 if device.type == "cuda" else 2048)
    repeats = 10 if device.type == "cuda" else 1
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn(side, side, generator=generator).to(device, dtype) for _ in range(2))
    out = torch.empty(side, side, device=device, dtype=dtype)

    def run() -> None:
        for _ in range(repeats):
            torch.matmul(a, b, out=out)

    run()
    best = min(timed(run, device).wall for _ in range(rounds))
    return 2 * side**3 * repeats / best
