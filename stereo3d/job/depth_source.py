"""The depth film that ``--depth-from`` names: looked at early, surveyed once, matched with the film's frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stereo3d.errors import InputError, UsageError
from stereo3d.frames import Timeline
from stereo3d.job.keys import source_fingerprint
from stereo3d.job.survey import load_survey, save_survey, survey_source
from stereo3d.media.depth_video import DepthVideo, match_frames, read_mark
from stereo3d.media.info import MediaInfo
from stereo3d.settings import Settings, TimeSettings

__all__ = ["depth_video"]


def depth_video(
    info: MediaInfo, film: Timeline, settings: Settings, kept_survey: Path, on_frame: Callable[[int], None]
) -> DepthVideo:
    """The depth film ``info`` for the frames of ``film``. ``kept_survey``: where what one pass over it found is kept.

    Raises UsageError where the two do not belong together.
    """
    whole = TimeSettings()
    try:
        fingerprint = source_fingerprint(info.path)
        survey = load_survey(kept_survey, fingerprint, whole)
        if survey is None:
            survey = survey_source(info, whole, on_frame)
            save_survey(survey, kept_survey, fingerprint, whole)
        mark = None if settings.depth.depth_invert else read_mark(info.path)
    except InputError as error:
        raise UsageError(f"--depth-from {info.path}: {error.message}", hint=error.hint) from error
    part = settings.time != whole
    frames = match_frames(film, survey.timeline, part=part)
    if frames is None:
        wanted = "the part asked for" if part else "the film"
        hint = "it must hold one picture for each frame of the same film"
        if part:
            hint = "for a part of a film it must have the film's own times (a depth film that stereo3d wrote has), or be of just this part"
        raise UsageError(
            f"--depth-from {info.path}: {len(survey.timeline)} pictures do not match the {len(film)} frames of {wanted}",
            hint=hint,
        )
    return DepthVideo.matched(info, survey.timeline, survey.seekable, frames, mark)
