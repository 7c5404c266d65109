"""``stereo3d compare``: the same moments through several depth models, beside one another, with what each costs on this film."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from stereo3d import __version__
from stereo3d.depth.registry import MODELS
from stereo3d.errors import WeightsError
from stereo3d.facts.estimate import ModelEstimate, choose_models, estimate_film, with_model
from stereo3d.frames import FrameBatch
from stereo3d.job.page.charts import clock
from stereo3d.media.still import jpeg
from stereo3d.moments.look import look
from stereo3d.moments.moments import Moment, Moments, Scene
from stereo3d.pages import render
from stereo3d.settings import Settings
from stereo3d.table import amount, size_text, table

__all__ = ["Comparison", "ModelRow", "compare", "comparison_page", "comparison_sheet", "depth_difference"]

_WIDTH = 480  # pixels of each picture
_SCALE = 4  # of the JPEG's quantiser
_TUTORIAL = 100  # frames
_BAND = 30  # rows above a picture of the sheet


@dataclass(frozen=True, slots=True)
class ModelRow:
    """What a model costs. ``seconds_100``: for the depth of 100 frames within a conversion, as many as the tutorial timed;
    ``fps``: the same as frames a second. ``peak_memory``: bytes of the whole conversion's process, or on its CUDA device.
    ``film_seconds``: of the conversion of the film. ``difference``: of its depth from that of the largest model
    (:func:`depth_difference`), on average over the moments; 0 for that one itself. ``sample``: frames that were timed, 0 where
    nothing was."""

    name: str
    licence: str
    seconds_100: float
    fps: float
    peak_memory: int
    film_seconds: float
    limited_by: str
    difference: float
    sample: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome. ``largest``: the model that the others are measured against. ``times``: of the moments, seconds.
    ``missing``: (model, why, what to do). ``pictures``: by moment the source, then depth in colours by model."""

    input: str
    frames: int
    models: tuple[ModelRow, ...]
    largest: str
    times: tuple[float, ...]
    missing: tuple[tuple[str, str, str], ...]
    pictures: tuple[tuple[FrameBatch, ...], ...]

    def to_json(self) -> dict[str, Any]:
        missing = [{"name": name, "reason": reason, "hint": hint} for name, reason, hint in self.missing]
        models = [asdict(row) for row in self.models]
        facts = {"input": self.input, "frames": self.frames, "models": models, "largest": self.largest}
        return {**facts, "times": self.times, "missing": missing}

    @property
    def timed(self) -> bool:
        """Whether it was measured what any of them costs."""
        return any(row.sample for row in self.models)

    @property
    def head(self) -> tuple[str, ...]:
        costs = ("100 frames", "fps", "peak memory", "this film") if self.timed else ()
        return ("model", *costs, f"differs from {self.largest}")

    def rows(self) -> list[tuple[str, ...]]:
        """Cells for people."""
        differences = [f"{row.difference:.1f} %" if row.name != self.largest else "-" for row in self.models]
        costs = [_costs(row) if self.timed else () for row in self.models]
        return [(row.name, *cost, other) for row, cost, other in zip(self.models, costs, differences, strict=True)]

    def text(self) -> str:
        """A table, and what is missing."""
        lines = [table(self.head, self.rows())] if self.models else []
        return "\n".join([*lines, *(f"{name}: {reason}\n  hint: {hint}" for name, reason, hint in self.missing)])


def _costs(row: ModelRow) -> tuple[str, ...]:
    if not row.sample:
        return ("-",) * 4
    time, memory = f"{amount(row.seconds_100)} s (from {row.sample})", size_text(row.peak_memory)
    return (time, amount(row.fps), memory, clock(row.film_seconds)[:-2])


def compare(
    moments: Moments,
    scenes: Sequence[Scene],
    names: Sequence[str],
    weights: Mapping[str, Path],
    tell: Callable[[str], None],
    *,
    timed: bool = True,
) -> Comparison:
    """Each model on the same scenes, then (``timed``) a conversion of pieces of the film with each. ``names``, ``weights``: see
    :func:`stereo3d.facts.estimate.choose_models`. Raises InputError, UsageError."""
    here, missing = choose_models(names, weights)
    found: dict[str, list[Moment]] = {}
    licences: dict[str, str] = {}
    for name in here:
        tell(f"depth by {name}")
        try:
            own = with_model(moments.settings, name, weights).depth
            found[name] = [moments.moment(scene, own) for scene in scenes]
            licences[name] = moments.model(own)[0].info.licence
        except WeightsError as error:
            missing.append((name, error.message, error.hint))
    moments.forget_model()
    timed = timed and moments.info.kind != "picture" and bool(found)
    costs = estimate_film(moments.info.path, moments.settings, list(found), weights, tell) if timed else None
    by_name = {model.name: model for model in costs.models} if costs is not None else {}
    largest = max(found, key=lambda name: MODELS[name].parameters_millions if name in MODELS else 0.0, default="")
    return Comparison(
        str(moments.info.path),
        costs.frames if costs is not None else 1,
        tuple(
            _row(name, licences[name], by_name.get(name), _difference(own, found[largest]))
            for name, own in found.items()
        ),
        largest,
        tuple(float(scene.time) for scene in scenes),
        tuple(missing),
        tuple(_pictures([own[n] for own in found.values()], moments.settings) for n in range(len(scenes))),
    )


def _row(name: str, licence: str, cost: ModelEstimate | None, difference: float) -> ModelRow:
    if cost is None:
        return ModelRow(name, licence, 0.0, 0.0, 0, 0.0, "", difference, 0)
    fps = cost.depth_fps
    return ModelRow(
        name, licence, _TUTORIAL / fps if fps else 0.0, fps, cost.peak_memory, cost.seconds, cost.limited_by, difference,
        cost.sample,
    )  # fmt: skip


def _difference(own: Iterable[Moment], largest: Iterable[Moment]) -> float:
    """:func:`depth_difference` over all moments, on average."""
    parts = [depth_difference(one.depth, other.depth) for one, other in zip(own, largest, strict=True)]
    return sum(parts) / max(1, len(parts))


def depth_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The mean of |a * one + b - other| in % of the depth range, 0..1. A network knows depth up to scale and shift only, so ``a`` >= 0 and
    ``b`` are those of the least squares (as MiDaS is judged, Ranftl et al. 2020). Both [1, 1, h, w], of any two sizes."""
    mine = functional.interpolate(one, other.shape[2:], mode="bilinear", align_corners=True)
    away, wanted = mine - mine.mean(), other - other.mean()
    scale = ((away * wanted).mean() / (away * away).mean().clamp(min=1e-12)).clamp(min=0.0)
    return float(100 * (scale * away - wanted).abs().mean())


def _pictures(moments: Sequence[Moment], settings: Settings) -> tuple[FrameBatch, ...]:
    flat = Settings.from_flat({**settings.to_flat(), "strength": 0})
    looks = [look(moment, flat).smaller(_WIDTH) for moment in moments]
    return (looks[0].picture("source"), *(seen.picture("depth") for seen in looks)) if looks else ()


def comparison_page(found: Comparison) -> str:
    """The page (HTML, whole in itself)."""
    return render(
        "compare.html.jinja",
        name=Path(found.input).name,
        found=found,
        rows=list(zip(found.rows(), found.models, strict=True)),
        moments=[
            (clock(time), [base64.b64encode(jpeg(picture, _SCALE)).decode() for picture in pictures])
            for time, pictures in zip(found.times, found.pictures, strict=True)
        ],
        version=__version__,
    )


def comparison_sheet(found: Comparison) -> bytes:
    """The same as one picture, a PNG file's content: a row a moment, the source and each model's depth, with names on them."""
    labels = ["source", *(_label(row) for row in found.models)]
    rows = [
        np.hstack([_labelled(_bgr(picture), label) for picture, label in zip(pictures, labels, strict=True)])
        for pictures in found.pictures
        if pictures
    ]
    sheet = np.vstack(rows) if rows else np.zeros((2, 2, 3), np.uint8)
    return bytes(cv2.imencode(".png", sheet)[1])


def _label(row: ModelRow) -> str:
    return f"{row.name}   {amount(row.fps)} fps" if row.sample else row.name


def _bgr(picture: FrameBatch) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg(picture), np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _labelled(picture: NDArray[np.uint8], label: str) -> NDArray[np.uint8]:
    """The picture under a black band with its name, in a thin black frame."""
    framed: NDArray[np.uint8] = cv2.copyMakeBorder(picture, _BAND, 2, 2, 2, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    place = (10, _BAND - 10)
    cv2.putText(framed, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return framed
