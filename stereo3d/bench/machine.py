"""What a benchmark ran on: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from stereo3d import __version__
from stereo3d.progress import counted

__all__ = ["Machine", "describe", "device_name", "processor_name"]


@dataclass(frozen=True, slots=True)
class Machine:
    """``device``: what the depth ran on, by name; ``cores``: of the processor; ``threads``: that torch uses on it;
    ``features``: what its matrix products can use; ``load``: its average load in the minute before (None where unknown): others
    work here too when it is high, and only ratios within one run mean something."""

    date: str
    stereo3d: str
    python: str
    torch: str
    device: str
    processor: str
    cores: int
    threads: int
    features: tuple[str, ...]
    load: float | None

    def text(self) -> str:
        """One line for people."""
        return (
            f"{self.date}, {self.device}; {self.processor}, {counted(self.cores, 'core')}, {counted(self.threads, 'thread')}, "
            f"{' '.join(self.features) or 'no vector extensions'}; stereo3d {self.stereo3d}, torch {self.torch}, "
            f"Python {self.python}" + ("" if self.load is None else f"; load {self.load:.1f} before")
        )


def describe(device: torch.device) -> Machine:
    """This machine, with depth on ``device``. Ask before measuring: the load is that of the last minute."""
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        stereo3d=__version__,
        python=platform.python_version(),
        torch=torch.__version__,
        device=device_name(device),
        processor=processor_name(),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        features=processor_features(),
        load=round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    )


def device_name(device: torch.device) -> str:
    """``cpu``, ``mps`` or the graphics card's own name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def processor_name() -> str:
    """The processor as it calls itself, where the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def processor_features() -> tuple[str, ...]:
    """Of AVX2, AVX512, bf16 and AMX, what torch finds here."""
    capability = torch.backends.cpu.get_cpu_capability()
    found = [capability] if capability not in ("DEFAULT", "NO AVX") else []
    for name, probe in (("bf16", "_is_avx512_bf16_supported"), ("AMX", "_is_amx_tile_supported")):
        if getattr(torch.cpu, probe, bool)():
            found.append(name)
    return tuple(found)
