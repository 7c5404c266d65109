"""A conversion from the source's first byte to the verified output."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from stereo3d.depth.base import DepthModel
from stereo3d.errors import Interrupted
from stereo3d.executors.local import LocalExecutor
from stereo3d.job.files import file_sha256
from stereo3d.job.finish import finish_film, finish_picture
from stereo3d.job.keys import segment_key, source_fingerprint
from stereo3d.job.manifest import Manifest, PlannedSegment
from stereo3d.job.numerics import load_with_numerics
from stereo3d.job.places import check_places, default_output
from stereo3d.job.report import Report
from stereo3d.job.store import SegmentRecord, WorkFolder, work_folder_of
from stereo3d.job.survey import Survey, load_survey, save_survey, survey_source
from stereo3d.job.ticker import Ticker
from stereo3d.media.encode import choose_encoder
from stereo3d.media.geometry import output_size
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.pipeline import Recipe, SegmentResult
from stereo3d.plan import Segment, make_plan
from stereo3d.progress import Advance, Note, Phase, Progress
from stereo3d.render.pack import packed_size
from stereo3d.settings import Settings
from stereo3d.stages import Meter

__all__ = ["convert_film"]


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that is fixed once the plan stands."""

    folder: WorkFolder
    output: Path
    recipe: Recipe
    survey: Survey
    plan: tuple[Segment, ...]
    keys: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """The segments' files, in order."""
        return tuple(self.folder.file_of(segment, key) for segment, key in zip(self.plan, self.keys, strict=True))


def convert_film(
    source: Path, output: Path | None, settings: Settings, progress: Progress, stop: threading.Event
) -> Report:
    """Convert, or continue converting, ``source`` into ``output`` (default: a name beside the source).

    ``stop``: when set, the segment in work is finished and :class:`Interrupted` raised; the same call continues.
    Raises the errors of :mod:`stereo3d.errors`; whatever happens, nothing stands at ``output`` that is not verified.
    """
    began = time.monotonic()
    info = probe(source)
    picture = info.kind == "picture"
    place = output if output is not None else default_output(source, settings.picture, picture=picture)
    check_places(source, place, settings, picture=picture)
    with _work_folder(place) as folder:
        job, model = _prepare(info, place, settings, folder, progress)
        records, ticker = _build(job, model, progress, stop)
        losses = (finish_picture if picture else finish_film)(job, progress)
        if not settings.run.keep_work:
            folder.remove()
    return Report(
        output=place,
        frames=len(job.survey.timeline),
        segments_built=ticker.segments_built,
        segments_kept=ticker.segments_kept,
        seconds=time.monotonic() - began,
        fps=ticker.fps(),
        limited_by=ticker.limited_by(),
        losses=(*job.survey.faults.lines(), *_replaced(records), *losses),
    )


@contextmanager
def _work_folder(output: Path) -> Iterator[WorkFolder]:
    folder = WorkFolder(work_folder_of(output))
    try:
        yield folder
    finally:
        folder.close()


def _prepare(
    info: MediaInfo, output: Path, settings: Settings, folder: WorkFolder, progress: Progress
) -> tuple[Job, DepthModel]:
    """Survey, model and plan: all that is fixed before the first segment is built."""
    if settings.run.restart:
        folder.clear()
    picture = settings.picture
    size = output_size(info.video, picture.height)
    packed = packed_size(*size, picture.layout, canvas=picture.canvas, format=info.video.format)
    encoder = choose_encoder(
        settings.encode,
        *packed,
        info.video.format,
        layout=picture.layout,
        swap_eyes=picture.swap_eyes,
        hdr=info.video.hdr,
        chroma_location=info.video.chroma_location,
    )
    earlier = Manifest.load(folder.manifest)
    progress.emit(Phase("weights", f"loading depth model {settings.depth.model}", unit="bytes"))
    model, numerics = load_with_numerics(
        settings.depth,
        size,
        earlier.numerics if earlier else None,
        download=lambda done, total: progress.emit(Phase("weights", "downloading weights", total, done, "bytes")),
        report=lambda line: progress.emit(Note(line, "warning")),
    )
    if encoder.encoder == "libx264":
        # x264's pictures depend on its number of threads, which it would choose by itself: this is what it would choose.
        encoder = replace(encoder, threads=min(16, numerics.threads * 3 // 2))
    for note in model.info.notes:
        progress.emit(Note(note))

    fingerprint = source_fingerprint(info.path)
    survey = load_survey(folder.survey, fingerprint, settings.time)
    if survey is None:
        total = info.video.frames_hint or 0
        progress.emit(Phase("scan", f"scanning {info.path.name} for times and shots", total=total))
        survey = survey_source(info, settings.time, lambda done: progress.emit(Advance(done)))
        save_survey(survey, folder.survey, fingerprint, settings.time)

    recipe = Recipe(info, survey.timeline, survey.seekable, settings, encoder, numerics, model.info.identity)
    plan = make_plan(survey.timeline, survey.shots)
    keys = tuple(segment_key(segment, fingerprint, recipe) for segment in plan)
    job = Job(folder, output, recipe, survey, plan, keys)
    Manifest(
        source=str(info.path),
        output=str(output),
        fingerprint=fingerprint,
        settings=settings.to_flat(),
        model=model.info.identity,
        numerics=numerics,
        segments=tuple(
            PlannedSegment(segment.start, segment.end, file.name) for segment, file in zip(plan, job.files, strict=True)
        ),
    ).save(folder.manifest)
    return job, model


def _build(
    job: Job, model: DepthModel, progress: Progress, stop: threading.Event
) -> tuple[dict[int, SegmentRecord], Ticker]:
    """Build the segments that are missing; the records of all of them, by number."""
    records = {
        segment.number: record
        for segment, key in zip(job.plan, job.keys, strict=True)
        if (record := job.folder.find(segment, key)) is not None
    }
    job.folder.drop_parts()
    missing = [segment for segment in job.plan if segment.number not in records]
    frames_kept = sum(record.frames for record in records.values())
    if records:
        progress.emit(Note(f"continuing: {len(records)} of {len(job.plan)} segments are done"))
    total = len(job.survey.timeline)
    progress.emit(Phase("convert", f"converting {total} frames", total=total, done=frames_kept))
    meter = Meter()
    ticker = Ticker(progress, meter, frames=(frames_kept, total), segments=(len(records), len(job.plan)))
    executor = LocalExecutor(job.recipe, model, meter)
    results = executor.run(missing, lambda s: job.folder.part_of(s, job.keys[s.number]), ticker.add_frames)
    with closing(results):
        for result in results:
            records[result.segment.number] = _finish_segment(job, result)
            ticker.add_segment()
            if stop.is_set() and len(records) < len(job.plan):
                raise Interrupted(
                    f"stopped with {len(records)} of {len(job.plan)} segments done", hint="the same command continues"
                )
    return records, ticker


def _finish_segment(job: Job, result: SegmentResult) -> SegmentRecord:
    key = job.keys[result.segment.number]
    record = SegmentRecord(
        frames=result.frames,
        size=result.size,
        sha256=file_sha256(job.folder.part_of(result.segment, key)),
        seconds=result.seconds,
        replaced=result.replaced,
    )
    job.folder.finish(result.segment, key, record)
    return record


def _replaced(records: dict[int, SegmentRecord]) -> tuple[str, ...]:
    """One line for the frames that stand in for frames that could not be decoded."""
    frames = sorted(frame for record in records.values() for frame in record.replaced)
    if not frames:
        return ()
    shown = ", ".join(map(str, frames[:10])) + (" ..." if len(frames) > 10 else "")
    return (f"{len(frames)} frame(s) could not be decoded and show their neighbour: {shown}",)
