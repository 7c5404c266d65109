"""``stereo3d peek``: what is finished from the beginning on, as one film with its sound, while the job goes on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stereo3d.errors import JobError, OutputError, Stereo3DError, UsageError
from stereo3d.files import flush, publish, read_json
from stereo3d.frames import Timeline
from stereo3d.job.finish import output_plan
from stereo3d.job.manifest import Manifest
from stereo3d.job.places import FILM_SUFFIXES
from stereo3d.job.store import SegmentRecord, work_folder_of
from stereo3d.job.survey import Survey
from stereo3d.media.join import join
from stereo3d.media.mux import mux
from stereo3d.media.probe import probe
from stereo3d.media.wanted import wanted
from stereo3d.progress import clock
from stereo3d.settings import Settings

__all__ = ["Peek", "peek"]


@dataclass(frozen=True, slots=True)
class Peek:
    """``path``: the film that was made; so many of the job's frames and seconds are in it. ``frames_total``: 0 while that is not known,
    for the source is still scanned."""

    path: Path
    frames: int
    frames_total: int
    seconds: float

    def text(self) -> str:
        of = f" of {self.frames_total}" if self.frames_total else ""
        return f"{self.path}: the first {clock(self.seconds)} ({self.frames}{of} frames)"


def peek(output: Path, to: Path | None, *, overwrite: bool = False) -> Peek:
    """Join the finished segments from the first one on into ``to`` (default: ``film.3D.SBS.peek.mkv`` beside the output, made
    anew each time). The job is not disturbed. Raises UsageError, JobError or OutputError."""
    folder = output if output.name.endswith(".stereo3d") else work_folder_of(output)
    output = folder.with_name(folder.name.removesuffix(".stereo3d"))
    place = to if to is not None else output.with_name(f"{output.stem}.peek{output.suffix}")
    manifest, survey = _job(folder, output)
    _check_place(place, overwrite=overwrite or to is None)
    files = _finished(folder, manifest)
    if not files:
        raise JobError(f"no segment of {output} is finished from the beginning on", hint="wait some minutes")
    try:
        return _make(manifest, survey, files, place)
    except Stereo3DError:
        if not folder.is_dir() and output.is_file():
            raise UsageError(f"{output} was finished just now", hint="play it") from None
        raise


def _check_place(place: Path, *, overwrite: bool) -> None:
    if place.suffix.lower() not in FILM_SUFFIXES:
        raise UsageError(f"cannot write {place}", hint=f"use one of {', '.join(FILM_SUFFIXES)}")
    if place.exists() and not overwrite:
        raise OutputError(f"{place} exists already", hint="--overwrite replaces it")


def _job(folder: Path, output: Path) -> tuple[Manifest, Survey]:
    if not folder.is_dir():
        if output.is_file():
            raise UsageError(f"{output} is finished: there is nothing to peek at", hint="play it")
        raise UsageError(
            f"there is no job for {output}", hint="name the output of a conversion that runs, or was stopped"
        )
    manifest, value = Manifest.load(folder / "job.json"), read_json(folder / "survey.json")
    try:
        survey = Survey.from_json(value["survey"])
    except (KeyError, TypeError, ValueError):
        survey = None
    if manifest is None or survey is None:
        raise JobError(f"the job of {output} has no plan yet", hint="wait until the source has been scanned")
    return manifest, survey


def _finished(folder: Path, manifest: Manifest) -> list[tuple[int, int, Path]]:
    """(first frame, end, file) of the segments that are done, up to the first one that is not."""
    files: list[tuple[int, int, Path]] = []
    for segment in manifest.segments:
        file = folder / "segments" / segment.file
        try:
            record = SegmentRecord.from_json(read_json(file.with_suffix(".json")))
            if file.stat().st_size != record.size:
                break
        except (KeyError, TypeError, OSError):
            break
        files.append((segment.start, segment.end, file))
    return files


def _make(manifest: Manifest, survey: Survey, files: list[tuple[int, int, Path]], place: Path) -> Peek:
    settings, whole = Settings.from_flat(manifest.settings), survey.timeline
    end = files[-1][1]
    last = whole.pts[end] - whole.pts[end - 1] if end < len(whole) else whole.last_duration
    timeline = Timeline(whole.pts[:end], whole.time_base, last)
    plan = output_plan(timeline, settings, regular=survey.regular, whole=False)
    firsts, paths = [first for first, _, _ in files], [path for _, _, path in files]
    part = place.with_name(f".{place.stem}.part{place.suffix}")
    try:
        if settings.paint.colormap == "none":
            join(paths, timeline, firsts, part, origin=plan.origin)
        else:
            info = wanted(probe(Path(manifest.source)), settings)
            mux(paths[0], lambda pipe: join(paths, timeline, firsts, pipe, origin=plan.origin), info, part, plan)
        flush(part)
        publish(part, place)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Peek(place, end, len(whole) if survey.whole else 0, float(timeline.duration(0, end)))
