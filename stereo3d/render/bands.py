"""Rows shared out over threads: how the CPU kernels run in parallel from any thread of the program.

Numba's ``prange`` must not be entered by two threads at once on every platform, and the pipeline's stages are threads;
so the kernels release the GIL and take a range of rows, and this file cuts the rows. A result never depends on the cut.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import torch

__all__ = ["ALIGN", "over_rows"]

ALIGN = 16
"""Cuts fall on multiples of this many rows of a frame, so that a kernel may rely on blocks of this height."""

_LEAST = 64  # rows that are worth a thread


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="render")


def over_rows(kernel: Callable[[int, int], None], frames: int, height: int) -> None:
    """Call ``kernel(start, stop)`` for ranges that together are all ``frames * height`` rows, on torch's thread count."""
    rows, threads = frames * height, torch.get_num_threads()
    parts = min(threads, max(1, rows // _LEAST))
    cuts = [0]
    for part in range(1, parts):
        frame, line = divmod(rows * part // parts, height)
        cut = frame * height + line // ALIGN * ALIGN
        if cut > cuts[-1]:
            cuts.append(cut)
    cuts.append(rows)
    if len(cuts) == 2:
        kernel(0, rows)
        return
    futures = [_pool(threads).submit(kernel, start, stop) for start, stop in pairwise(cuts[1:])]
    kernel(cuts[0], cuts[1])
    for future in futures:
        future.result()
