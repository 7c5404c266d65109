"""``--done-by 07:00``: the largest model that will be ready by then, from its speed measured on the film itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from stereo3d.depth.registry import MODELS, ModelEntry
from stereo3d.facts.estimate import SIZES, with_model
from stereo3d.facts.models import model_facts
from stereo3d.facts.pace import measured_pace
from stereo3d.files import read_json
from stereo3d.job.manifest import Manifest
from stereo3d.job.store import work_folder_of
from stereo3d.media.info import MediaInfo
from stereo3d.progress import clock
from stereo3d.settings import Settings

__all__ = ["choose_model", "largest_ready", "seconds_until", "settled_model"]

# What else a night brings.
_MARGIN = 1.15
_MARGIN_SECONDS = 60.0


def seconds_until(time: str, now: datetime) -> float:
    """Seconds from ``now`` to the next HH:MM of the clock on the wall."""
    hour, minute = (int(part) for part in time.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if then <= now:
        then += timedelta(days=1)
    return (then.astimezone() - now.astimezone()).total_seconds()


def largest_ready(
    models: Sequence[ModelEntry], seconds: float, measure: Callable[[str], float], tell: Callable[[str], None]
) -> str:
    """The largest of ``models`` (from small to large) that is ready within ``seconds``; the smallest where none is.

    ``measure``: the seconds that a model takes, by its name. One that is many times too large for the time, by the size of its
    network, is not measured.
    """
    chosen, previous = models[0].name, 0.0
    for number, entry in enumerate(models):
        scale = entry.parameters_millions / models[number - 1].parameters_millions if number else 1.0
        if number and previous * scale**0.5 > 2 * seconds:
            tell(f"{entry.name} would take far too long")
            break
        needed = measure(entry.name) * _MARGIN + _MARGIN_SECONDS
        fits = needed <= seconds
        tell(f"{entry.name}: about {clock(needed)} of {clock(seconds)}{'' if fits else ': too slow'}")
        if not fits:
            if not number:
                tell(f"even {entry.name} will not be ready by then")
            break
        chosen, previous = entry.name, needed
    return chosen


def settled_model(output: Path) -> str | None:
    """The model of a job that has begun already: it keeps it, for another one would begin anew."""
    folder = work_folder_of(output)
    manifest = Manifest.from_json(read_json(folder / "job.json"))
    return str(manifest.settings.get("model")) if manifest is not None else None


def choose_model(
    info: MediaInfo, frames: int, settings: Settings, seconds: float, tell: Callable[[str], None], stop: threading.Event
) -> str:
    """The model for ``frames`` of films like this one within ``seconds``: of the Depth-Anything-V2 sizes whose weights are here
    the largest that will be ready. Where none is here, the model that was asked for."""
    here = {facts.name for facts in model_facts() if facts.state == "here"}
    models = [MODELS[name] for name in SIZES if name in here]
    if not models:
        tell(f"of {', '.join(SIZES)} no weights are here: {settings.depth.model} it is")
        return settings.depth.model

    def measure(name: str) -> float:
        return measured_pace(info, with_model(settings, name, {}), stop).seconds(frames, frames)

    chosen = largest_ready(models, seconds, measure, tell)
    licence = MODELS[chosen].licence
    tell(f"model {chosen} it is (licence {licence})")
    return chosen
