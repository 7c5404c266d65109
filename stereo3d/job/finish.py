"""From finished segments to the verified output."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stereo3d.job.store import WorkFolder
from stereo3d.job.survey import Survey
from stereo3d.media.join import join, output_origin
from stereo3d.media.mux import OutputPlan, Span, mux
from stereo3d.media.verify import verify_output
from stereo3d.pipeline import Recipe
from stereo3d.progress import Phase, Progress
from stereo3d.settings import TimeSettings

__all__ = ["finish_film"]


def finish_film(
    folder: WorkFolder,
    recipe: Recipe,
    survey: Survey,
    segments: Sequence[tuple[int, Path]],
    suffix: str,
    progress: Progress,
) -> tuple[Path, tuple[str, ...]]:
    """Join the segments, add everything else of the source, and read it all back.

    ``segments``: (first frame, file), in order. Returns the verified file, flushed, in the work folder, and one line for
    everything that its container cannot carry. Raises VerificationError or OutputError; the segments are kept in any case.
    """
    times, picture = recipe.settings.time, recipe.settings.picture
    plan = OutputPlan(
        survey.timeline,
        layout=picture.layout if recipe.settings.paint.colormap is None else "",
        swap_eyes=picture.swap_eyes,
        origin=output_origin(survey.timeline, cut=times.start is not None),
        span=_span(survey, times),
        repair_times=not survey.regular,
        frame_packing=recipe.encoder.frame_packing,
        audio_codec=recipe.settings.tracks.audio_codec,
    )
    files = [file for _, file in segments]
    joined = folder.path / "join.mp4"
    final = folder.path / f"final{suffix.lower()}"
    progress.emit(Phase("join", f"joining {len(files)} segments and adding sound and the rest"))
    join(files, survey.timeline, [first for first, _ in segments], joined, origin=plan.origin)
    report = mux(joined, recipe.info, final, plan)
    joined.unlink()
    progress.emit(Phase("verify", "reading the result back and comparing it"))
    verify_output(final, files, recipe.info, plan, report)
    with open(final, "rb+") as stream:
        os.fsync(stream.fileno())
    return final, tuple(f"not carried over: {lost}" for lost in report.not_carried)


def _span(survey: Survey, times: TimeSettings) -> Span | None:
    """The part of the source that is kept, in seconds of source time; None for all of it."""
    if times.start is None and times.end is None:
        return None
    timeline = survey.timeline
    start = timeline.pts[0] * timeline.time_base
    end = start + timeline.duration(0, len(timeline))
    return Span(start if times.start is not None else None, end if times.end is not None else None)
