"""Memory that goes back to the system, so that a long film needs no more than a short one."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["return_freed_memory"]

# From glibc's malloc.h.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8


def return_freed_memory() -> None:
    """On Linux with glibc: give every frame-sized buffer pages of its own, returned when it is freed, and keep threads from
    hoarding heaps of their own. glibc raises its threshold as large buffers come and go, and what a busy pipeline frees then
    stays in fragments, so that resident memory creeps up over thousands of frames. Elsewhere it does nothing."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 1 << 18)
