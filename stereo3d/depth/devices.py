"""Which devices a job computes on."""

from __future__ import annotations

import os

import torch

from stereo3d.depth.precision import choose_device
from stereo3d.errors import UsageError

__all__ = ["cores", "devices_of"]


def devices_of(wanted: str) -> tuple[str, ...]:
    """The devices that ``--device`` means, all of one kind: ``auto`` is the first CUDA device, else Metal, else the processor;
    ``cuda:all`` every CUDA device; several with commas between them are several processes.

    Raises UsageError for one that is not there: never a quiet fall to the CPU.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return ("cuda",)
        return ("mps" if torch.backends.mps.is_available() else "cpu",)
    if wanted == "cuda:all":
        if not torch.cuda.is_available():
            raise UsageError(
                "--device cuda:all: this machine's usable CUDA devices: none", hint="--device cpu runs anywhere"
            )
        return tuple(f"cuda:{n}" for n in range(torch.cuda.device_count()))
    names = tuple(wanted.split(","))
    for name in names:
        choose_device(name)
    return names


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
