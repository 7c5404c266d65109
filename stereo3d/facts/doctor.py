"""``stereo3d doctor``: what this machine can do, and what to do about what it cannot."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stereo3d import __version__
from stereo3d.errors import Stereo3DError

__all__ = ["Check", "examine", "examine_text"]

_GIB = 1 << 30
_ROOM = 20 * _GIB  # a film of two hours at good quality, and its work folder
_MEMORY = 8 * _GIB
_NVENC = ("h264_nvenc", "hevc_nvenc", "av1_nvenc")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``ok`` False is a warning; ``hint``: what to do about it. ``details``: the figures, for programs."""

    name: str
    ok: bool
    value: str
    hint: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "status": "ok" if self.ok else "warning"}


def examine() -> Iterator[Check]:
    """All checks, one after the other; a check that breaks is a warning, not the end."""
    for name, look in _CHECKS.items():
        try:
            yield from look()
        except (Stereo3DError, OSError, RuntimeError, ImportError, subprocess.SubprocessError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            yield Check(
                name, False, f"cannot be looked at: {reason}", getattr(error, "hint", "") or "install stereo3d again"
            )


def examine_text(checks: list[Check]) -> str:
    """Lines for people."""
    width = max(len(check.name) for check in checks)
    lines: list[str] = []
    for check in checks:
        lines.append(f"{'ok' if check.ok else 'warning':<8}{check.name:<{width}}  {check.value}")
        if check.hint and not check.ok:
            lines.append(f"{'':<8}{'':<{width}}  hint: {check.hint}")
    return "\n".join(lines)


def _python() -> Iterator[Check]:
    value = f"{platform.python_version()} on {platform.system()} {platform.machine()}, stereo3d {__version__}"
    yield Check("python", True, value, details={"python": platform.python_version(), "stereo3d": __version__})


def _torch() -> Iterator[Check]:
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
    wrong_build = torch.version.cuda is None and shutil.which("nvidia-smi") is not None
    hint = "there is an NVIDIA driver here, but this torch has no CUDA: install torch from its CUDA index"
    details = {"version": torch.__version__, "cuda": torch.version.cuda}
    yield Check("torch", not wrong_build, f"{torch.__version__}, {build}", hint if wrong_build else "", details)


def _devices() -> Iterator[Check]:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for number in range(count):
        props = torch.cuda.get_device_properties(number)
        capability = f"{props.major}.{props.minor}"
        modern = (props.major, props.minor) >= (7, 0)
        yield Check(
            f"cuda:{number}",
            modern,
            f"{props.name}, {props.total_memory / _GIB:.1f} GiB, compute capability {capability}",
            "" if modern else "it has no fast float16: models run in float32, several times slower",
            {"name": props.name, "memory": props.total_memory, "compute_capability": capability},
        )
    if torch.backends.mps.is_available():
        yield Check("mps", True, "Apple GPU")
    elif not count:
        hint = (
            "networks run on the processor, which is slow (see stereo3d bench depth); --model classic is fast anywhere"
        )
        yield Check("gpu", False, "none that torch can use", hint)


def _processor() -> Iterator[Check]:
    from stereo3d.bench.machine import processor_features, processor_name

    features, cores = processor_features(), os.cpu_count() or 1
    value = f"{processor_name()}, {cores} cores, {' '.join(features) or 'no vector extensions'}"
    bf16 = "bf16" in features
    note = (
        ""
        if bf16
        else "no bfloat16 products: on the processor, networks run in float32, at about two thirds of the speed"
    )
    yield Check("processor", True, value, note, {"cores": cores, "features": list(features)})


def _ffmpeg() -> Iterator[Check]:
    from stereo3d.media.capabilities import library_versions, usable_encoder
    from stereo3d.media.encode import ENCODERS

    version, libraries = library_versions()
    yield Check("ffmpeg libraries", True, f"{version}, libavcodec {libraries['libavcodec']}", details=libraries)
    for encoder in ENCODERS.values():
        reason = usable_encoder(encoder.name)
        hint = "install PyAV's own wheel (pip install --only-binary av av)"
        yield Check(f"encoder {encoder.name}", not reason, reason or "usable", hint if reason else "")
    states = {name: usable_encoder(name) for name in _NVENC}
    usable = [name for name, reason in states.items() if not reason]
    value = ", ".join(usable) if usable else f"none usable ({states[_NVENC[0]]})"
    note = "" if usable else "encoding runs on the processor; cards for data centres have no NVENC"
    yield Check("encoder nvenc", True, value, note, {"usable": usable})


def _ffmpeg_command() -> Iterator[Check]:
    from stereo3d.media.capabilities import ffmpeg_command_version

    path, version = ffmpeg_command_version()
    yield Check("ffmpeg command", True, f"{version}, {path}", details={"path": path, "version": version})


def _memory() -> Iterator[Check]:
    import psutil

    memory = psutil.virtual_memory()
    value = f"{memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GiB free"
    details = {"available": memory.available, "total": memory.total}
    ok = memory.available >= _MEMORY
    yield Check("memory", ok, value, "" if ok else "close other programs, or convert with a smaller --height", details)


def _disk() -> Iterator[Check]:
    usage, here = shutil.disk_usage(Path.cwd()), Path.cwd()
    ok = usage.free >= _ROOM
    hint = (
        "" if ok else "a converted film takes several GB, twice while it is joined: put OUTPUT on a disk with more room"
    )
    details = {"folder": str(here), "free": usage.free, "total": usage.total}
    yield Check("disk", ok, f"{usage.free / _GIB:.1f} of {usage.total / _GIB:.1f} GiB free in {here}", hint, details)


def _hub() -> Iterator[Check]:
    from huggingface_hub import constants

    from stereo3d.depth.hub import reachable

    hint = "weights that are not here yet cannot be fetched: bring them with --weights FILE, or use --model classic"
    if constants.HF_HUB_OFFLINE:
        yield Check("hub", False, "offline: HF_HUB_OFFLINE is set", hint, {"reachable": False})
        return
    ok = reachable()
    value = f"{constants.ENDPOINT} {'answers' if ok else 'cannot be reached'}"
    yield Check("hub", ok, value, "" if ok else hint, {"reachable": ok})


def _numba() -> Iterator[Check]:
    hint = "set NUMBA_CACHE_DIR to a folder that can be written: kernels are compiled once and kept there"
    try:
        from stereo3d.render import warp_numba
    except RuntimeError as error:  # numba found no folder for its cache at all
        yield Check("kernel cache", False, str(error), hint)
        return
    folders = {kernel.stats.cache_path for kernel in vars(warp_numba).values() if hasattr(kernel, "stats")}
    shut = sorted(str(folder) for folder in folders if not _can_write(Path(str(folder))))
    value = f"{shut[0]} cannot be written" if shut else ", ".join(sorted(map(str, folders)))
    yield Check("kernel cache", not shut, value, hint if shut else "", {"folders": sorted(map(str, folders))})


def _can_write(folder: Path) -> bool:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK)


_CHECKS: dict[str, Callable[[], Iterator[Check]]] = {
    "python": _python,
    "torch": _torch,
    "devices": _devices,
    "processor": _processor,
    "ffmpeg libraries": _ffmpeg,
    "ffmpeg command": _ffmpeg_command,
    "memory": _memory,
    "disk": _disk,
    "hub": _hub,
    "kernel cache": _numba,
}
