"""What of the frame is picture: from the survey's bars and ``--bars``, at the size that is converted."""

from __future__ import annotations

from dataclasses import replace

from stereo3d.job.survey import Survey
from stereo3d.media.geometry import output_bars, output_size
from stereo3d.media.info import MediaInfo
from stereo3d.plan.bars import Framing
from stereo3d.render.pack import Packing, packed_size
from stereo3d.settings import LayoutSettings, Settings

__all__ = ["film_framing", "framing_note", "trimmed_size", "written_size"]


def film_framing(info: MediaInfo, survey: Survey, settings: Settings) -> Framing:
    """The bars of every shot, put back or cut off as the settings say. Depth that is kept, read from a file or shown covers
    the whole frame, for other programs know nothing of our bars: none are looked for then."""
    picture = settings.picture
    whole = settings.run.keep_depth or settings.depth.depth_from is not None or settings.paint.colormap is not None
    if picture.bars == "off" or whole:
        return Framing()
    bars = tuple(None if found is None else output_bars(found, info.video, picture.height) for found in survey.bars)
    return (Framing.cropping if picture.bars == "crop" else Framing.keeping)(survey.shots, bars)


def trimmed_size(info: MediaInfo, picture: LayoutSettings, framing: Framing) -> tuple[int, int]:
    """(width, height) of one eye before the canvas."""
    width, height = output_size(info.video, picture.height)
    trim = framing.trim
    return width - trim.left - trim.right, height - trim.top - trim.bottom


def written_size(info: MediaInfo, settings: Settings, framing: Framing, *, canvas: bool = True) -> tuple[int, int]:
    """(width, height) of the output's pictures. ``canvas``: on that of the settings, if any."""
    size = trimmed_size(info, settings.picture, framing)
    if settings.paint.colormap is not None:
        return size
    packing = Packing.of(settings)
    return packed_size(*size, packing if canvas else replace(packing, canvas=None), info.video.format)


def framing_note(info: MediaInfo, picture: LayoutSettings, framing: Framing) -> str:
    """One line about the bars, or nothing."""
    if picture.bars == "crop":
        width, height = trimmed_size(info, picture, framing)
        return f"black bars are cropped: {width}x{height} is left" if framing.trim else "no black bars to crop"
    count = sum(map(bool, framing.bars))
    return f"black bars in {count} of {len(framing.bars)} shots stay as they are" if count else ""
