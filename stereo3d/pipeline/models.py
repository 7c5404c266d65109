"""The depth models of a recipe, on one device: the same numbers wherever they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from stereo3d.depth import load_model
from stereo3d.depth.base import DepthModel
from stereo3d.depth.flat import FlatDepth
from stereo3d.depth.from_file import FileDepth
from stereo3d.files import source_fingerprint
from stereo3d.pipeline.recipe import Models, Recipe
from stereo3d.plan.overrides import FLAT
from stereo3d.settings import DepthSettings

__all__ = ["load_film_model", "load_models", "load_shot_models"]

Report = Callable[[str], None]


def load_film_model(
    settings: DepthSettings,
    device: str,
    *,
    batch: int | Literal["auto"],
    compiled: bool,
    report: Report,
    download: Callable[[int, int], None] | None = None,
) -> DepthModel:
    """The film's model, or what reads its depth from a file. Raises UsageError, WeightsError."""
    if settings.depth_from is not None:
        return FileDepth(source_fingerprint(Path(settings.depth_from)), invert=settings.depth_invert)
    return load_model(
        settings.model,
        weights=settings.weights,
        device=device,
        dtype=settings.dtype,
        depth_size=settings.depth_size,
        batch=batch,
        compiled=compiled,
        progress=download,
        report=report,
    )


def load_shot_models(
    names: Iterable[str], settings: DepthSettings, device: str, film: DepthModel, report: Report, *, keep_depth: bool
) -> dict[str, DepthModel]:
    """The models that shots have of their own, by name, and the flat one. ``film``: the film's model; where depth is kept, the flat
    one's maps have its size. Raises as :func:`load_film_model`."""
    models: dict[str, DepthModel] = {FLAT: FlatDepth(film if keep_depth else None)}
    for name in names:
        if name != FLAT:
            models[name] = load_model(
                name,
                device=device,
                dtype=settings.dtype,
                depth_size=settings.depth_size,
                batch=settings.batch,
                report=report,
            )
    return models


def load_models(recipe: Recipe, report: Report) -> Models:
    """All of a recipe's models on its device, with the numerics that were fixed when its job began."""
    settings, numerics, device = recipe.settings, recipe.numerics, str(recipe.place)
    batch = settings.depth.batch if settings.depth.batch != "auto" else numerics.batch
    film = load_film_model(settings.depth, device, batch=batch, compiled=numerics.compiled, report=report)
    names = recipe.overrides.models()
    keep = settings.run.keep_depth
    return Models(film, load_shot_models(names, settings.depth, device, film, report, keep_depth=keep))
