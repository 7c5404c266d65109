"""A job's depth models: loaded in this process, or only known by what they are where other processes load them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from stereo3d.depth.base import DepthModel, ModelInfo
from stereo3d.depth.compiling import return_device_memory
from stereo3d.depth.devices import devices_of
from stereo3d.depth.elsewhere import Elsewhere
from stereo3d.job.numerics import load_with_numerics
from stereo3d.pipeline.models import load_shot_models
from stereo3d.pipeline.recipe import Numerics
from stereo3d.settings import DepthSettings, Settings

if TYPE_CHECKING:
    from stereo3d.executors.ray import Cluster

__all__ = ["job_model", "shot_models"]

Report = Callable[[str], None]


def job_model(
    settings: Settings,
    size: tuple[int, int],
    frames: Callable[[], int],
    earlier: Numerics | None,
    *,
    download: Callable[[int, int], None],
    report: Report,
) -> tuple[DepthModel, Numerics]:
    """As :func:`load_with_numerics`, where the job's segments are built: in this process, in one for each device (the first of
    them says what it is, then gives its memory back), or on a cluster (a machine of it says so)."""
    depth = settings.depth
    if settings.run.cluster is not None:
        cluster = _cluster(settings)
        kind = cluster.kind(depth.device)
        there = depth.model_copy(update={"device": kind})
        info, numerics, lines = cluster.call(kind, _describe, there, size, frames(), earlier, cluster.threads)
        for line in lines:
            report(line)
        return Elsewhere(info), numerics
    model, numerics = load_with_numerics(depth, size, frames, earlier, download=download, report=report)
    if len(devices_of(depth.device)) > 1:
        model = Elsewhere(model.info)
        return_device_memory()
    return model, numerics


def shot_models(
    names: Iterable[str], settings: Settings, numerics: Numerics, film: DepthModel, report: Report
) -> dict[str, DepthModel]:
    """The models that shots have of their own, by name, and the flat one; as :func:`job_model`. ``film``: the film's model."""
    depth, keep = settings.depth, settings.run.keep_depth
    if settings.run.cluster is not None:
        kind = numerics.device
        infos = _cluster(settings).call(kind, _describe_shots, depth, tuple(names), kind)
        return {name: Elsewhere(info) for name, info in infos.items()}
    device = devices_of(depth.device)[0]
    models = load_shot_models(names, depth, device, film, report, keep_depth=keep)
    for note in (note for model in models.values() for note in model.info.notes):
        report(note)
    if isinstance(film, Elsewhere):
        models = {name: Elsewhere(model.info) for name, model in models.items()}
        return_device_memory()
    return models


def _cluster(settings: Settings) -> Cluster:
    from stereo3d.executors.ray import open_cluster

    return open_cluster(settings.run.cluster or "auto")


def _describe(
    settings: DepthSettings, size: tuple[int, int], frames: int, earlier: Numerics | None, threads: int
) -> tuple[ModelInfo, Numerics, list[str]]:
    """What a model is and how it runs on the machine that this is called on, and what is to be told of it."""
    lines: list[str] = []
    model, numerics = load_with_numerics(
        settings,
        size,
        lambda: frames,
        earlier,
        download=lambda _done, _total: None,
        report=lines.append,
        threads=threads,
    )
    return model.info, numerics, lines


def _describe_shots(settings: DepthSettings, names: tuple[str, ...], device: str) -> dict[str, ModelInfo]:
    nowhere = Elsewhere(ModelInfo("", "", ""))
    models = load_shot_models(names, settings, device, nowhere, lambda _line: None, keep_depth=False)
    return {name: model.info for name, model in models.items()}
