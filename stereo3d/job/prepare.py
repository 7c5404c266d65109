"""Everything that is fixed before the first segment is built: model, survey, framing, encoder, plan, keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import prod

from stereo3d.depth.base import DepthModel
from stereo3d.depth.devices import devices_of
from stereo3d.errors import Interrupted
from stereo3d.job.comfort import film_cards
from stereo3d.job.depth_source import depth_video
from stereo3d.job.encoder import as_begun, encoder_for, substitute_for, with_fixed_threads
from stereo3d.job.finish import output_plan
from stereo3d.job.framing import film_framing, framing_note, written_size
from stereo3d.job.job import Job, Wish
from stereo3d.job.manifest import Manifest
from stereo3d.job.models import job_model, shot_models
from stereo3d.job.patience import Patience
from stereo3d.job.shots_file import overrides_of, shots_file_of
from stereo3d.job.size import film_goals, sized_encoder
from stereo3d.job.store import WorkFolder
from stereo3d.job.survey import Survey, load_survey, save_survey, survey_source
from stereo3d.job.surveying import Surveying, SurveyLost
from stereo3d.job.ticker import Sometimes
from stereo3d.media.depth_video import DepthVideo, depth_encoder
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.geometry import output_size
from stereo3d.media.info import MediaInfo
from stereo3d.media.length import with_true_length
from stereo3d.pipeline.recipe import Models, Numerics, Recipe
from stereo3d.pipeline.witness import still_frames
from stereo3d.plan.bars import Framing
from stereo3d.plan.segments import make_plan
from stereo3d.progress import Advance, Note, Phase, Progress
from stereo3d.settings import Settings, TimeSettings

__all__ = ["EARLY_FRAMES", "begins_early", "prepare_film", "prepare_picture"]

EARLY_FRAMES = 5000
"""A film of fewer frames is scanned before its first segment is built: that takes less than half a minute."""


def prepare_picture(wish: Wish, progress: Progress, stop: threading.Event) -> tuple[Recipe, DepthModel]:
    """The recipe of a picture: a film of one frame."""
    model, numerics = _load_model(wish, None, progress, stop)
    survey = survey_source(wish.info, TimeSettings(), lambda _done: None)
    framing, encoder = _frame(wish, survey, progress)
    depth_from = None
    if wish.depth is not None:
        depth_survey = survey_source(wish.depth, TimeSettings(), lambda _done: None)
        depth_from = DepthVideo(wish.depth, depth_survey.timeline, True)
    identity = model.info.identity
    recipe = Recipe(wish.info, survey.timeline, True, wish.settings, encoder, numerics, identity, framing, depth_from)
    return replace(recipe, device=devices_of(wish.settings.depth.device)[0]), model


@dataclass(frozen=True)
class _Begun:
    """What stands before the survey. ``frames``: that will come, about; 0 where nobody knows."""

    wish: Wish
    folder: WorkFolder
    fingerprint: str
    patience: Patience
    model: DepthModel
    numerics: Numerics
    frames: int


def prepare_film(
    wish: Wish, folder: WorkFolder, fingerprint: str, patience: Patience, *, early: bool = False
) -> Generator[Job]:
    """The job, and the models that are to build it. ``fingerprint``: of the source. Writes down nothing but the survey.

    ``early``: while the source is scanned, there may be jobs of its beginning, each with more of it; the last one is whole.
    """
    earlier = Manifest.load(folder.manifest)
    wish = as_begun(wish, earlier)
    time, progress, stop = wish.settings.time, patience.progress, patience.stop
    survey = load_survey(folder.survey, fingerprint, time)
    with ExitStack() as stack:
        ahead, frames = None, 0
        if survey is None and early and not wish.asked.rules:
            frames = _frames_to_come(wish.info, time)
        if begins_early(wish.settings, frames):
            with suppress(OSError):  # no process can be started: it is scanned here, before all else
                ahead = stack.enter_context(Surveying(wish.info, time))
        model, numerics = _load_model(wish, earlier.numerics if earlier else None, progress, stop)
        begun = _Begun(wish, folder, fingerprint, patience, model, numerics, frames)
        for found in _surveys(begun, ahead) if survey is None else [survey]:
            if found is not survey:
                patience.through(partial(save_survey, found, folder.survey, fingerprint, time), 1 << 20)
            yield _job(begun, found)


def begins_early(settings: Settings, frames: int) -> bool:
    """Whether segments are built while the source is scanned: nothing asks for the whole plan before the first one, and with so many
    ``frames`` the scan is long enough to be worth it."""
    asks = settings.encode.target_size is not None or settings.depth.depth_from is not None
    return not asks and settings.picture.bars != "crop" and frames >= EARLY_FRAMES


def _surveys(begun: _Begun, ahead: Surveying | None) -> Iterator[Survey]:
    info, patience = begun.wish.info, begun.patience

    def scanning() -> Callable[[int], None]:
        return _scanning(info, "times and shots", patience.progress, patience.stop)

    if ahead is not None:
        try:
            yield from ahead.surveys(scanning)
            return
        except SurveyLost:
            patience.progress.emit(Note("the process that scans has ended: scanning again, before all else", "warning"))
    yield survey_source(info, begun.wish.settings.time, scanning())


def _job(begun: _Begun, survey: Survey) -> Job:
    """The job of what was surveyed of the film."""
    wish, folder, patience, numerics = begun.wish, begun.folder, begun.patience, begun.numerics
    info, settings, progress = wish.info, wish.settings, patience.progress
    overrides = overrides_of(wish.asked.rules, shots_file_of(wish.asked.output), survey.shots, settings)
    framing, encoder = _frame(wish, survey, progress)
    encoder = with_fixed_threads(encoder, numerics)
    plan = make_plan(survey.timeline, survey.shots)
    count = len(survey.timeline)
    if not survey.whole:
        plan = plan[:-1]  # the last one may get more shots
        count = max(count, begun.frames)
    goals: tuple[int, ...] = ()
    if (target := settings.encode.target_size) is not None:
        whole = output_plan(survey.timeline, settings, regular=survey.regular)
        goals = film_goals(target, info, whole, wish.asked.output, plan, folder.weights, begun.fingerprint)
        encoder = sized_encoder(encoder, goals, prod(written_size(info, settings, framing)) * len(survey.timeline))
    depth_from = None
    if wish.depth is not None:
        on_frame = _scanning(wish.depth, "depth", progress, patience.stop)
        depth_from = depth_video(wish.depth, survey.timeline, settings, folder.depth_survey, on_frame)
    recipe = Recipe(
        info,
        survey.timeline,
        survey.seekable,
        settings,
        encoder,
        numerics,
        begun.model.info.identity,
        framing,
        depth_from,
        keep=depth_encoder(settings.encode.depth_codec) if settings.run.keep_depth else None,
        overrides=overrides,
        cards=film_cards(survey, settings.view),
        stills=still_frames(plan, len(survey.timeline) / count),
        goals=goals,
        device="" if settings.run.cluster else devices_of(settings.depth.device)[0],
        substitute=substitute_for(wish, encoder, framing, numerics),
    )
    others = shot_models(overrides.models(), settings, numerics, begun.model, lambda line: progress.emit(Note(line)))
    models = Models(begun.model, others)
    return Job(wish.asked, folder, begun.fingerprint, recipe, models, survey, plan, count)


def _frame(wish: Wish, survey: Survey, progress: Progress) -> tuple[Framing, EncoderSpec]:
    """What of the frames is picture, and the encoder for what is left of them."""
    framing = film_framing(wish.info, survey, wish.settings)
    if survey.whole and (note := framing_note(wish.info, wish.settings.picture, framing)):
        progress.emit(Note(note))
    if wish.settings.picture.bars == "crop":
        return framing, encoder_for(wish.info, wish.encode, wish.settings, framing)
    return framing, wish.encoder


def _load_model(
    wish: Wish, earlier: Numerics | None, progress: Progress, stop: threading.Event
) -> tuple[DepthModel, Numerics]:
    settings = wish.settings
    if settings.depth.depth_from is None:
        progress.emit(Phase("weights", f"loading depth model {settings.depth.model}", unit="bytes"))
    else:
        progress.emit(Note(f"depth comes from {settings.depth.depth_from}; no model is run"))

    def download(done: int, total: int) -> None:
        _heed(stop)
        progress.emit(Phase("weights", "downloading weights", total, done, "bytes"))

    model, numerics = job_model(
        settings,
        output_size(wish.info.video, settings.picture.height),
        lambda: _frames_to_come(wish.info, settings.time),
        earlier,
        download=download,
        report=lambda line: progress.emit(Note(line, "warning")),
    )
    for note in model.info.notes:
        progress.emit(Note(note))
    return model, numerics


def _frames_to_come(info: MediaInfo, time: TimeSettings) -> int:
    """About how many frames the network will see, 0 where nobody knows: whether it is worth compiling depends on it."""
    known = with_true_length(info) or info
    if not known.duration:
        return known.video.frames_hint
    count = known.video.frames_hint or known.duration * (known.video.average_rate or 0)
    begin, end = (min(known.duration, Fraction(t)) for t in (time.start or 0, time.end or known.duration))
    return round(count * (end - begin) / known.duration)


def _scanning(info: MediaInfo, what: str, progress: Progress, stop: threading.Event) -> Callable[[int], None]:
    """Begin to show a pass over a source; what is to be told the number of frames done."""
    progress.emit(Phase("scan", f"scanning {info.path.name} for {what}", info.video.frames_hint))
    tell = Sometimes(lambda done: progress.emit(Advance(done)))
    last = 0

    def on_frame(done: int) -> None:
        nonlocal last
        _heed(stop)
        if done != last:  # nothing new is no sign of life
            last = done
            tell(done)

    return on_frame


def _heed(stop: threading.Event) -> None:
    """Before the first segment there is nothing to finish: a wish to stop is granted at once."""
    if stop.is_set():
        raise Interrupted("stopped before the first segment", hint="the same command continues")
