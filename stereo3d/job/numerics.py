"""The choices that touch the numbers, made once for a job."""

from __future__ import annotations

import os

import torch

from stereo3d.errors import UsageError
from stereo3d.pipeline import Numerics
from stereo3d.settings import DepthSettings

__all__ = ["choose_numerics"]


def choose_numerics(settings: DepthSettings, earlier: Numerics | None) -> Numerics:
    """Device, batch and threads: what was asked for, else what the job began with, else what suits this machine.

    Raises UsageError for a device that is not there: never a quiet fall to the CPU.
    """
    device = _device(settings.device)
    fits = earlier if earlier is not None and earlier.device.split(":")[0] == device.split(":")[0] else None
    batch = settings.batch if settings.batch != "auto" else (fits.batch if fits else 0)
    threads = fits.threads if fits else (os.cpu_count() or 1)
    torch.set_num_threads(threads)
    return Numerics(device, batch, threads)


def _device(wanted: str) -> str:
    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    if kind == "cuda" and (not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count()):
        found = f"{torch.cuda.device_count()} CUDA device(s)" if torch.cuda.is_available() else "no CUDA device"
        raise UsageError(f"--device {wanted}: torch sees {found}", hint="use --device cpu, or see stereo3d doctor")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: torch sees no Metal device", hint="use --device cpu")
    return wanted
