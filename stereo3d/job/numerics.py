"""The choices that touch the numbers, made once for a job."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from stereo3d.depth import load_model
from stereo3d.depth.base import DepthModel
from stereo3d.depth.compiling import load_fastest, seconds_a_frame
from stereo3d.depth.flat import FlatDepth
from stereo3d.depth.from_file import FileDepth
from stereo3d.depth.precision import choose_device
from stereo3d.job.keys import source_fingerprint
from stereo3d.pipeline.recipe import Numerics
from stereo3d.plan.overrides import FLAT
from stereo3d.settings import DepthSettings, Settings

__all__ = ["load_others", "load_with_numerics"]


def load_with_numerics(
    settings: DepthSettings,
    size: tuple[int, int],
    frames: int,
    earlier: Numerics | None,
    *,
    download: Callable[[int, int], None],
    report: Callable[[str], None],
) -> tuple[DepthModel, Numerics]:
    """The depth model, and the device, batch, threads and compiling: what was asked for, else what the job began with, else what
    suits this machine. ``size``: (width, height) of a frame. ``frames``: how many there are, 0: unknown. ``download``: (bytes
    done, bytes in all). ``report``: one line when something differs from what was chosen.

    Raises UsageError for a device that is not there (never a quiet fall to the CPU), WeightsError.
    """
    device = _device(settings.device)
    same = earlier if earlier is not None and earlier.device.split(":")[0] == device.split(":")[0] else None
    threads = same.threads if same else (os.cpu_count() or 1)
    torch.set_num_threads(threads)
    width, height = size
    if settings.depth_from is not None:
        choose_device(device)
        model: DepthModel = FileDepth(source_fingerprint(Path(settings.depth_from)), invert=settings.depth_invert)
        return model, Numerics(device, model.batch_for(height, width), threads)

    def load(compiled: bool) -> DepthModel:
        return load_model(
            settings.model,
            weights=settings.weights,
            device=device,
            dtype=settings.dtype,
            depth_size=settings.depth_size,
            batch=settings.batch if settings.batch != "auto" or same is None else same.batch,
            compiled=compiled,
            progress=download,
            report=report,
        )

    def measure(model: DepthModel) -> float:
        return seconds_a_frame(model, (height, width), choose_device(device))

    compiled = settings.compile == "on"
    if settings.compile == "auto" and same is not None:
        compiled = same.compiled
    if settings.compile == "auto" and same is None and device.startswith("cuda"):
        model, compiled = load_fastest(load, measure, frames, report)
    else:
        model = load(compiled)
    return model, Numerics(device, model.batch_for(height, width), threads, compiled)


def load_others(
    names: Iterable[str], settings: Settings, numerics: Numerics, film: DepthModel, report: Callable[[str], None]
) -> dict[str, DepthModel]:
    """The models that shots have of their own, by name, and the flat one. ``film``: the film's model. Raises as
    :func:`load_with_numerics`."""
    models: dict[str, DepthModel] = {FLAT: FlatDepth(film if settings.run.keep_depth else None)}
    for name in names:
        if name != FLAT:
            depth = settings.depth
            models[name] = load_model(
                name,
                device=numerics.device,
                dtype=depth.dtype,
                depth_size=depth.depth_size,
                batch=depth.batch,
                report=report,
            )
            for note in models[name].info.notes:
                report(note)
    return models


def _device(wanted: str) -> str:
    """``auto`` made definite; what was asked for is checked by :func:`stereo3d.depth.load_model`."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
