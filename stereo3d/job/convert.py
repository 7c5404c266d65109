"""A conversion from the source's first byte to the verified output."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from stereo3d.bars import Framing
from stereo3d.depth.base import DepthModel
from stereo3d.errors import Interrupted
from stereo3d.executors.local import LocalExecutor
from stereo3d.job.done import finished_report, note_finished
from stereo3d.job.files import file_sha256, publish
from stereo3d.job.finish import finish_film
from stereo3d.job.framing import film_framing, framing_note, trimmed_size
from stereo3d.job.keys import segment_key, source_fingerprint
from stereo3d.job.manifest import Manifest, PlannedSegment
from stereo3d.job.numerics import load_with_numerics
from stereo3d.job.picture import convert_picture
from stereo3d.job.places import check_places, default_output
from stereo3d.job.report import Report
from stereo3d.job.store import SegmentRecord, WorkFolder, work_folder_of
from stereo3d.job.survey import Survey, load_survey, save_survey, survey_source
from stereo3d.job.ticker import Sometimes, Ticker
from stereo3d.media.encode import EncoderSpec, choose_encoder
from stereo3d.media.geometry import output_size
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.pipeline import Numerics, Recipe, SegmentResult
from stereo3d.plan import Segment, make_plan
from stereo3d.progress import Advance, Note, Phase, Progress
from stereo3d.render.pack import packed_size
from stereo3d.settings import EncodeSettings, Settings, TimeSettings
from stereo3d.stages import Meter

__all__ = ["convert_film", "encoder_for"]


@dataclass(frozen=True, slots=True)
class _Job:
    """Everything that is fixed once the plan stands."""

    folder: WorkFolder
    recipe: Recipe
    survey: Survey
    plan: tuple[Segment, ...]
    keys: tuple[str, ...]

    def file(self, segment: Segment) -> Path:
        return self.folder.file_of(segment, self.keys[segment.number])

    def part(self, segment: Segment) -> Path:
        return self.folder.part_of(segment, self.keys[segment.number])


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
    finished = None if settings.run.overwrite else finished_report(source, place, settings)
    if finished is not None:
        progress.emit(Note("this film was finished by an earlier run"))
        _clean_up(place, settings)
        return finished
    check_places(source, place, settings, picture=picture)
    encode = EncodeSettings(codec="ffv1") if picture else settings.encode
    # What is left of a cropped film, and so whether the canvas holds it, is known after the survey.
    encoder = encoder_for(info, encode, settings, Framing(), canvas=settings.picture.bars != "crop")
    if picture:
        return _convert_picture(info, place, settings, encoder, progress, stop)
    with _work_folder(place) as folder:
        if settings.run.restart:
            folder.clear()
        job, model = _prepare(info, place, settings, encoder, folder, progress, stop)
        records, ticker = _build(job, model, progress, stop)
        segments = [(segment.start, job.file(segment)) for segment in job.plan]
        final, lost = finish_film(folder, job.recipe, job.survey, segments, place.suffix, progress)
        report = Report(
            output=place,
            frames=len(job.survey.timeline),
            segments_built=ticker.segments_built,
            segments_kept=ticker.segments_kept,
            seconds=time.monotonic() - began,
            fps=ticker.fps(),
            limited_by=ticker.limited_by(),
            losses=(*job.survey.faults.lines(), *_replaced(records), *lost),
        )
        note_finished(folder.path, source, final, report, settings)
        publish(final, place)
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


def _convert_picture(
    info: MediaInfo, output: Path, settings: Settings, encoder: EncoderSpec, progress: Progress, stop: threading.Event
) -> Report:
    began = time.monotonic()
    model, numerics = _load_model(info, settings, None, progress, stop)
    meter = Meter()
    survey = survey_source(info, TimeSettings(), lambda _done: None)
    framing, encoder = _frame(info, survey, settings, EncodeSettings(codec="ffv1"), encoder, progress)
    recipe = Recipe(info, survey.timeline, True, settings, encoder, numerics, model.info.identity, framing)
    convert_picture(recipe, model, output, meter)
    seconds = time.monotonic() - began
    return Report(output, 1, 1, 0, seconds, 1 / seconds, max(meter.busy(), key=meter.busy().__getitem__))


def encoder_for(
    info: MediaInfo, encode: EncodeSettings, settings: Settings, framing: Framing, *, canvas: bool = True
) -> EncoderSpec:
    """The encoder, refused before anything starts if it cannot hold the packed picture."""
    picture, video = settings.picture, info.video
    width, height = trimmed_size(info, picture, framing)
    width, height = packed_size(width, height, picture.layout, picture.canvas if canvas else None, video.format)
    return choose_encoder(
        encode,
        width,
        height,
        video.format,
        layout=picture.layout,
        swap_eyes=picture.swap_eyes,
        hdr=video.hdr,
        chroma_location=video.chroma_location,
    )


def _frame(
    info: MediaInfo,
    survey: Survey,
    settings: Settings,
    encode: EncodeSettings,
    encoder: EncoderSpec,
    progress: Progress,
) -> tuple[Framing, EncoderSpec]:
    """What of the frames is picture, and the encoder for what is left of them."""
    framing = film_framing(info, survey, settings.picture)
    if note := framing_note(info, settings.picture, framing):
        progress.emit(Note(note))
    if settings.picture.bars == "crop":
        encoder = encoder_for(info, encode, settings, framing)
    return framing, encoder


def _load_model(
    info: MediaInfo, settings: Settings, earlier: Numerics | None, progress: Progress, stop: threading.Event
) -> tuple[DepthModel, Numerics]:
    progress.emit(Phase("weights", f"loading depth model {settings.depth.model}", unit="bytes"))

    def download(done: int, total: int) -> None:
        _heed(stop)
        progress.emit(Phase("weights", "downloading weights", total, done, "bytes"))

    model, numerics = load_with_numerics(
        settings.depth,
        output_size(info.video, settings.picture.height),
        earlier,
        download=download,
        report=lambda line: progress.emit(Note(line, "warning")),
    )
    for note in model.info.notes:
        progress.emit(Note(note))
    return model, numerics


def _prepare(
    info: MediaInfo,
    output: Path,
    settings: Settings,
    encoder: EncoderSpec,
    folder: WorkFolder,
    progress: Progress,
    stop: threading.Event,
) -> tuple[_Job, DepthModel]:
    """Model, survey and plan: all that is fixed before the first segment is built."""
    earlier = Manifest.load(folder.manifest)
    model, numerics = _load_model(info, settings, earlier.numerics if earlier else None, progress, stop)
    fingerprint = source_fingerprint(info.path)
    survey = load_survey(folder.survey, fingerprint, settings.time)
    if survey is None:
        progress.emit(Phase("scan", f"scanning {info.path.name} for times and shots", info.video.frames_hint))
        tell = Sometimes(lambda done: progress.emit(Advance(done)))

        def on_frame(done: int) -> None:
            _heed(stop)
            tell(done)

        survey = survey_source(info, settings.time, on_frame)
        save_survey(survey, folder.survey, fingerprint, settings.time)
    framing, encoder = _frame(info, survey, settings, settings.encode, encoder, progress)
    if encoder.encoder == "libx264":
        # x264's pictures depend on its number of threads, which it would choose by itself: this is what it would choose.
        encoder = replace(encoder, threads=min(16, numerics.threads * 3 // 2))
    recipe = Recipe(info, survey.timeline, survey.seekable, settings, encoder, numerics, model.info.identity, framing)
    plan = make_plan(survey.timeline, survey.shots)
    keys = tuple(segment_key(segment, fingerprint, recipe) for segment in plan)
    job = _Job(folder, recipe, survey, plan, keys)
    Manifest(
        source=str(info.path),
        output=str(output),
        fingerprint=fingerprint,
        settings=settings.to_flat(),
        model=model.info.identity,
        numerics=numerics,
        segments=tuple(PlannedSegment(segment.start, segment.end, job.file(segment).name) for segment in plan),
    ).save(folder.manifest)
    return job, model


def _heed(stop: threading.Event) -> None:
    """Before the first segment there is nothing to finish: a wish to stop is granted at once."""
    if stop.is_set():
        raise Interrupted("stopped before the first segment", hint="the same command continues")


def _build(
    job: _Job, model: DepthModel, progress: Progress, stop: threading.Event
) -> tuple[dict[int, SegmentRecord], Ticker]:
    """Build the segments that are missing; the records of all of them, by number."""
    found = {segment.number: job.folder.find(segment, job.keys[segment.number]) for segment in job.plan}
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
    with closing(LocalExecutor(job.recipe, model, meter).run(missing, job.part, ticker.add_frames)) as results:
        for result in results:
            records[result.segment.number] = _record(job, result)
            ticker.add_segment()
            if stop.is_set() and len(records) < len(job.plan):
                done = f"{len(records)} of {len(job.plan)} segments done"
                raise Interrupted(f"stopped with {done}", hint="the same command continues")
    return records, ticker


def _record(job: _Job, result: SegmentResult) -> SegmentRecord:
    """Make a built segment a finished one."""
    record = SegmentRecord(
        frames=result.frames,
        size=result.size,
        sha256=file_sha256(job.part(result.segment)),
        seconds=result.seconds,
        replaced=result.replaced,
    )
    job.folder.finish(result.segment, job.keys[result.segment.number], record)
    return record


def _replaced(records: dict[int, SegmentRecord]) -> tuple[str, ...]:
    """One line for the frames that stand in for frames that could not be decoded."""
    frames = sorted(frame for record in records.values() for frame in record.replaced)
    if not frames:
        return ()
    shown = ", ".join(map(str, frames[:10])) + (" ..." if len(frames) > 10 else "")
    return (f"{len(frames)} frame(s) could not be decoded and show their neighbour: {shown}",)
