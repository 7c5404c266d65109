"""The final file: the joined picture, with everything else of the source, in one stream copy by the ffmpeg command."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryFile
from typing import IO

import av
import ffmpeg

from stereo3d.errors import OutputError, UsageError
from stereo3d.frames import Timeline
from stereo3d.layouts import LAYOUTS
from stereo3d.media.carry import Carried, NotCarried, container_format, sort_streams
from stereo3d.media.info import MediaInfo, StreamInfo
from stereo3d.media.join import Sink, timescale
from stereo3d.media.stereo_box import MarkedMovie, handler_name, write_stereo_boxes
from stereo3d.media.tools import ffmpeg_exe

__all__ = ["MuxReport", "OutputPlan", "Span", "encoded_rate", "mux"]

_COVER_TYPES = {
    "mjpeg": ("image/jpeg", "jpg"),
    "png": ("image/png", "png"),
    "bmp": ("image/bmp", "bmp"),
    "gif": ("image/gif", "gif"),
}
_ENCODERS = {"opus": "libopus"}
# Bits a second for each channel: where listeners no longer tell a difference.
_RATES = {"aac": 96_000, "opus": 80_000, "ac3": 112_000, "eac3": 112_000}
_HIGHEST_RATE = 640_000
_PIPE = 1 << 20  # bytes that are handed to ffmpeg at once
_IDLE_WORDS = re.compile(r"\s*$|Error opening output|Conversion failed|\[out#\S+ \S+ \S+\] Error")
_STALE_TAGS = ("major_brand", "minor_version", "compatible_brands")
# Matroska need not say how long a packet of sound is; the edit list of MP4 would then end before the last one.
_DURATIONS = "setts=duration=if(DURATION\\,DURATION\\,if(eq(NEXT_PTS\\,NOPTS)\\,PREV_OUTDURATION\\,NEXT_PTS-PTS))"
# A packet this much before a cut belongs behind it: times are rounded on the way, to 1 ms in Matroska.
CUT_SLACK = Fraction(1, 2000)


@dataclass(frozen=True, slots=True)
class Span:
    """The part of the source that is kept: packets that begin in [start, end), in seconds of source time; None is open."""

    start: Fraction | None = None
    end: Fraction | None = None

    def __contains__(self, seconds: Fraction) -> bool:
        after = self.start is None or seconds >= self.start - CUT_SLACK
        return after and (self.end is None or seconds < self.end - CUT_SLACK)


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """What the output is to be, beside its pictures.

    ``layout``: a name of layouts.LAYOUTS, or "" for no stereo tag. ``origin``: the time, in the timeline's units, that is 0 in
    the output (see :func:`stereo3d.media.join.output_origin`). ``span``: the part of the source that is kept, None for all.
    ``frame_packing``: the stereo mode that the pictures say themselves, "" for none. ``audio_codec``: what sound
    becomes that the container cannot hold, "copy": it is left out. ``repair_times``: the scan had to replace timestamps; a transport stream whose clock jumps back is then read on by duration.
    """

    timeline: Timeline
    layout: str = ""
    swap_eyes: bool = False
    origin: int = 0
    span: Span | None = None
    repair_times: bool = False
    frame_packing: str = ""
    audio_codec: str = "copy"

    @property
    def shift(self) -> Fraction:
        """Seconds that are added to every time of the source."""
        return -self.origin * self.timeline.time_base

    @property
    def stereo_mode(self) -> str:
        """FFmpeg's (and Matroska's) name for the layout; "" for flat and for what they have no word for."""
        return LAYOUTS[self.layout].stereo_mode(self.swap_eyes) if self.layout else ""

    @property
    def sphere(self) -> bool:
        """Whether each eye is half a sphere."""
        return bool(self.layout) and LAYOUTS[self.layout].sphere


@dataclass(frozen=True, slots=True)
class MuxReport:
    """``carried``: the source's streams in the output, in its order, after the picture. ``not_carried``: what it lacks."""

    path: Path
    carried: tuple[Carried, ...]
    not_carried: tuple[NotCarried, ...]


def mux(
    segment: Path,
    write: Callable[[Sink], object],
    info: MediaInfo,
    out: Path,
    plan: OutputPlan,
    more: Path | None = None,
) -> MuxReport:
    """Put the joined picture and the source's other streams into ``out`` (.mkv or .mp4), nothing encoded again.

    ``segment``: one of those that are joined. ``write``: writes the joined picture, an MP4 in fragments (see
    :func:`stereo3d.media.join.join`), to the pipe that it is given: so it is on the disk once, in the output.
    ``more``: a file at the output's times whose tracks come last.

    For a half sphere in Matroska the joined picture is marked as one: FFmpeg then writes Matroska's Projection from that.
    Raises UsageError for other suffixes and for ffv1 in MP4, OutputError where ffmpeg fails, and what ``write`` raises; a failed
    output is removed.
    """
    form = container_format(out)
    picture = _picture_of(segment)
    if form == "mp4" and picture.codec == "ffv1":
        raise UsageError(
            f"{out.name}: MP4 cannot hold the lossless codec ffv1", hint=f"try {out.with_suffix('.mkv').name}"
        )
    carried, lost = sort_streams(info, form, plan.audio_codec)
    with _covers(info, carried if form == "matroska" else [], out) as covers:
        mapped = [c for c in carried if form == "mp4" or c.stream.kind != "cover"]
        words = [*_inputs(info, out, form, mapped, plan, more)]
        for number, item in enumerate(mapped, 1):
            words += _stream_options(number, item, info, plan, form)
        words += _picture_options(form, picture, info, plan)
        words += _cover_options(covers, sum(c.stream.kind == "attachment" for c in mapped))
        marked = form == "matroska" and plan.sphere
        _run([*words, f"file:{out}"], out, (lambda pipe: write(MarkedMovie(pipe))) if marked else write)
    if form == "mp4":
        write_stereo_boxes(out, plan.stereo_mode, sphere=plan.sphere)
    return MuxReport(out, (*mapped, *(c for c in carried if c not in mapped)), tuple(lost))


@dataclass(frozen=True, slots=True)
class _Picture:
    codec: str
    width: int
    height: int


def _picture_of(segment: Path) -> _Picture:
    with av.open(f"file:{segment}") as container:
        context = container.streams.video[0].codec_context
        return _Picture(context.codec.canonical_name, context.width, context.height)


def _inputs(
    info: MediaInfo, out: Path, form: str, mapped: Sequence[Carried], plan: OutputPlan, more: Path | None
) -> list[str]:
    """The command up to the options of single streams, without the output's name."""
    film = info.kind == "film"
    options: dict[str, object] = {"c": "copy", "f": form, "max_interleave_delta": 0, "avoid_negative_ts": "disabled"}
    if form == "mp4":
        scale = timescale(plan.timeline.time_base)
        options |= {"strict": "experimental", "video_track_timescale": scale, "movie_timescale": scale}
        options |= {"movflags": "+faststart"}
    else:
        options["default_mode"] = "passthrough"
    if film:
        options |= {"map_metadata": 1, "map_chapters": 1}
    source = {"itsoffset": f"{float(plan.shift):.6f}", "correct_ts_overflow": 0}
    maps = [ffmpeg.input("pipe:0", f="mp4")["0"]]
    if mapped:
        film_input = ffmpeg.input(_said(info.path), **source)
        maps += [film_input[str(c.stream.index)] for c in mapped]
    if more is not None:
        maps.append(ffmpeg.input(_said(more))["s"])
    graph = ffmpeg.output(*maps, _said(out), **options)
    graph = graph.global_args("-nostdin", "-hide_banner", "-loglevel", "error", "-copyts").overwrite_output()
    names = {_said(path): f"file:{path}" for path in (info.path, out, *([more] if more else []))}
    argv: list[str] = [names.get(word, word) for word in ffmpeg.compile(graph, cmd=ffmpeg_exe())]
    # ffmpeg-python puts global arguments last; the output's options are to follow, so they move to the front.
    name = argv.index(f"file:{out}")
    argv = [argv[0], *argv[name + 1 :], *argv[1:name]]
    if film and not mapped:  # ffmpeg-python leaves out an input without streams, but its tags and chapters are wanted
        at = argv.index("-map")
        argv[at:at] = [*(f"{w}" for k, v in source.items() for w in (f"-{k}", v)), "-i", f"file:{info.path}"]
    return argv


def _said(path: Path) -> str:
    """A name for ffmpeg-python, which takes UTF-8 only; the names of files may be any bytes."""
    return f"file:{path}".encode(errors="surrogateescape").decode(errors="backslashreplace")


def encoded_rate(item: Carried) -> int:
    """Bits a second of sound that is encoded anew; 0 for lossless codecs."""
    return min(_RATES.get(item.codec, 0) * (item.stream.channels or 2), _HIGHEST_RATE)


def _stream_options(number: int, item: Carried, info: MediaInfo, plan: OutputPlan, form: str) -> list[str]:
    """Disposition, codec and packet filters of output stream ``number``."""
    # The stereoscopic picture is the one that players are to choose.
    dispositions = [d for d in item.stream.dispositions if not (item.stream.kind == "video" and d == "default")]
    words = [f"-disposition:{number}", "+".join(dispositions) or "0"]
    encoded = item.stream.kind == "audio" and item.codec != "copy"
    if item.codec != "copy":
        words += [f"-c:{number}", _ENCODERS.get(item.codec, item.codec)]
    if encoded and (rate := encoded_rate(item)):
        words += [f"-b:{number}", str(rate)]
    filters = []
    if form == "mp4" and item.stream.kind == "audio" and item.codec == "copy":
        filters.append(_DURATIONS)
    if plan.repair_times and "mpegts" in info.container:
        filters.append("setts=ts=if(eq(PREV_OUTPTS\\,NOPTS)+gt(TS\\,PREV_OUTPTS)\\,TS\\,PREV_OUTPTS+PREV_OUTDURATION)")
    if plan.span is not None:
        start, end = plan.span.start, plan.span.end
        if encoded:  # cut by samples, which are in hand
            parts = [] if start is None else [f"start={float(start + plan.shift):.6f}"]
            parts += [] if end is None else [f"end={float(end + plan.shift):.6f}"]
            return [*words, f"-filter:{number}", f"atrim={':'.join(parts)}"]
        tests = [] if start is None else [f"lt(pts*tb\\,{float(start - CUT_SLACK + plan.shift):.6f})"]
        tests += [] if end is None else [f"gte(pts*tb\\,{float(end - CUT_SLACK + plan.shift):.6f})"]
        filters += [f"noise=drop={'+'.join(tests)}"] if tests else []
    if filters and item.stream.kind in ("audio", "subtitle"):
        words += [f"-bsf:{number}", ",".join(filters)]
    return words


def _picture_options(form: str, picture: _Picture, info: MediaInfo, plan: OutputPlan) -> list[str]:
    """Tags of the picture, and Matroska's StereoMode.

    With the latter FFmpeg writes the display size of one eye, halving the whole picture's (for rows in turn, too); in half
    layouts each eye is shown at the whole picture's size, so the aspect is doubled (or halved) beforehand.
    """
    words = [w for tag in _STALE_TAGS for w in ("-metadata", f"{tag}=")] + ["-disposition:0", "default"]
    for key, value in (("language", info.video.language), ("title", info.video.title)):
        words += ["-metadata:s:0", f"{key}={value}"] if value else []
    if info.video.timecode and (plan.span is None or plan.span.start is None):
        words += ["-metadata:s:0", f"timecode={info.video.timecode}"]
    if form == "mp4":
        words += ["-metadata:s:0", f"handler_name={handler_name(plan.stereo_mode, sphere=plan.sphere)}"]
        return words + (["-tag:0", "hvc1"] if picture.codec == "hevc" else [])
    if plan.stereo_mode:
        words += ["-metadata:s:0", f"stereo_mode={plan.stereo_mode}"]
    across, down = LAYOUTS[plan.layout].squeeze if plan.layout else (1, 1)
    if across != down:
        aspect = Fraction(picture.width * across, picture.height * down)
        words += ["-aspect:0", f"{aspect.numerator}:{aspect.denominator}"]
    return words


@contextmanager
def _covers(info: MediaInfo, carried: Sequence[Carried], out: Path) -> Iterator[list[tuple[Path, StreamInfo]]]:
    """Cover pictures as files beside the output, to be attached: mapped, they would become video tracks in Matroska."""
    streams = [c.stream for c in carried if c.stream.kind == "cover"]
    files: list[tuple[Path, StreamInfo]] = []
    try:
        for stream in streams:
            with av.open(f"file:{info.path}") as container:
                packet = next((p for p in container.demux(container.streams[stream.index]) if p.size), None)
                if packet is not None:
                    path = out.with_name(f".{out.name}.cover{stream.index}")
                    files.append((path, stream))
                    path.write_bytes(bytes(memoryview(packet)))
        yield files
    finally:
        for path, _ in files:
            path.unlink(missing_ok=True)


def _cover_options(covers: Sequence[tuple[Path, StreamInfo]], first: int) -> list[str]:
    words: list[str] = []
    for number, (path, stream) in enumerate(covers, first):
        mime, suffix = _COVER_TYPES.get(stream.codec, (f"image/{stream.codec}", stream.codec))
        name = stream.title if stream.title.lower().endswith(f".{suffix}") else f"cover.{suffix}"
        words += ["-attach", f"file:{path}", f"-metadata:s:t:{number}", f"mimetype={mime}"]
        words += [f"-metadata:s:t:{number}", f"filename={name}"]
    return words


def _run(argv: Sequence[str], out: Path, write: Callable[[Sink], object]) -> None:
    """Run ffmpeg, and give it what ``write`` writes."""
    with TemporaryFile() as said, Popen(argv, stdin=PIPE, stdout=DEVNULL, stderr=said, bufsize=_PIPE) as process:
        assert process.stdin is not None
        complete = False
        try:
            with _while_read(process, process.stdin) as pipe:
                write(pipe)
                pipe.close()
            complete = process.wait() == 0
        finally:  # also when it was interrupted
            if not complete:
                process.kill()
                process.wait()
                with suppress(OSError):  # what was still to be written
                    process.stdin.close()
                with suppress(OSError):
                    out.unlink(missing_ok=True)
        if not complete:
            said.seek(0)
            # The last lines only say that it failed; the one that says why stands before them.
            lines = [line for line in said.read().decode(errors="replace").splitlines() if not _IDLE_WORDS.match(line)]
            raise OutputError(
                f"{out} cannot be written: ffmpeg ended with {process.returncode}: {lines[-1] if lines else 'no message'}",
                hint="check the free space of the disk; .mkv takes more kinds of streams than .mp4",
            )


@contextmanager
def _while_read(reader: Popen[bytes], pipe: IO[bytes]) -> Iterator[IO[bytes]]:
    """A pipe that breaks because its reader ended is no error of who writes: the reader says why."""
    try:
        yield pipe
    except (OutputError, OSError) as error:
        cause = error.__cause__ or error
        if not isinstance(cause, OSError) or cause.errno not in (errno.EPIPE, errno.EINVAL):
            raise
        with suppress(OSError):
            pipe.close()
        if reader.wait() == 0:
            raise
