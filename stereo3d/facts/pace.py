"""How fast a film is converted on this machine: measured on a small film of pieces of it, by the whole real conversion.

The pieces are as far apart as the film is long, each a shot of its own, so the stages overlap as they will. What does not grow with
the film (starting, loading the model, opening files) is kept apart from what does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stereo3d.depth.registry import MODELS
from stereo3d.errors import InputError, JobError
from stereo3d.job.report import Report
from stereo3d.job.survey import survey_source
from stereo3d.job.timing import Timing
from stereo3d.media.excerpt import excerpt
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.settings import Settings, TimeSettings

__all__ = ["Pace", "film_frames", "film_seconds", "measured_pace"]

_PIECES = 4
_WINDOW = 32  # frames: a network that sees several at once looks at so many, however few there are
_TEMPORAL = {name for name, entry in MODELS.items() if entry.architecture and entry.architecture.temporal}
_ENOUGH = 12.0  # seconds of converting that are enough to go by
_MOST = 240  # frames a piece
_GROWTH = 12  # from one try to the next: kernels that are chosen meanwhile tell little
_SCANNED = 250  # frames a piece that the pass over the source is timed on
_COMMAND = "import stereo3d.cli, stereo3d.conversion, stereo3d.watch, stereo3d.job.queue, stereo3d.job.report"
_COPYING = 200e6  # bytes a second that the finished picture is joined, muxed and read back with, slow disks apart


@dataclass(frozen=True, slots=True)
class Pace:
    """``launch``: seconds until the conversion's process is up, and from its report to the command's end; ``begin``: until the scan. ``scan_fps``, ``fps``: frames a second of the pass over the source, and of the conversion
    once it runs. ``opening``: seconds by which its first frames are later. ``finish``: seconds after it, less copying.
    ``decode_fps``: of ``--verify full``, 0 without. ``frame_bytes``: of the finished picture. ``sample``: frames measured.
    ``depth_fps``: of the network alone meanwhile, 0 without one. ``peak_memory``: bytes of the process, or on its CUDA device."""

    launch: float
    begin: float
    scan_fps: float
    opening: float
    fps: float
    finish: float
    decode_fps: float
    frame_bytes: float
    sample: int
    depth_fps: float
    limited_by: str
    peak_memory: int

    def seconds(self, frames: int, scanned: int, *, beside: bool = False) -> float:
        """Of the conversion of ``frames``, of a source with ``scanned`` frames. ``beside``: it is scanned while a device converts."""
        decoding = frames / self.decode_fps if self.decode_fps else 0.0
        copying = frames * self.frame_bytes / _COPYING
        scanning, converting = scanned / self.scan_fps, frames / self.fps
        moving = max(scanning, converting) if beside else scanning + converting
        return self.launch + self.begin + self.opening + self.finish + moving + copying + decoding


def film_seconds(info: MediaInfo) -> Fraction:
    """How long the source is, as far as is known (see :func:`stereo3d.media.length.with_true_length`)."""
    rate = info.video.average_rate or Fraction(25)
    return info.duration if info.duration is not None else Fraction(info.video.frames_hint) / rate


def film_frames(info: MediaInfo, settings: Settings) -> int:
    """About how many frames will be converted, from the source's length and rate."""
    rate = info.video.shown_rate or Fraction(25)
    times, seconds = settings.time, film_seconds(info)
    seconds = min(seconds, times.end if times.end is not None else seconds) - (times.start or 0)
    if times.max_fps is not None:
        rate = min(rate, Fraction(times.max_fps).limit_denominator(1000))
    return max(1, round(seconds * rate))


def measured_pace(info: MediaInfo, settings: Settings, stop: threading.Event) -> Pace:
    """Convert pieces of a source as these settings say, in a process of its own: a model that was looked at must not keep its place
    in the device's memory. Raises the errors of a conversion."""
    with tempfile.TemporaryDirectory(prefix="stereo3d-", ignore_cleanup_errors=True) as folder:
        sampler = _Sampler(info, settings, Path(folder), stop)
        count = _WINDOW if settings.depth.model in _TEMPORAL else 1
        report, wall = sampler.convert(count)
        while sampler.longer(count) and (enough := _enough(count, report)) > 1.5 * count:
            report, wall = sampler.convert(count := enough)
        return _pace(report, wall, sampler.scan_fps(), sampler.bytes)


class _Sampler:
    """Pieces of one film, converted."""

    def __init__(self, info: MediaInfo, settings: Settings, folder: Path, stop: threading.Event) -> None:
        self._info, self._folder, self._stop = info, folder, stop
        self._settings, self._times = settings, settings.time
        self.bytes = 0
        start = settings.time.start or Fraction(0)
        end = min(film_seconds(info), settings.time.end or film_seconds(info))
        self._places = [start + (end - start) * (2 * n + 1) / (2 * _PIECES) for n in range(_PIECES)]
        self._whole = (start, end)

    def longer(self, frames: int) -> bool:
        """Whether there is more film than pieces of so many frames."""
        return film_frames(self._info, self._settings) > frames * _PIECES

    def convert(self, frames: int) -> tuple[Report, float]:
        """The report of pieces of ``frames`` each, and the seconds it took, processes and all."""
        from stereo3d.watch import convert_watched

        source, times = self._pieces(frames)
        flat = {**self._settings.to_flat(), **times}
        own = {"dry_run": False, "progress": "none", "keep_work": False, "overwrite": True}
        output = self._folder / f"converted-{frames}.mkv"  # one that is there is taken apart for what can stay
        began = time.monotonic()
        report = convert_watched(source, output, Settings.from_flat({**flat, **own, "done_by": None}), self._stop)
        self.bytes = output.stat().st_size
        return report, time.monotonic() - began

    def scan_fps(self) -> float:
        """Frames a second of the pass over the source."""
        source, _ = self._pieces(_SCANNED)
        ticks: list[float] = []
        survey_source(probe(source), TimeSettings(), lambda _done: ticks.append(time.monotonic()))
        return (len(ticks) - 1) / max(ticks[-1] - ticks[0], 1e-6) if len(ticks) > 1 else 1e6

    def _pieces(self, frames: int) -> tuple[Path, dict[str, object]]:
        """A film of pieces with the times to convert of it; where none can be made, the film itself and its first frames."""
        rate = self._info.video.average_rate or Fraction(25)
        out, (start, end) = self._folder / f"pieces-{frames}.mkv", self._whole
        try:
            if self._info.kind == "film" and excerpt(self._info, self._places, frames, out):
                return out, {"start": None, "end": None}
        except InputError:
            pass
        stop = min(end, start + (frames * _PIECES - Fraction(1, 2)) / rate)
        return self._info.path, {"start": str(float(start)), "end": f"{float(stop):.3f}"}


def _seconds(report: Report, *phases: str) -> float:
    if report.timing is None:
        raise JobError("the conversion of the sample was not timed", hint="is the source a film?")
    return sum(report.timing.phases.get(phase, 0.0) for phase in phases)


def _enough(count: int, report: Report) -> int:
    """Frames a piece that are enough to go by, from what ``count`` took."""
    timing = report.timing or Timing()
    opening, first = timing.opening
    a_frame = max(1e-3, _seconds(report, "convert") - opening) / max(1, timing.frames - first)
    return min(_MOST, _GROWTH * count, round(_ENOUGH / _PIECES / a_frame))


def _steady_fps(report: Report) -> float:
    """Frames a second once it runs."""
    timing, building = report.timing or Timing(), _seconds(report, "convert")
    opening, first = timing.opening
    if timing.frames > first and building > opening:
        return (timing.frames - first) / (building - opening)
    return max(timing.frames, 1) / max(building, 1e-6)


def _command_seconds() -> float:
    """Of the command that watches the conversion: it is a process, too."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", _COMMAND], check=True, stdin=subprocess.DEVNULL)
    return time.monotonic() - began


def _pace(report: Report, wall: float, scan_fps: float, size: int) -> Pace:
    building, frames = _seconds(report, "convert"), max((report.timing or Timing()).frames, 1)
    fps = _steady_fps(report)
    whole = _seconds(report, "decode")
    ending = _seconds(report, "join", "verify")
    depth = next((stage.busy for stage in report.load.stages if stage.stage == "depth"), 0.0)
    return Pace(
        launch=_command_seconds() + max(0.0, wall - report.seconds),
        begin=max(0.0, report.seconds - building - whole - ending - frames / scan_fps),
        scan_fps=scan_fps,
        opening=max(0.0, building - frames / fps),
        fps=fps,
        finish=ending,
        decode_fps=frames / whole if whole else 0.0,
        frame_bytes=size / frames,
        sample=frames,
        depth_fps=frames / (building * depth) if depth and building else 0.0,
        limited_by=report.limited_by,
        peak_memory=report.load.device_memory or report.load.memory,
    )
