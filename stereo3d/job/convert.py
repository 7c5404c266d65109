"""A conversion from the source's first byte to the verified output."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from stereo3d.bars import Framing
from stereo3d.depth.base import DepthModel
from stereo3d.errors import Interrupted
from stereo3d.executors.local import LocalExecutor
from stereo3d.files import file_sha256
from stereo3d.job.depth_output import join_depth
from stereo3d.job.depth_source import depth_source
from stereo3d.job.done import finished_report, publish_all
from stereo3d.job.finish import finish_film
from stereo3d.job.picture import convert_picture
from stereo3d.job.places import check_places, default_output, depth_place
from stereo3d.job.prepare import Job, Wish, encoder_for, prepare_film, prepare_picture
from stereo3d.job.report import Report
from stereo3d.job.store import SegmentRecord, WorkFolder, work_folder_of
from stereo3d.job.ticker import Ticker
from stereo3d.media.probe import probe
from stereo3d.media.wanted import wanted
from stereo3d.memory import return_freed_memory
from stereo3d.pipeline import Places, SegmentResult
from stereo3d.progress import Note, Phase, Progress
from stereo3d.settings import EncodeSettings, Settings
from stereo3d.stages import Meter

__all__ = ["convert_film"]


def convert_film(
    source: Path, output: Path | None, settings: Settings, progress: Progress, stop: threading.Event
) -> Report:
    """Convert, or continue converting, ``source`` into ``output`` (default: a name beside the source).

    ``stop``: when set, the segment in work is finished and :class:`Interrupted` raised; the same call continues.
    Raises the errors of :mod:`stereo3d.errors`; whatever happens, nothing stands at ``output`` that is not verified.
    """
    began = time.monotonic()
    return_freed_memory()
    info = wanted(probe(source), settings)
    picture = info.kind == "picture"
    place = output if output is not None else default_output(source, settings, picture=picture)
    finished = None if settings.run.overwrite else finished_report(source, place, settings)
    if finished is not None:
        progress.emit(Note("this film was finished by an earlier run"))
        _clean_up(place, settings)
        return finished
    check_places(source, place, settings, picture=picture)
    encode = EncodeSettings(codec="ffv1") if picture else settings.encode
    # What is left of a cropped film, and so whether the canvas holds it, is known after the survey.
    encoder = encoder_for(info, encode, settings, Framing(), canvas=settings.picture.bars != "crop")
    for what in info.video.lost_metadata:
        progress.emit(Note(f"{what} of the source will be lost: it belongs to frames that are made anew", "warning"))
    wish = Wish(info, depth_source(info, settings), settings, encode, encoder)
    if picture:
        recipe, model = prepare_picture(wish, progress, stop)
        meter = Meter()
        convert_picture(recipe, model, place, meter)
        busy, seconds = meter.busy(), time.monotonic() - began
        return Report(place, 1, 1, 0, seconds, 1 / seconds, max(busy, key=busy.__getitem__))
    with _work_folder(place) as folder:
        if settings.run.restart:
            folder.clear()
        job, model = prepare_film(wish, place, folder, progress, stop)
        records, ticker = _build(job, model, progress, stop)
        finals, lost = _finish(job, model, records, place, progress)
        depth_faults = job.recipe.depth_from.faults if job.recipe.depth_from else ()
        report = Report(
            output=place,
            frames=len(job.survey.timeline),
            segments_built=ticker.segments_built,
            segments_kept=ticker.segments_kept,
            seconds=time.monotonic() - began,
            fps=ticker.fps(),
            limited_by=ticker.limited_by(),
            losses=(*job.survey.faults.lines(), *depth_faults, *_replaced(records), *lost),
            depth=str(depth_place(place)) if job.recipe.keep is not None else "",
        )
        publish_all(folder.path, source, finals, report, settings)
    _clean_up(place, settings)
    return report


def _clean_up(output: Path, settings: Settings) -> None:
    if not settings.run.keep_work:
        with _work_folder(output) as folder:
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


def _build(
    job: Job, model: DepthModel, progress: Progress, stop: threading.Event
) -> tuple[dict[int, SegmentRecord], Ticker]:
    """Build the segments that are missing; the records of all of them, by number."""
    found = {segment.number: job.find(segment) for segment in job.plan}
    records = {number: record for number, record in found.items() if record is not None}
    job.folder.drop_parts()
    missing = [segment for segment in job.plan if segment.number not in records]
    kept = sum(record.frames for record in records.values())
    total = len(job.survey.timeline)
    if records:
        progress.emit(Note(f"continuing: {len(records)} of {len(job.plan)} segments are done"))
    progress.emit(Phase("convert", f"converting {total} frames", total, kept))
    meter = Meter()
    ticker = Ticker(progress, meter, frames=(kept, total), segments=(len(records), len(job.plan)))
    places = Places(job.part, lambda segment: job.part(segment, job.pieces[0]))
    with closing(LocalExecutor(job.recipe, model, meter).run(missing, places, ticker.add_frames)) as results:
        for result in results:
            records[result.segment.number] = _record(job, result)
            ticker.add_segment()
            if stop.is_set() and len(records) < len(job.plan):
                done = f"{len(records)} of {len(job.plan)} segments done"
                raise Interrupted(f"stopped with {done}", hint="the same command continues")
    return records, ticker


def _record(job: Job, result: SegmentResult) -> SegmentRecord:
    """Make a built segment a finished one: first its depth, where that is kept, then its pictures."""
    for piece in job.pieces:
        part = job.part(result.segment, piece)
        record = SegmentRecord(
            frames=result.frames,
            size=part.stat().st_size,
            sha256=file_sha256(part),
            seconds=result.seconds,
            replaced=result.replaced,
            screens=result.screens,
        )
        job.folder.finish(result.segment, job.keys[result.segment.number], record, piece)
    return record


def _finish(
    job: Job, model: DepthModel, records: dict[int, SegmentRecord], output: Path, progress: Progress
) -> tuple[list[tuple[Path, Path]], tuple[str, ...]]:
    """Make what was asked for; ((verified file, the place it is to have) each, what the output's container cannot carry)."""

    def grey(piece: str) -> Path:
        return join_depth(job.folder, job.recipe, model.info.name, job.files(piece), records.values(), progress)

    if job.recipe.settings.paint.colormap == "none":
        return [(grey(""), output)], ()
    depth = [(grey(job.pieces[0]), depth_place(output))] if job.recipe.keep is not None else []
    final, lost = finish_film(job.folder, job.recipe, job.survey, job.files(""), output.suffix, progress)
    return [(final, output), *depth], lost


def _replaced(records: dict[int, SegmentRecord]) -> tuple[str, ...]:
    """One line for the frames that stand in for frames that could not be decoded."""
    frames = sorted(frame for record in records.values() for frame in record.replaced)
    if not frames:
        return ()
    shown = ", ".join(map(str, frames[:10])) + (" ..." if len(frames) > 10 else "")
    return (f"{len(frames)} frame(s) could not be decoded and show their neighbour: {shown}",)
