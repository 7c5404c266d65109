"""The choices that touch the numbers, made once for a job."""

from __future__ import annotations

from collections.abc import Callable

import torch

from stereo3d.depth.base import DepthModel
from stereo3d.depth.compiling import load_fastest, seconds_a_frame
from stereo3d.depth.devices import cores, devices_of
from stereo3d.depth.precision import choose_device
from stereo3d.pipeline.models import load_film_model
from stereo3d.pipeline.recipe import Numerics
from stereo3d.settings import DepthSettings

__all__ = ["load_with_numerics"]


def load_with_numerics(
    settings: DepthSettings,
    size: tuple[int, int],
    frames: Callable[[], int],
    earlier: Numerics | None,
    *,
    download: Callable[[int, int], None],
    report: Callable[[str], None],
    threads: int | None = None,
) -> tuple[DepthModel, Numerics]:
    """The depth model on the first of the devices, and the kind of device, batch, threads and compiling: what was asked for,
    else what the job began with, else what suits this machine. ``size``: (width, height) of a frame. ``frames``: how many there
    are, 0: unknown; asked only where it decides something. ``download``: (bytes done, bytes in all). ``report``: one line when
    something differs from what was chosen. ``threads``: of torch on a processor, for a job that has not begun; None: its cores.

    Raises UsageError for a device that is not there, WeightsError.
    """
    devices = devices_of(settings.device)
    device, kind = devices[0], devices[0].split(":")[0]
    same = earlier if earlier is not None and earlier.device == kind else None
    shared = len(devices) if kind == "cpu" else 1
    threads = same.threads if same else threads or max(1, cores() // shared)
    torch.set_num_threads(threads)
    width, height = size
    batch = settings.batch if settings.batch != "auto" or same is None else same.batch

    def load(compiled: bool) -> DepthModel:
        return load_film_model(settings, device, batch=batch, compiled=compiled, report=report, download=download)

    def measure(model: DepthModel) -> float:
        return seconds_a_frame(model, (height, width), choose_device(device))

    compiled = settings.compile == "on"
    if settings.compile == "auto" and same is not None:
        compiled = same.compiled
    if settings.depth_from is None and settings.compile == "auto" and same is None and kind == "cuda":
        model, compiled = load_fastest(load, measure, frames(), report)
    else:
        model = load(compiled)
    return model, Numerics(kind, model.batch_for(height, width), threads, compiled and settings.depth_from is None)
