"""Memory that goes back to the system, so that a long film needs no more than a short one; and the most that was taken."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["keep_freed_memory", "most_resident", "return_freed_memory"]

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def keep_freed_memory() -> None:
    """On Linux with glibc: let frame-sized buffers be used again and again, and keep threads from hoarding heaps of their own. A
    buffer with pages of its own is zeroed by the system each time, which costs a third of the time that views take. What stays in
    fragments is given back by :func:`return_freed_memory`. Elsewhere it does nothing."""
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        mallopt(_M_TRIM_THRESHOLD, 1 << 28)


def return_freed_memory() -> None:
    """Give what is free back to the system, from the middle of heaps, too; now and then, for it costs some milliseconds, and each
    page again when it is used next. Else resident memory creeps up over thousands of frames."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def most_resident() -> int:
    """Bytes that this process has held at most, as the system counts them; where it does not, what it holds now."""
    with suppress(
        OSError, StopIteration, ValueError
    ):  # not ru_maxrss, which counts what this process's parent held, too
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    held = psutil.Process().memory_info()
    return int(getattr(held, "peak_wset", held.rss))


def _glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
