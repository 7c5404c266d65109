"""A conversion from the source's first byte to the verified output."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from stereo3d.depth.base import DepthModel
from stereo3d.errors import Interrupted
from stereo3d.executors.local import LocalExecutor
from stereo3d.job.depth_output import join_depth
from stereo3d.job.depth_source import depth_source, depth_video
from stereo3d.job.files import file_sha256, publish
from stereo3d.job.finish import finish_film
from stereo3d.job.keys import segment_key, source_fingerprint
from stereo3d.job.manifest import Manifest, PlannedSegment
from stereo3d.job.numerics import load_with_numerics
from stereo3d.job.picture import convert_picture, picture_timeline
from stereo3d.job.places import check_places, default_output, depth_place
from stereo3d.job.report import Report
from stereo3d.job.store import SegmentRecord, WorkFolder, work_folder_of
from stereo3d.job.survey import Survey, load_survey, save_survey, survey_source
from stereo3d.job.ticker import Sometimes, Ticker
from stereo3d.media.depth_video import DepthVideo, depth_encoder
from stereo3d.media.encode import EncoderSpec, choose_encoder
from stereo3d.media.geometry import output_size
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.pipeline import Numerics, Places, Recipe, SegmentResult
from stereo3d.plan import Segment, make_plan
from stereo3d.progress import Advance, Note, Phase, Progress
from stereo3d.render.pack import packed_size
from stereo3d.render.paint import PAINTED
from stereo3d.settings import EncodeSettings, Settings
from stereo3d.stages import Meter

__all__ = ["convert_film"]


@dataclass(frozen=True, slots=True)
class _Job:
    """Everything that is fixed once the plan stands."""

    folder: WorkFolder
    recipe: Recipe
    survey: Survey
    plan: tuple[Segment, ...]
    keys: tuple[str, ...]

    @property
    def pieces(self) -> tuple[str, ...]:
        """What each segment is made of, as the work folder names it: its depth, where that is kept, then its pictures."""
        keep = self.recipe.keep
        return ("",) if keep is None else (f".depth-{keep.codec}", "")

    def files(self, piece: str) -> list[tuple[int, Path]]:
        """(first frame, file) of all segments, in order."""
        return [(s.start, self.folder.file_of(s, self.keys[s.number], piece)) for s in self.plan]

    def part(self, segment: Segment, piece: str = "") -> Path:
        return self.folder.part_of(segment, self.keys[segment.number], piece)

    def find(self, segment: Segment) -> SegmentRecord | None:
        """The record of a segment of which every piece is done, else None."""
        found = [self.folder.find(segment, self.keys[segment.number], piece) for piece in self.pieces]
        return found[-1] if None not in found else None


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
    encoder = _encoder(info, EncodeSettings(codec="ffv1") if picture else settings.encode, settings)
    depth = depth_source(info, settings)
    if picture:
        return _convert_picture(info, place, settings, encoder, depth, progress, stop)
    with _work_folder(place) as folder:
        if settings.run.restart:
            folder.clear()
        job, model = _prepare(info, place, settings, encoder, depth, folder, progress, stop)
        records, ticker = _build(job, model, progress, stop)
        kept, lost = _finish(job, model, records, place, progress)
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
        losses=(
            *job.survey.faults.lines(),
            *(job.recipe.depth_from.faults if job.recipe.depth_from else ()),
            *_replaced(records),
            *lost,
        ),
        depth=kept,
    )


def _finish(
    job: _Job, model: DepthModel, records: dict[int, SegmentRecord], output: Path, progress: Progress
) -> tuple[str, tuple[str, ...]]:
    """Publish what was asked for; (the depth film that was kept or "", what the output's container cannot carry)."""

    def grey(piece: str) -> Path:
        return join_depth(job.folder, job.recipe, model.info.name, job.files(piece), records.values(), progress)

    if job.recipe.settings.paint.colormap == "none":
        publish(grey(""), output)
        return "", ()
    ready = grey(job.pieces[0]) if job.recipe.keep is not None else None
    lost = finish_film(job.folder, job.recipe, job.survey, job.files(""), output, progress)
    if ready is None:
        return "", lost
    publish(ready, depth_place(output))
    return str(depth_place(output)), lost


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
    info: MediaInfo,
    output: Path,
    settings: Settings,
    encoder: EncoderSpec,
    depth: MediaInfo | None,
    progress: Progress,
    stop: threading.Event,
) -> Report:
    began = time.monotonic()
    model, numerics = _load_model(info, settings, None, progress, stop)
    meter = Meter()
    timeline = picture_timeline(info)
    depth_from = DepthVideo(depth, picture_timeline(depth), True) if depth is not None else None
    recipe = Recipe(info, timeline, True, settings, encoder, numerics, model.info.identity, depth_from)
    convert_picture(recipe, model, output, meter)
    seconds = time.monotonic() - began
    return Report(output, 1, 1, 0, seconds, 1 / seconds, max(meter.busy(), key=meter.busy().__getitem__))


def _encoder(info: MediaInfo, encode: EncodeSettings, settings: Settings) -> EncoderSpec:
    """The encoder, refused before anything starts if it cannot hold the packed picture."""
    picture, video = settings.picture, info.video
    width, height = output_size(video, picture.height)
    if settings.paint.colormap == "none":
        return depth_encoder(encode.depth_codec)
    if settings.paint.colormap is not None:
        return choose_encoder(encode, width, height, PAINTED)
    width, height = packed_size(width, height, picture.layout, picture.canvas, video.format)
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


def _load_model(
    info: MediaInfo, settings: Settings, earlier: Numerics | None, progress: Progress, stop: threading.Event
) -> tuple[DepthModel, Numerics]:
    if settings.depth.depth_from is None:
        progress.emit(Phase("weights", f"loading depth model {settings.depth.model}", unit="bytes"))
    else:
        progress.emit(Note(f"depth comes from {settings.depth.depth_from}; no model is run"))

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
    depth: MediaInfo | None,
    folder: WorkFolder,
    progress: Progress,
    stop: threading.Event,
) -> tuple[_Job, DepthModel]:
    """Model, survey and plan: all that is fixed before the first segment is built."""
    earlier = Manifest.load(folder.manifest)
    model, numerics = _load_model(info, settings, earlier.numerics if earlier else None, progress, stop)
    if encoder.encoder == "libx264":
        # x264's pictures depend on its number of threads, which it would choose by itself: this is what it would choose.
        encoder = replace(encoder, threads=min(16, numerics.threads * 3 // 2))
    fingerprint = source_fingerprint(info.path)
    survey = load_survey(folder.survey, fingerprint, settings.time)
    if survey is None:
        survey = survey_source(info, settings.time, _scanning(info, "times and shots", progress, stop))
        save_survey(survey, folder.survey, fingerprint, settings.time)
    depth_from = None
    if depth is not None:
        count = _scanning(depth, "depth", progress, stop)
        depth_from = depth_video(depth, survey.timeline, settings, folder.depth_survey, count)
    keep = depth_encoder(settings.encode.depth_codec) if settings.run.keep_depth else None
    recipe = Recipe(
        info, survey.timeline, survey.seekable, settings, encoder, numerics, model.info.identity, depth_from, keep
    )
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
        segments=tuple(
            PlannedSegment(segment.start, segment.end, file.name)
            for segment, (_, file) in zip(plan, job.files(""), strict=True)
        ),
    ).save(folder.manifest)
    return job, model


def _scanning(info: MediaInfo, what: str, progress: Progress, stop: threading.Event) -> Callable[[int], None]:
    """Begin to show a pass over a source; what is to be told the number of frames done."""
    progress.emit(Phase("scan", f"scanning {info.path.name} for {what}", info.video.frames_hint))
    tell = Sometimes(lambda done: progress.emit(Advance(done)))

    def on_frame(done: int) -> None:
        _heed(stop)
        tell(done)

    return on_frame


def _heed(stop: threading.Event) -> None:
    """Before the first segment there is nothing to finish: a wish to stop is granted at once."""
    if stop.is_set():
        raise Interrupted("stopped before the first segment", hint="the same command continues")


def _build(
    job: _Job, model: DepthModel, progress: Progress, stop: threading.Event
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


def _record(job: _Job, result: SegmentResult) -> SegmentRecord:
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


def _replaced(records: dict[int, SegmentRecord]) -> tuple[str, ...]:
    """One line for the frames that stand in for frames that could not be decoded."""
    frames = sorted(frame for record in records.values() for frame in record.replaced)
    if not frames:
        return ()
    shown = ", ".join(map(str, frames[:10])) + (" ..." if len(frames) > 10 else "")
    return (f"{len(frames)} frame(s) could not be decoded and show their neighbour: {shown}",)
