"""From finished segments to the verified output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from stereo3d.files import flush
from stereo3d.frames import Timeline
from stereo3d.job.framing import written_size
from stereo3d.job.report import Proof
from stereo3d.job.store import WorkFolder
from stereo3d.job.survey import Survey
from stereo3d.layouts import LAYOUTS
from stereo3d.media.depth_subs import eyes_of, write_depth_subs
from stereo3d.media.join import join, output_origin
from stereo3d.media.mux import OutputPlan, Span, mux
from stereo3d.media.verify import verify_output
from stereo3d.media.whole import decode_whole
from stereo3d.pipeline.nearness import Nearness, Sample
from stereo3d.pipeline.recipe import Recipe
from stereo3d.progress import Advance, Phase, Progress, counted
from stereo3d.settings import Settings

__all__ = ["decode_film", "finish_film", "output_plan"]


def finish_film(
    folder: WorkFolder,
    recipe: Recipe,
    survey: Survey,
    segments: Sequence[tuple[int, Path]],
    recorded: Sequence[str],
    near: Iterable[Sample],
    suffix: str,
    progress: Progress,
) -> tuple[Path, tuple[str, ...], Proof]:
    """Join the segments, add everything else of the source, and read it all back.

    ``segments``: (first frame, file), in order; ``recorded``: their packets' hashes. ``near``: how near things are, for subtitles. Returns the verified file, flushed, in the work folder, one line for
    everything that its container cannot carry, and what was found when it was read back. Raises VerificationError or OutputError; the segments are kept in any case.
    """
    plan = output_plan(survey.timeline, recipe.settings, regular=survey.regular)
    plan = replace(plan, frame_packing=recipe.encoder.frame_packing)
    files = [file for _, file in segments]
    firsts = [first for first, _ in segments]
    final = folder.path / f"final{suffix.lower()}"
    progress.emit(Phase("join", f"joining {counted(len(files), 'segment')} and adding sound and the rest"))
    subs, flat = _depth_subs(folder, recipe, plan, near, suffix)
    report = mux(
        files[0],
        lambda pipe: join(files, survey.timeline, firsts, pipe, origin=plan.origin),
        recipe.info,
        final,
        plan,
        subs,
    )
    if subs is not None:
        subs.unlink()
    progress.emit(Phase("verify", "reading the result back and comparing it"))
    found = verify_output(final, files, recipe.info, plan, report, recorded)
    lost = (*(f"not carried over: {lost}" for lost in report.not_carried), *flat)
    whole = recipe.settings.run.verify == "full"
    if whole:
        lost += decode_film(final, found.frames, progress)
    flush(final)
    return final, lost, Proof.of(found, decoded=whole)


def _depth_subs(
    folder: WorkFolder, recipe: Recipe, plan: OutputPlan, near: Iterable[Sample], suffix: str
) -> tuple[Path | None, tuple[str, ...]]:
    """(the subtitles for both eyes, if there are to be any; a line for each that could not be made)."""
    settings, out = recipe.settings, folder.path / "join.subs.mkv"
    size = written_size(recipe.info, settings, recipe.framing)
    eyes = eyes_of(LAYOUTS[plan.layout], size, plan.swap_eyes) if plan.layout else None
    if not settings.tracks.subs_3d or eyes is None or suffix.lower() != ".mkv":
        return None, ()
    nearness = Nearness(near, recipe.timeline)
    written, unread = write_depth_subs(
        recipe.info, plan, eyes, lambda begin, end, box: nearness.text_parallax(begin, end, astuple(box)), out
    )
    return (out if written else None), tuple(f"{s} stays flat: its styles are older than ASS" for s in unread)


def decode_film(film: Path, frames: int, progress: Progress) -> tuple[str, ...]:
    """Decode all of it; see :func:`stereo3d.media.whole.decode_whole`."""
    progress.emit(Phase("decode", f"decoding all of {film.name}", frames))
    return decode_whole(film, frames, lambda done: progress.emit(Advance(done)))


def output_plan(timeline: Timeline, settings: Settings, *, regular: bool, whole: bool = True) -> OutputPlan:
    """What the output is to be. ``regular``: no timestamp of the source had to be replaced. ``whole``: the timeline goes as far
    as was asked for."""
    times, picture = settings.time, settings.picture
    start = timeline.pts[0] * timeline.time_base
    end = start + timeline.duration(0, len(timeline))
    cut_start, cut_end = times.start is not None, times.end is not None or not whole
    return OutputPlan(
        timeline,
        layout=picture.layout if settings.paint.colormap is None else "",
        swap_eyes=picture.swap_eyes,
        origin=output_origin(timeline, cut=cut_start),
        span=Span(start if cut_start else None, end if cut_end else None) if cut_start or cut_end else None,
        repair_times=not regular,
        audio_codec=settings.tracks.audio_codec,
    )
