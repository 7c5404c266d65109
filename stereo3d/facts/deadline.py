"""``--done-by 07:00``: the largest model that will be ready by then, from its speed measured on the film itself."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

from stereo3d.depth.registry import MODELS, ModelEntry
from stereo3d.facts.models import model_facts
from stereo3d.files import read_json
from stereo3d.job.manifest import Manifest
from stereo3d.job.store import work_folder_of
from stereo3d.media.info import MediaInfo
from stereo3d.progress import clock
from stereo3d.settings import Settings

__all__ = ["choose_model", "film_frames", "largest_ready", "measured_fps", "seconds_until", "settled_model"]

_SAMPLE_FRAMES = 24
# Scanning, joining, verifying, and what else a night brings.
_MARGIN = 1.15
_MARGIN_SECONDS = 120.0
_SIZES = ("small", "base", "large")


def seconds_until(time: str, now: datetime) -> float:
    """Seconds from ``now`` to the next HH:MM of the clock on the wall."""
    hour, minute = (int(part) for part in time.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if then <= now:
        then += timedelta(days=1)
    return (then.astimezone() - now.astimezone()).total_seconds()


def film_frames(info: MediaInfo, settings: Settings) -> int:
    """About how many frames will be converted, from what the source says of itself."""
    rate = info.video.average_rate or Fraction(25)
    seconds = info.duration if info.duration is not None else Fraction(info.video.frames_hint) / rate
    times = settings.time
    seconds = min(seconds, times.end if times.end is not None else seconds) - (times.start or 0)
    if times.max_fps is not None:
        rate = min(rate, Fraction(times.max_fps).limit_denominator(1000))
    return max(1, round(seconds * rate))


def largest_ready(
    models: Sequence[ModelEntry], frames: int, seconds: float, fps: Callable[[str], float], tell: Callable[[str], None]
) -> str:
    """The largest of ``models`` (from small to large) that converts ``frames`` within ``seconds``; the smallest where none does.

    ``fps``: measures a model. One that is many times too large for the time, by the size of its network, is not measured.
    """
    chosen, previous = models[0].name, 0.0
    for number, entry in enumerate(models):
        scale = entry.parameters_millions / models[number - 1].parameters_millions if number else 1.0
        if number and previous * scale**0.5 > 2 * seconds:
            tell(f"{entry.name} would take far too long")
            break
        speed = fps(entry.name)
        needed = frames / speed * _MARGIN + _MARGIN_SECONDS
        fits = needed <= seconds
        tell(
            f"{entry.name}: {speed:.2f} fps here, about {clock(needed)} of {clock(seconds)}"
            + ("" if fits else ": too slow")
        )
        if not fits:
            if not number:
                tell(f"even {entry.name} will not be ready by then")
            break
        chosen, previous = entry.name, needed
    return chosen


def measured_fps(source: Path, settings: Settings, stop: threading.Event) -> float:
    """Frames a second of a real conversion of the first frames of ``source``, in a process of its own: a model that was looked at
    must not keep its place in the device's memory."""
    from stereo3d.media.probe import probe
    from stereo3d.watch import convert_watched

    rate = probe(source).video.average_rate or Fraction(25)
    start = settings.time.start or Fraction(0)
    flat = settings.to_flat()
    sample = {
        **flat,
        "start": float(start),
        "end": float(start + _SAMPLE_FRAMES / rate),
        "dry_run": False,
        "progress": "none",
        "keep_work": False,
    }
    with tempfile.TemporaryDirectory(prefix="stereo3d-") as folder:
        report = convert_watched(source, Path(folder) / "sample.mkv", Settings.from_flat(sample), stop)
    return max(report.fps, 1e-6)


def settled_model(output: Path) -> str | None:
    """The model of a job that has begun already: it keeps it, for another one would begin anew."""
    folder = work_folder_of(output)
    manifest = Manifest.from_json(read_json(folder / "job.json"))
    return str(manifest.settings.get("model")) if manifest is not None else None


def choose_model(
    source: Path, frames: int, settings: Settings, seconds: float, tell: Callable[[str], None], stop: threading.Event
) -> str:
    """The model for ``frames`` of films like ``source`` within ``seconds``: of the Depth-Anything-V2 sizes whose weights are here
    the largest that will be ready. Where none is here, the model that was asked for."""
    here = {facts.name for facts in model_facts() if facts.state == "here"}
    models = [MODELS[name] for name in _SIZES if name in here]
    if not models:
        tell(f"of {', '.join(_SIZES)} no weights are here: {settings.depth.model} it is")
        return settings.depth.model
    flat = settings.to_flat()
    chosen = largest_ready(
        models,
        frames,
        seconds,
        lambda name: measured_fps(source, Settings.from_flat({**flat, "model": name}), stop),
        tell,
    )
    licence = MODELS[chosen].licence
    tell(f"model {chosen} it is (licence {licence})")
    return chosen
