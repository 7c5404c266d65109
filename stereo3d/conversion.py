"""``stereo3d convert`` and ``depth``: one film or many, watched or not, and what is printed of it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stereo3d.errors import InputError, UsageError
from stereo3d.interrupts import stop_on_signals
from stereo3d.progress import Note, Progress, Silent, open_progress
from stereo3d.settings import Settings

if TYPE_CHECKING:
    from stereo3d.job.outlook import Outlook
    from stereo3d.job.queue import FilmPlace
    from stereo3d.job.report import Report

__all__ = ["convert_command"]


def convert_command(inputs: Sequence[Path], output: Path | None, settings: Settings) -> int:
    """Convert, or with ``--dry-run`` only plan; returns the exit code. Raises the errors of :mod:`stereo3d.errors`."""
    from stereo3d.job.queue import films_of

    films = films_of(inputs, recursive=settings.run.recursive)
    many = len(films) > 1 or [film.source for film in films] != list(inputs)
    # A watched worker says itself that it is about to stop.
    told: Progress = Silent() if settings.run.watch else _lines(settings)
    with stop_on_signals(told) as stop, _alarm(stop, settings):
        if settings.run.done_by is not None:
            settings = _in_time(films, output, settings, stop, many=many)
        if many:
            return _queue(films, output, settings, stop)
        if settings.run.dry_run:
            _plan(films[0].source, output, settings, stop)
            return 0
        report = _converted(films[0].source, output, settings, stop)
    _print(report, settings)
    return report.exit_code


def _queue(films: Sequence[FilmPlace], output: Path | None, settings: Settings, stop: threading.Event) -> int:
    from stereo3d.job.queue import Outcome, run_queue

    lines = _lines(settings)

    def convert(film: FilmPlace) -> Outcome:
        place = _place(output, film, settings, many=True)
        if settings.run.dry_run:
            return Outcome("planned", _plan(film.source, place, settings, stop).output)
        report = _converted(film.source, place, settings, stop)
        _print(report, settings)
        outcome = "done, with losses" if report.losses else "done"
        return Outcome(outcome, str(report.output), report.exit_code, "; ".join(report.losses))

    queue = run_queue(films, convert, stop, lambda text: lines.emit(Note(text)))
    if settings.run.progress == "json":
        print(json.dumps(queue.to_json()))
    elif settings.run.progress != "none":
        print(queue.text(), file=sys.stderr)
    return queue.exit_code


def _place(output: Path | None, film: FilmPlace, settings: Settings, *, many: bool) -> Path | None:
    """Where a film's output goes; None: beside it."""
    if output is None or not many:
        return output
    from stereo3d.job.places import default_output
    from stereo3d.job.queue import place_in
    from stereo3d.media.pictures import is_picture

    return place_in(output, film, default_output(film.source, settings, picture=is_picture(film.source)))


def _converted(source: Path, output: Path | None, settings: Settings, stop: threading.Event) -> Report:
    if settings.run.watch:
        from stereo3d.watch import convert_watched

        return convert_watched(source, output, settings, stop)
    from stereo3d.job.convert import convert_film

    progress = open_progress(settings.run.progress)
    try:
        return convert_film(source, output, settings, progress, stop)
    finally:
        progress.close()


def _plan(source: Path, output: Path | None, settings: Settings, stop: threading.Event) -> Outlook:
    from stereo3d.job.convert import plan_film

    progress = open_progress(settings.run.progress)
    try:
        outlook = plan_film(source, output, settings, progress, stop)
    finally:
        progress.close()
    print(json.dumps(outlook.to_json()) if settings.run.progress == "json" else outlook.text(), flush=True)
    return outlook


def _in_time(
    films: Sequence[FilmPlace], output: Path | None, settings: Settings, stop: threading.Event, *, many: bool
) -> Settings:
    """The settings with the model that ``--done-by`` means."""
    from stereo3d.facts.deadline import choose_model, seconds_until, settled_model
    from stereo3d.facts.pace import film_frames
    from stereo3d.job.places import default_output
    from stereo3d.media.length import with_true_length
    from stereo3d.media.pictures import is_picture
    from stereo3d.media.probe import probe

    if settings.depth.depth_from is not None or settings.depth.weights is not None:
        raise UsageError(
            "--done-by chooses the model: --depth-from and --weights leave no choice", hint="leave it away"
        )
    lines, seconds = _lines(settings), seconds_until(settings.run.done_by or "", datetime.now())
    flat = settings.to_flat()
    for film in films:
        place = _place(output, film, settings, many=many)
        picture = is_picture(film.source)
        settled = settled_model(place or default_output(film.source, settings, picture=picture))
        if settled is not None:
            lines.emit(Note(f"the job has begun with model {settled} and keeps it"))
            return Settings.from_flat({**flat, "model": settled})
    infos = []
    for film in films:
        with suppress(InputError):  # it is told when its turn comes
            info = probe(film.source)
            infos.append(with_true_length(info) or info)
    frames = sum(film_frames(info, settings) for info in infos)
    if not infos:
        return settings
    model = choose_model(infos[0], frames, settings, seconds, lambda text: lines.emit(Note(text)), stop)
    return Settings.from_flat({**flat, "model": model})


@contextmanager
def _alarm(stop: threading.Event, settings: Settings) -> Iterator[None]:
    """Set ``stop`` when ``--stop-after`` is over."""
    if settings.run.stop_after is None:
        yield
        return
    timer = threading.Timer(float(settings.run.stop_after), stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _lines(settings: Settings) -> Progress:
    """Where this process, beside the one that works, says something."""
    return open_progress({"json": "json", "none": "none"}.get(settings.run.progress, "plain"))


def _print(report: Report, settings: Settings) -> None:
    if settings.run.progress == "json":
        print(report.to_json(), flush=True)
    elif settings.run.progress != "none":
        print(report.text(), file=sys.stderr)
