"""``stereo3d estimate``: for each model how long this film takes on this machine, and how much room, from a measurement of it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from stereo3d.depth.devices import devices_of
from stereo3d.depth.registry import MODELS, choose
from stereo3d.errors import UsageError, WeightsError
from stereo3d.facts.models import model_facts
from stereo3d.facts.pace import Pace, film_frames, film_seconds, measured_pace
from stereo3d.job.done import Asked
from stereo3d.job.forecast import keep_forecast
from stereo3d.job.keys import film_fingerprint
from stereo3d.job.prepare import begins_early
from stereo3d.job.room import sound_bytes, work_room
from stereo3d.media.info import MediaInfo
from stereo3d.media.length import with_true_length
from stereo3d.media.probe import probe
from stereo3d.media.wanted import wanted
from stereo3d.progress import clock
from stereo3d.settings import Settings
from stereo3d.table import amount, size_text, table

__all__ = ["SIZES", "Estimate", "ModelEstimate", "choose_models", "estimate_film", "with_model"]

SIZES = ("small", "base", "large")
"""The models that are meant where none is named."""


@dataclass(frozen=True, slots=True)
class ModelEstimate:
    """One model. ``seconds``: of the whole conversion. ``fps``: frames a second while it runs. ``finish``: when it would be ready,
    begun now, as HH:MM. ``work_bytes``: of disk that the work takes beside what is there. ``sample``: frames measured. ``depth_fps``: of
    the network alone within the conversion. ``peak_memory``: bytes."""

    name: str
    seconds: float
    fps: float
    output_bytes: int
    work_bytes: int
    limited_by: str
    finish: str
    sample: int
    depth_fps: float
    peak_memory: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one film. ``length_known``: its length and rate were looked up; else they are its header's word. ``missing``: (model, why it
    could not be measured, what to do). ``free_bytes``: of the disk that it lies on."""

    input: str
    frames: int
    film_seconds: float
    length_known: bool
    models: tuple[ModelEstimate, ...]
    missing: tuple[tuple[str, str, str], ...]
    free_bytes: int

    def to_json(self) -> dict[str, Any]:
        missing = [{"name": name, "reason": reason, "hint": hint} for name, reason, hint in self.missing]
        return {**asdict(self), "missing": missing}

    def text(self) -> str:
        """A table for people."""
        head = ("model", "time", "ready at", "fps", "output", "disk needed", "limited by")
        rows = [
            (
                m.name, clock(m.seconds), m.finish, amount(m.fps), size_text(m.output_bytes), size_text(m.work_bytes),
                m.limited_by,
            )
            for m in self.models
        ]  # fmt: skip
        word = "" if self.length_known else ", as its header says: that could not be checked"
        lines = [
            f"{self.input}: {self.frames} frame{'' if self.frames == 1 else 's'} ({clock(self.film_seconds)}{word})"
        ]
        lines += [table(head, rows)] if rows else []
        lines += [f"{name}: {reason}\n  hint: {hint}" for name, reason, hint in self.missing]
        short = [m.name for m in self.models if m.work_bytes > self.free_bytes]
        if short:
            lines.append(f"only {size_text(self.free_bytes)} are free there: not enough for {', '.join(short)}")
        return "\n".join(lines)


def choose_models(names: Sequence[str], weights: Mapping[str, Path]) -> tuple[list[str], list[tuple[str, str, str]]]:
    """(models whose weights are here, the others with the way out), of ``names`` (none: :data:`SIZES`). ``weights``: of some models.

    Raises UsageError for a name that is no model.
    """
    facts = {fact.name: fact for fact in model_facts()}
    here: list[str] = []
    missing: list[tuple[str, str, str]] = []
    for name in names or SIZES:
        choose(name)
        if name in facts and facts[name].state == "to download" and name not in weights:
            away = f"fetch them with 'stereo3d convert --model {name}', or give --weights {name}=FILE"
            missing.append((name, "its weights are not here", away))
        else:
            here.append(name)
    unknown = [name for name in weights if name not in MODELS]
    if unknown:
        raise UsageError(f"--weights {unknown[0]}=...: no such model", hint=f"the models are: {', '.join(MODELS)}")
    return here, missing


def with_model(settings: Settings, name: str, weights: Mapping[str, Path]) -> Settings:
    """The settings with another model."""
    file = weights.get(name)
    return Settings.from_flat({**settings.to_flat(), "model": name, "weights": None if file is None else str(file)})


def estimate_film(
    source: Path,
    settings: Settings,
    names: Sequence[str],
    weights: Mapping[str, Path],
    tell: Callable[[str], None],
) -> Estimate:
    """Measure each model (see :func:`choose_models`) and keep what was found, for the conversion to compare itself with.

    Raises InputError, UsageError, and what makes a conversion fail.
    """
    said = wanted(probe(source), settings)
    if said.kind == "picture":
        raise UsageError(f"{source} is a picture: one frame takes seconds", hint="name a film")
    known = with_true_length(said)
    info = known or said
    here, missing = choose_models(names, weights)
    estimates: list[ModelEstimate] = []
    fingerprint = film_fingerprint(said)
    for name in here:
        own = with_model(settings, name, weights)
        tell(f"measuring {name}")
        try:
            pace = measured_pace(info, own, threading.Event())
        except WeightsError as error:
            missing.append((name, error.message, error.hint))
            continue
        found = _estimated(info, own, name, pace)
        keep_forecast(Asked(source, source, own), fingerprint, found.seconds - pace.launch)
        estimates.append(found)
    free = shutil.disk_usage(source.resolve().parent).free
    frames = film_frames(info, settings)
    seconds = float(film_seconds(info))
    return Estimate(str(source), frames, seconds, known is not None, tuple(estimates), tuple(missing), free)


def _estimated(info: MediaInfo, settings: Settings, name: str, pace: Pace) -> ModelEstimate:
    frames = film_frames(info, settings)
    until = min(film_seconds(info), settings.time.end or film_seconds(info))
    scanned = max(frames, round(until * (info.video.average_rate or 25)))
    # Where the processor converts, the scan takes its share of it.
    beside = begins_early(settings, frames) and devices_of(settings.depth.device)[0] != "cpu"
    seconds = pace.seconds(frames, scanned, beside=beside)
    picture, sound = pace.frame_bytes * frames, sound_bytes(info, float(film_seconds(info)))
    return ModelEstimate(
        name=name,
        seconds=seconds,
        fps=pace.fps,
        output_bytes=round(picture + sound),
        work_bytes=work_room(picture, picture, sound),
        limited_by=pace.limited_by,
        finish=f"{datetime.now() + timedelta(seconds=seconds):%a %H:%M}",
        sample=pace.sample,
        depth_fps=pace.depth_fps,
        peak_memory=pace.peak_memory,
    )
