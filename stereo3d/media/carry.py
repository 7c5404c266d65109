"""Which of the source's other streams a container can hold, and as what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from stereo3d.errors import UsageError
from stereo3d.media.info import MediaInfo, StreamInfo
from stereo3d.settings import TrackSettings

__all__ = ["TEXT_SUBTITLES", "Carried", "NotCarried", "choose_tracks", "container_format", "sort_streams"]

_CONTAINERS = {".mkv": "matroska", ".mp4": "mp4", ".m4v": "mp4"}
TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})
_MKV_SUBTITLES = TEXT_SUBTITLES - {"mov_text"} | {
    "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "hdmv_text_subtitle", "arib_caption",
}  # fmt: skip
_MP4_AUDIO = frozenset({"aac", "ac3", "eac3", "mp3", "mp2", "alac", "opus", "flac", "dts", "truehd", "vorbis", "ac4"})
# Sound that Matroska cannot hold as it is, and the lossless codec that its samples are put into.
_REWRITTEN = {"aac_latm": "flac", "pcm_bluray": "pcm_s24le", "pcm_dvd": "pcm_s24le"}
_MP4_VIDEO = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"})
_MP4_COVERS = frozenset({"mjpeg", "png", "bmp"})


@dataclass(frozen=True, slots=True)
class Carried:
    """A stream that comes along; ``codec`` is "copy", or what its text or samples are rewritten as."""

    stream: StreamInfo
    codec: str = "copy"


@dataclass(frozen=True, slots=True)
class NotCarried:
    """Something of the source that the output lacks, and why."""

    what: str
    why: str
    index: int | None = None

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def container_format(out: Path) -> str:
    """ "matroska" or "mp4", by suffix. Raises UsageError."""
    form = _CONTAINERS.get(out.suffix.lower())
    if form is None:
        raise UsageError(
            f"an output named {out.suffix or 'without a suffix'!r} is not supported; it is .mkv or .mp4",
            hint=f"try {out.with_suffix('.mkv').name}",
        )
    return form


def choose_tracks(info: MediaInfo, tracks: TrackSettings) -> MediaInfo:
    """The source without the sound and subtitles that were not asked for. Raises UsageError for tracks that it does not have."""
    subs = tuple(s for s in info.others if s.kind == "subtitle")
    audio = _chosen("audio", tracks.audio, info.audio)
    left = {s.index for s in subs} - {s.index for s in _chosen("subs", tracks.subs, subs)}
    return replace(info, audio=audio, others=tuple(s for s in info.others if s.index not in left))


def _chosen(option: str, wish: str, streams: tuple[StreamInfo, ...]) -> tuple[StreamInfo, ...]:
    """The streams that ``wish`` names (all, none, numbers from 1, languages), in the source's order."""
    if wish in ("all", "none"):
        return streams if wish == "all" else ()
    wanted: set[int] = set()
    for word in wish.lower().split(","):
        found = {s.index for n, s in enumerate(streams, 1) if word in (str(n), (s.language or "und").lower())}
        if not found:
            there = ", ".join(f"{n} ({s.language or 'und'})" for n, s in enumerate(streams, 1)) or "none"
            raise UsageError(f"--{option} {wish}: there is no track {word!r}", hint=f"the source has {there}")
        wanted |= found
    return tuple(s for s in streams if s.index in wanted)


def sort_streams(info: MediaInfo, form: str, audio_codec: str = "copy") -> tuple[list[Carried], list[NotCarried]]:
    """Split the source's other streams into those that ``form`` can hold and those that it cannot.

    ``audio_codec``: what sound is encoded as that ``form`` cannot hold as it is; "copy": it is left out.
    """
    carried: list[Carried] = []
    lost = [NotCarried(what, "belongs to single frames, which are made anew") for what in info.video.lost_metadata]
    for stream in sorted((*info.audio, *info.others), key=lambda s: s.index):
        if stream.kind == "timecode":
            continue  # the picture's timecode becomes a tag
        codec = _target_codec(stream, form)
        if codec is None and stream.kind == "audio" and stream.codec and audio_codec != "copy":
            carried.append(Carried(stream, audio_codec))
            continue
        if codec is None:
            lost.append(NotCarried(str(stream), _why(stream, form), stream.index))
        else:
            carried.append(Carried(stream, codec))
            if stream.kind == "audio" and codec != "copy":
                lost.append(NotCarried(str(stream), f"its coding; its sound is kept, as {codec}", stream.index))
    return carried, lost


def _target_codec(stream: StreamInfo, form: str) -> str | None:
    matroska = form == "matroska"
    match stream.kind:
        case "audio":
            if matroska and stream.codec:
                return _REWRITTEN.get(stream.codec, "copy")
            return "copy" if stream.codec in _MP4_AUDIO else None
        case "subtitle" if matroska:
            return "srt" if stream.codec == "mov_text" else "copy" if stream.codec in _MKV_SUBTITLES else None
        case "subtitle":
            return "copy" if stream.codec == "mov_text" else "mov_text" if stream.codec in TEXT_SUBTITLES else None
        case "attachment":
            return "copy" if matroska else None
        case "video" if stream.codec:
            return "copy" if matroska or stream.codec in _MP4_VIDEO else None
        case "cover":
            return "copy" if matroska or stream.codec in _MP4_COVERS else None
        case _:
            return None


def _why(stream: StreamInfo, form: str) -> str:
    name = "Matroska" if form == "matroska" else "MP4"
    match stream.kind:
        case "audio" | "video" if not stream.codec:
            return "its codec is unknown"
        case "audio":
            return f"{name} cannot hold it; .mkv may, and --audio-codec aac makes it fit"
        case "attachment":
            return f"{name} has no place for attachments; .mkv does"
        case _:
            return f"{name} cannot hold it" + ("; .mkv may" if form == "mp4" and stream.kind != "data" else "")
