"""A conversion from the source's first byte to the verified output."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from stereo3d.errors import UsageError
from stereo3d.frames import Shot
from stereo3d.interrupts import Death
from stereo3d.job.build import Built, build
from stereo3d.job.comfort import comfort_report
from stereo3d.job.depth_output import join_depth
from stereo3d.job.depth_source import depth_source
from stereo3d.job.done import Asked, finished_report, note_decoded, only_rules_differ, page_place, publish_all
from stereo3d.job.encoder import encoder_for
from stereo3d.job.finish import decode_film, finish_film
from stereo3d.job.forecast import recall_forecast
from stereo3d.job.job import Job, Wish
from stereo3d.job.keys import Unchanged, film_fingerprint
from stereo3d.job.losses import simpler_lines, stand_ins
from stereo3d.job.manifest import Manifest
from stereo3d.job.outlook import Outlook, outlook_of
from stereo3d.job.patience import Patience
from stereo3d.job.pause import heeding_pause
from stereo3d.job.picture import convert_picture
from stereo3d.job.places import check_places, default_output, depth_place
from stereo3d.job.prepare import prepare_film, prepare_picture
from stereo3d.job.report import Proof, Report
from stereo3d.job.reuse import in_output, recall, restore, what_it_is_made_of
from stereo3d.job.room import room_needed
from stereo3d.job.shots_file import read_rules, shots_file_of
from stereo3d.job.size import size_losses
from stereo3d.job.store import WorkFolder, work_folder_of
from stereo3d.job.timing import Stopwatch
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.media.wanted import wanted
from stereo3d.memory import keep_freed_memory
from stereo3d.pipeline.meter import Meter
from stereo3d.plan.bars import Framing
from stereo3d.progress import Note, Progress
from stereo3d.settings import EncodeSettings, Settings

__all__ = ["convert_film", "plan_film"]


def convert_film(
    source: Path,
    output: Path | None,
    settings: Settings,
    progress: Progress,
    stop: threading.Event,
    death: Death | None = None,
) -> Report:
    """Convert, or continue converting, ``source`` into ``output`` (default: a name beside the source).

    ``stop``: when set, the segment in work is finished and :class:`Interrupted` raised; the same call continues. ``death``: how
    the process that this one goes on for ended.
    Raises the errors of :mod:`stereo3d.errors`; whatever happens, nothing stands at ``output`` that is not verified.
    """
    if settings.run.dry_run:
        raise UsageError("a dry run converts nothing", hint="'stereo3d convert --dry-run' prints the plan")
    began = time.monotonic()
    progress = watch = Stopwatch(progress)
    keep_freed_memory()
    info = wanted(probe(source), settings)
    asked = _asked(info, output, settings)
    again = settings.run.overwrite or settings.run.restart
    finished = None if again else finished_report(asked)
    if finished is not None:
        progress.emit(Note("this film was finished by an earlier run"))
        _clean_up(asked)
        if settings.run.verify == "full" and finished.proof is not None and not finished.proof.decoded:
            decode_film(asked.output, finished.frames, progress)
            return note_decoded(asked, finished)
        return finished
    for what in info.video.lost_metadata:
        progress.emit(Note(f"{what} of the source will be lost: it belongs to frames that are made anew", "warning"))
    wish = _wish(info, asked)
    if info.kind == "picture":
        recipe, model = prepare_picture(wish, progress, stop)
        meter = Meter()
        facts = convert_picture(recipe, model, asked.output, meter)
        busy, seconds = meter.busy(), time.monotonic() - began
        comfort = comfort_report((Shot(0, 1),), [facts], recipe)
        limit = max(busy, key=busy.__getitem__)
        return Report(asked.output, 1, 1, 0, seconds, 1 / seconds, limit, comfort=comfort)
    with _work_folder(asked.output) as folder, heeding_pause(asked.output, stop, progress):
        if settings.run.restart and death is None:
            folder.clear()
        patience = Patience(folder.path, settings.run.wait, progress, stop)
        with closing(_jobs(wish, folder, patience)) as jobs:
            built = build(jobs, progress, stop, death)
        size = sum(record.size for record in built.records.values())
        report = patience.through(lambda: _finish(built, watch, began), size)
    _clean_up(asked)
    return report


def plan_film(
    source: Path, output: Path | None, settings: Settings, progress: Progress, stop: threading.Event
) -> Outlook:
    """What :func:`convert_film` would do, without doing it: only the survey is made, and kept for it."""
    info = wanted(probe(source), settings)
    if info.kind == "picture":
        raise UsageError("--dry-run goes with films: a picture is one frame", hint="leave --dry-run away")
    asked = _asked(info, output, settings)
    wish = _wish(info, asked, dry=True)
    with _work_folder(asked.output) as folder:
        [job] = _prepare(wish, folder, Patience(folder.path, settings.run.wait, progress, stop))
        kept = {} if settings.run.restart else {**in_output(job, asked.output), **job.recorded()}
        return outlook_of(job, kept)


def _asked(info: MediaInfo, output: Path | None, settings: Settings) -> Asked:
    picture = info.kind == "picture"
    place = output if output is not None else default_output(info.path, settings, picture=picture)
    return Asked(info.path, place, settings, () if picture else read_rules(shots_file_of(place)))


def _wish(info: MediaInfo, asked: Asked, *, dry: bool = False) -> Wish:
    """What was asked for, refused where it cannot be."""
    settings, picture = asked.settings, info.kind == "picture"
    replace = settings.run.overwrite or dry or only_rules_differ(asked)
    check_places(asked.source, asked.output, settings, picture=picture, replace=replace)
    if picture and settings.encode.target_size is not None:
        raise UsageError("--target-size goes with films", hint="leave it away")
    encode = EncodeSettings(codec="ffv1") if picture else settings.encode
    # What is left of a cropped film, and so whether the canvas holds it, is known after the survey.
    encoder = encoder_for(info, encode, settings, Framing(), canvas=settings.picture.bars != "crop")
    return Wish(asked, info, depth_source(info, settings), encode, encoder)


def _prepare(wish: Wish, folder: WorkFolder, patience: Patience, *, early: bool = False) -> Generator[Job]:
    fingerprint = film_fingerprint(wish.info)
    if not wish.settings.run.restart:
        recall(folder, wish.asked.output, fingerprint)
    return prepare_film(wish, folder, fingerprint, patience, early=early)


def _jobs(wish: Wish, folder: WorkFolder, patience: Patience) -> Generator[Job]:
    """The job, written down; while the source is scanned, jobs of its beginning."""
    folder.drop_parts()
    with closing(_prepare(wish, folder, patience, early=True)) as jobs:
        earlier = Manifest.load(folder.manifest)  # of an earlier run, or fetched from the output
        for job in jobs:
            if job.survey.whole:
                _fetch(job, patience, earlier)
            patience.through(partial(job.manifest().save, job.folder.manifest), 1 << 20)
            yield job


def _fetch(job: Job, patience: Patience, earlier: Manifest | None) -> None:
    """Fetch what a finished output holds of the job, say what changed since it was written down ``earlier``, and see that there is
    room."""
    kept = job.recorded()
    if not job.asked.settings.run.restart:
        missing = [segment.number for segment in job.plan if segment.number not in kept]
        patience.through(lambda: restore(job, job.asked.output, missing, patience.progress), 1 << 20)
        kept = job.recorded()
    redone = len(job.plan) - len(kept)
    if changed := earlier.difference(job.manifest()) if earlier is not None else ():
        what, total = "; ".join(changed), len(job.plan)
        text = f"changed since the last run: {what}; {redone} of {total} segments to redo, {len(kept)} kept"
        patience.progress.emit(Note(text))
    frames = len(job.survey.timeline) - sum(record.frames for record in kept.values())
    patience.expect(room_needed(job, kept.values(), frames))


def _finish(built: Built, progress: Stopwatch, began: float) -> Report:
    """Make what was asked for, look at it again, and give it its name. Raises OutputError or VerificationError."""
    try:
        return _published(built, progress, began)
    except Exception:
        built.job.folder.drop_parts()  # there may be no room for the next try beside them
        raise


def _published(built: Built, progress: Stopwatch, began: float) -> Report:
    job, output = built.job, built.job.asked.output

    def grey(piece: str) -> tuple[Path, Proof]:
        name = job.models.film.info.name
        return join_depth(job.folder, job.recipe, name, job.files(piece), built.records.values(), progress)

    lost: tuple[str, ...] = ()
    if job.recipe.settings.paint.colormap == "none":
        final, proof = grey("")
        finals = [(final, output)]
    else:
        depth = [(grey(job.pieces[0])[0], depth_place(output))] if job.recipe.keep is not None else []
        packets = [built.records[segment.number].packets for segment in job.plan]
        near = [sample for record in built.records.values() for sample in record.comfort.near]
        final, lost, proof = finish_film(
            job.folder, job.recipe, job.survey, job.files(""), packets, near, output.suffix, progress
        )
        finals = [(final, output), *depth]
        lost += size_losses(job.asked.settings.encode.target_size, final.stat().st_size)
    whole = not built.ticker.segments_kept
    depth_faults = job.recipe.depth_from.faults if job.recipe.depth_from else ()
    report = Report(
        output=output,
        frames=len(job.survey.timeline),
        segments_built=built.ticker.segments_built,
        segments_kept=built.ticker.segments_kept,
        seconds=time.monotonic() - began,
        fps=built.ticker.fps(),
        limited_by=built.ticker.limited_by(),
        losses=(
            *job.survey.faults.lines(),
            *depth_faults,
            *simpler_lines(built.simpler, job.survey),
            *stand_ins(built.records.values()),
            *lost,
        ),
        depth=str(depth_place(output)) if job.recipe.keep is not None else "",
        comfort=comfort_report(job.survey.shots, [r.comfort for r in built.records.values()], job.recipe),
        proof=proof,
        load=built.load,
        page=str(page_place(output)) if job.asked.settings.run.report == "html" else "",
        simpler=built.simpler,
        timing=progress.timing(),
        estimated=recall_forecast(job.asked, job.fingerprint) if whole else 0.0,
    )
    Unchanged(job.asked.source, job.fingerprint).check()
    publish_all(job.folder, job.asked, finals, report, what_it_is_made_of(job))
    return report


def _clean_up(asked: Asked) -> None:
    if not asked.settings.run.keep_work:
        with _work_folder(asked.output) as folder:
            folder.remove()


@contextmanager
def _work_folder(output: Path) -> Iterator[WorkFolder]:
    folder = WorkFolder(work_folder_of(output))
    try:
        yield folder
    except Exception:
        folder.remove_if_empty()
        raise
    finally:
        folder.close()
