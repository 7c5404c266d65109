"""The depth film that ``--depth-from`` names: looked at early, surveyed once, matched with the film's frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stereo3d.errors import InputError, UsageError
from stereo3d.files import source_fingerprint
from stereo3d.frames import Timeline
from stereo3d.job.survey import load_survey, save_survey, survey_source
from stereo3d.media.depth_video import DepthVideo, match_frames, open_depth, read_mark
from stereo3d.media.geometry import output_size
from stereo3d.media.info import MediaInfo
from stereo3d.settings import Settings, TimeSettings

__all__ = ["depth_source", "depth_video"]


def depth_source(info: MediaInfo, settings: Settings) -> MediaInfo | None:
    """What ``--depth-from`` names for the source ``info``, looked at before anything starts; None where it is not used.

    Raises UsageError.
    """
    if settings.depth.depth_from is None:
        return None
    if settings.depth.weights is not None:
        raise UsageError("--weights and --depth-from exclude one another", hint="a depth file needs no model")
    depth = open_depth(Path(settings.depth.depth_from), output_size(info.video, settings.picture.height))
    if info.kind == "picture" and depth.kind != "picture":
        raise UsageError(
            f"--depth-from {depth.path}: a picture takes its depth from a picture", hint="name a grey picture"
        )
    return depth


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
        raise UsageError(f"--depth-from: {error.message}", hint=error.hint) from error
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
    video = DepthVideo.matched(info, survey.timeline, survey.seekable, frames, mark)
    return replace(video, faults=tuple(f"--depth-from: {line}" for line in survey.faults.lines()))
