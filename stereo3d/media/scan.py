"""One sequential pass over a source: the exact time of every frame, a small picture of each, and what is damaged."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from stereo3d.ahead import run_ahead
from stereo3d.errors import InputError
from stereo3d.frames import Timeline
from stereo3d.media.closing import Closing
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import open_input
from stereo3d.media.reader import FrameReader, PictureReader, SourceFrame, open_reader

__all__ = ["Scan", "ScanReport", "ScannedFrame", "scan", "shown_times"]

_SMALL_WIDTH = 256
_MISSING_SECONDS = 1  # shorter than promised by more than this means truncated; a hole longer than this is reported
_HOLE_FRAMES = 3  # a pause of so many frames is a hole where the sound pauses, too
_SPOT_CHECKS = 5
_AHEAD = 4  # frames that wait between the decoder's thread and the analysis


@dataclass(frozen=True, slots=True)
class ScannedFrame:
    """``pts``: exact time in the source's time base. ``regular``: False where the raw timestamp had to be replaced.
    ``corrupt``: the decoder says the picture is damaged. ``small``: [h, w, 3] uint8 BGR, w = 256 or less, as coded (not turned).
    ``luma``: [H, W] uint8 or uint16, the whole frame's luma or grey, as coded."""

    index: int
    pts: int
    regular: bool
    corrupt: bool
    small: NDArray[np.uint8]
    luma: NDArray[Any]


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a whole pass found.

    ``timeline``: every decodable frame. ``irregular``: frames whose raw timestamp was replaced. ``corrupt_packets``: packets that
    were unreadable or undecodable. ``expected``: seconds of picture that the container promised, None if it does not say;
    ``found``: seconds that were there. ``truncated``: more than a second is missing at the end. ``holes``: (time in seconds
    since the first frame, length) of pauses over one second, and of shorter ones where the sound pauses, too. ``seekable``: seeking gives the same frames as reading through.
    """

    timeline: Timeline
    irregular: int
    corrupt_frames: int
    corrupt_packets: int
    expected: Fraction | None
    found: Fraction
    truncated: bool
    holes: tuple[tuple[Fraction, Fraction], ...]
    seekable: bool

    @property
    def frames(self) -> int:
        return len(self.timeline)

    @property
    def rate(self) -> Fraction:
        """Frames per second as they really are, on average; headers (of AVI above all) may say otherwise."""
        return self.frames / self.found


class Scan(Closing):
    """Iterate once over the frames; then :attr:`report` is there. Closing early (or leaving the ``with``) releases the file.

    After :meth:`stop` the iteration ends, and the report is about the frames seen: what lies beyond is not missed.
    """

    def __init__(self, info: MediaInfo, *, threads: int = 0) -> None:
        self.info = info
        self._threads = threads
        self._report: ScanReport | None = None
        self._pts: list[int] = []
        self._keys: list[int] = []
        self._gaps: list[tuple[Fraction, Fraction]] = []
        self._stopped = False
        self._iterator = self._run()

    def __iter__(self) -> Iterator[ScannedFrame]:
        return self._iterator

    def stop(self) -> None:
        """No more frames are wanted."""
        self._stopped = True

    def close(self) -> None:
        """Stop, and release the file."""
        self._iterator.close()

    @property
    def report(self) -> ScanReport:
        """What the pass found. Raises RuntimeError before all frames were read."""
        if self._report is None:
            raise RuntimeError("the scan has not been read to its end")
        return self._report

    @property
    def seekable_so_far(self) -> bool:
        """Whether seeking gives the same frames as reading through, as far as the pass has come."""
        timeline = Timeline(tuple(self._pts), self.info.video.time_base, 1)
        return self.info.kind != "film" or _spot_checks_agree(self.info, timeline, self._keys, self._threads)

    def _run(self) -> Generator[ScannedFrame]:
        video = self.info.video
        width = min(_SMALL_WIDTH, video.width)
        height = max(1, round(width * video.height / video.width))
        reformatter = VideoReformatter()
        pts = self._pts
        irregular = corrupt = 0
        met = 0, 0
        last: SourceFrame | None = None

        def decoded() -> Iterator[SourceFrame]:
            nonlocal met
            for frame, by_then in stream:
                met = by_then
                yield frame

        with (
            open_reader(self.info, threads=self._threads) as reader,
            closing(run_ahead(_watched(reader), _AHEAD, "decode for the scan")) as stream,
        ):
            for last, time in shown_times(decoded(), fields=video.fields):
                small = reformatter.reformat(last.frame, width, height, "bgr24", interpolation="AREA").to_ndarray()
                irregular += not last.regular
                corrupt += last.frame.is_corrupt
                if last.frame.key_frame and time == last.pts:
                    self._keys.append(len(pts))
                pts.append(time)
                damaged = bool(last.frame.is_corrupt)
                luma = _luma(last.frame, video.decoded_format.bits)
                if video.hdr_format is not None:
                    luma = (luma >> (video.hdr_format.bits - video.format.bits)).astype(np.uint8)
                yield ScannedFrame(len(pts) - 1, time, last.regular, damaged, small.view(np.uint8), luma)
                if self._stopped:
                    break
            packets, gaps = met if self._stopped else (reader.corrupt_packets, len(reader.sound_gaps))
            self._gaps, end_seconds = reader.sound_gaps[:gaps], reader.end_seconds
        if last is None:
            raise InputError(
                f"{self.info.path}: none of its frames can be decoded", hint="try to play it; copy it again"
            )
        steps = sorted(b - a for a, b in itertools.pairwise(pts))
        duration = max(1, last.duration // 2) if video.fields else last.duration
        usual = steps[len(steps) // 2] if steps else duration
        timeline = Timeline(tuple(pts), video.time_base, duration if 2 * duration >= usual else usual)
        self._report = self._conclude(timeline, irregular, corrupt, packets, end_seconds)

    def _conclude(
        self, timeline: Timeline, irregular: int, corrupt: int, packets: int, end_seconds: Fraction
    ) -> ScanReport:
        found = timeline.duration(0, len(timeline))
        expected, truncated = (None, False) if self._stopped else _missing_end(self.info, timeline, found, end_seconds)
        seekable = self.info.kind != "film" or _spot_checks_agree(self.info, timeline, self._keys, self._threads)
        return ScanReport(
            timeline, irregular, corrupt, packets, expected, found, truncated, _holes(timeline, self._gaps), seekable
        )


def _watched(reader: FrameReader | PictureReader) -> Iterator[tuple[SourceFrame, tuple[int, int]]]:
    """Every frame, and how many corrupt packets and gaps of the sound the reader had met by then: it is read ahead of its consumer."""
    for frame in reader.frames(watch_all=True):
        yield frame, (reader.corrupt_packets, len(reader.sound_gaps))


def scan(info: MediaInfo, *, threads: int = 0) -> Scan:
    """Read a whole source once. ``threads``: of the decoder, 0 = as many as it likes. Raises InputError."""
    return Scan(info, threads=threads)


def shown_times(frames: Iterator[SourceFrame], *, fields: bool) -> Iterator[tuple[SourceFrame, int]]:
    """Each frame with its time; with ``fields`` an interlaced one twice, the second time half way to the next, as bwdif has it."""
    before: SourceFrame | None = None
    step = 0
    for frame in frames:
        if not fields:
            yield frame, frame.pts
            continue
        if before is not None:
            yield from _fields(before, frame.pts)
            step = frame.pts - before.pts
        before = frame
    if before is not None:
        yield from _fields(before, before.pts + (step or before.duration))


def _fields(frame: SourceFrame, following: int) -> Iterator[tuple[SourceFrame, int]]:
    yield frame, frame.pts
    second = (frame.pts + following) // 2
    if frame.frame.interlaced_frame and second > frame.pts:
        yield frame, second


def _luma(frame: av.VideoFrame, bits: int) -> NDArray[Any]:
    """The luma plane without a copy where it is one of ``bits``, else the frame made grey."""
    form = frame.format
    plain = form.name.startswith(("yuv", "gray", "nv")) and not form.is_big_endian
    if not plain or form.components[0].bits != bits:
        frame = frame.reformat(format="gray" if bits == 8 else f"gray{bits}le")
    plane = frame.planes[0]
    samples = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16)  # type: ignore[call-overload]
    return samples.reshape(plane.height, -1)[:, : plane.width]  # type: ignore[no-any-return]


def _holes(timeline: Timeline, gaps: Sequence[tuple[Fraction, Fraction]]) -> tuple[tuple[Fraction, Fraction], ...]:
    """(seconds since the first frame, length) of pauses that are no part of the film: long ones (unless the film pauses all the
    time), and shorter ones in which the sound has a gap, too. Readers pass over damage in Matroska without a word."""
    base = timeline.time_base
    steps = list(itertools.pairwise(timeline.pts))
    usual = sorted(b - a for a, b in steps)[len(steps) // 2] if steps else 1
    long = [step for step in steps if (step[1] - step[0]) * base > _MISSING_SECONDS]
    holes = set(long) if len(long) <= len(timeline) // 10 else set()
    for a, b in steps:
        if b - a > _HOLE_FRAMES * usual and any(start < b * base and end > a * base for start, end in gaps):
            holes.add((a, b))
    return tuple(((a - timeline.pts[0]) * base, (b - a) * base) for a, b in sorted(holes))


def _missing_end(
    info: MediaInfo, timeline: Timeline, found: Fraction, end_seconds: Fraction
) -> tuple[Fraction | None, bool]:
    """(seconds of picture promised, is more than a second of it missing).

    The picture's own length is believed where the container tells it. The container's length counts only where the sound ends
    early, too: a film may have a longer soundtrack.
    """
    if info.kind != "film":
        expected = len(info.pictures) * timeline.time_base
        return expected, found < expected
    own = _own_duration(info)
    if own is not None:
        # Where the middle lacks something, too, less than a second may be missing at the end.
        steps = sorted(b - a for a, b in itertools.pairwise(timeline.pts)) or [timeline.last_duration]
        least, longest = (ticks * timeline.time_base for ticks in (_HOLE_FRAMES * steps[len(steps) // 2], steps[-1]))
        missing = own - found
        more = longest if longest > least and missing > least else 0
        return own, missing + more > _MISSING_SECONDS
    if info.duration is None:
        return None, False
    end = max(end_seconds, timeline.pts[0] * timeline.time_base + found)
    return (
        info.duration,
        info.start + info.duration - end > _MISSING_SECONDS and info.duration - found > _MISSING_SECONDS,
    )


def _own_duration(info: MediaInfo) -> Fraction | None:
    """Seconds of the picture's stream as its header says, or as Matroska's statistics tag says."""
    if "mpegts" in info.container:
        return None  # guessed from the timestamps, so it says nothing
    with open_input(info.path) as container:
        stream = container.streams[info.video.index]
        if info.container == "avi" and stream.frames:
            # FFmpeg shortens the duration to what the file has room for; the header's count is in frames, one a tick.
            return Fraction(stream.frames * info.video.time_base)
        if stream.duration:
            return Fraction(stream.duration * info.video.time_base)
        tag = next((v for k, v in stream.metadata.items() if k.upper().split("-")[0] == "DURATION"), "")
    parts = tag.split(":")
    try:
        hours, minutes, seconds = (Fraction(p) for p in parts)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds - min(Fraction(0), info.start)


def _spot_checks_agree(info: MediaInfo, timeline: Timeline, keys: list[int], threads: int) -> bool:
    """Seek to a few places and read on: times must be those of the pass. Shortly after keyframes, where it is cheap."""
    after = [min(key + 1, len(timeline) - 1) for key in keys] or [0, len(timeline) // 2]
    spots = sorted({after[(2 * i + 1) * len(after) // (2 * _SPOT_CHECKS)] for i in range(_SPOT_CHECKS)})
    with FrameReader(info, threads=threads) as reader:
        for spot in spots:
            frames = reader.seek(timeline.pts[spot])
            wanted = timeline.pts[spot : spot + 4]
            times = iter(()) if frames is None else (t for _, t in shown_times(frames, fields=info.video.fields))
            found = list(itertools.islice((t for t in times if t >= wanted[0]), len(wanted)))
            if found != list(wanted):
                return False
    return True
