"""The source as it is wanted: without the tracks that are not, deinterlaced or not, and as an SDR film on request."""

from __future__ import annotations

from dataclasses import replace

from stereo3d.errors import InputError
from stereo3d.media.carry import choose_tracks
from stereo3d.media.info import MediaInfo, VideoInfo
from stereo3d.settings import Settings
from stereo3d.tone import SDR, is_hdr

__all__ = ["wanted"]

_USUAL_PEAK = 1000.0  # cd/m2, where the film does not say
# Dolby Vision without a picture that is one without its metadata too: (profile, compatibility id) in HEVC and AV1.
_NO_BASE = ((5, 0), (10, 0))
# Metadata of single frames that says how to show HDR: an SDR film has no use for it.
_FOR_HDR = ("Dolby Vision", "HDR10+")


def wanted(info: MediaInfo, settings: Settings) -> MediaInfo:
    """What of the source is converted, as the settings say.

    Raises UsageError for tracks that it does not have, InputError for colours that cannot be shown.
    """
    if info.video.dolby_vision in _NO_BASE:
        raise InputError(
            f"{info.path.name} is Dolby Vision profile {info.video.dolby_vision[0]}, whose colours (IPT) are right only together with its "
            "metadata, which belongs to single frames and would be lost",
            hint="take a copy with an HDR10, HLG or SDR picture (profile 7 or 8), or convert this one first with a tool that applies Dolby "
            "Vision (ffmpeg -vf libplacebo)",
        )
    info = choose_tracks(info, settings.tracks)
    info = replace(info, video=_deinterlaced(info.video, settings.picture.deinterlace))
    if not settings.picture.sdr or not is_hdr(info.video.format.colour) or info.kind == "picture":
        return info
    return replace(info, video=_as_sdr(info.video))


def _deinterlaced(video: VideoInfo, how: str) -> VideoInfo:
    if not video.interlaced or how == "frame":
        return video
    if how == "off":
        return replace(video, interlaced=False)
    return replace(video, fields=True, frames_hint=2 * video.frames_hint)


def _as_sdr(video: VideoInfo) -> VideoInfo:
    return replace(
        video,
        format=SDR,
        hdr_format=video.format,
        hdr_peak=_peak(video),
        hdr_chroma=video.chroma_location,
        hdr=None,
        chroma_location="left",
        lost_metadata=tuple(kind for kind in video.lost_metadata if kind not in _FOR_HDR),
    )


def _peak(video: VideoInfo) -> float:
    """The brightest that the film says it is, in cd/m2: its brightest pixel, else the screen it was mastered on."""
    if video.hdr is None:
        return _USUAL_PEAK
    mastered = float(video.hdr.mastering[9]) if video.hdr.mastering else 0.0
    return min(10000.0, float(video.hdr.max_cll) or mastered or _USUAL_PEAK)
