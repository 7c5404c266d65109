"""How long a film is and how many frames a second it has, looked up in the file: headers are wrong about both.

Nothing is decoded and little is read: some packets in a dozen places, and the end. So a film of hours costs a second or so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from statistics import median

import av
from av.container import InputContainer

from stereo3d.errors import InputError
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import open_input

__all__ = ["with_true_length"]

_PLACES = 12
_FAR = 36_000  # seconds beyond what the header says
_WINDOW = 2  # seconds that frames are counted in
_SETTLED = 24  # packets beyond a time, after which none from before it comes
_PATIENCE = 5.0  # seconds: a file that takes longer has no index
_HALVINGS = 24
_CLOSE = Fraction(1, 50)  # a header that is so near to what was found is right


def with_true_length(info: MediaInfo) -> MediaInfo | None:
    """``info`` with the length and the frame rate that were found in the file. None where they cannot be looked up in a few seconds:
    then the header's word is all there is. A folder's length is known."""
    if info.kind != "film":
        return info
    try:
        with open_input(info.path) as container:
            return _Look(info, container).found()
    except (av.FFmpegError, InputError, OSError, ValueError):
        return None


class _Look:
    """One look into an open file. Times are seconds since the first frame."""

    def __init__(self, info: MediaInfo, container: InputContainer) -> None:
        self._info, self._container = info, container
        stream = container.streams[info.video.index]
        assert isinstance(stream, av.VideoStream)
        self._stream = stream
        self._base = info.video.time_base
        self._first = info.video.start_pts or 0
        self._over = time.monotonic() + _PATIENCE

    def found(self) -> MediaInfo | None:
        video = self._info.video
        end = self._end()
        rates = [rate for n in range(_PLACES) if (rate := self._rate(end * n / _PLACES, end))]
        if not end or time.monotonic() > self._over:
            return None
        said = video.average_rate or 1 / end
        rate = sum(rates, Fraction(0)) / len(rates) if rates else said  # a single frame has none
        if video.interlaced and abs(rate / 2 - said) < _CLOSE * said:
            rate = said  # its fields are packets of their own
        for exact in (self._stream.frames / end, said):  # an index knows every frame
            if abs(exact / rate - 1) < _CLOSE:
                rate = exact
                break
        frames = round(rate * end) * (2 if video.fields else 1)
        return replace(self._info, duration=end, video=replace(video, average_rate=rate, frames_hint=frames))

    def _times(self, place: Fraction) -> Iterator[Fraction]:
        """Of the packets from the keyframe before ``place`` on, in their order in the file, while there is patience."""
        self._container.seek(self._first + round(place / self._base), stream=self._stream)
        for packet in self._container.demux(self._stream):
            if not packet.size or time.monotonic() > self._over:
                return
            pts = packet.pts if packet.pts is not None else packet.dts
            if pts is not None:
                yield (pts - self._first) * self._base

    def _end(self) -> Fraction:
        """When the last frame that can be read is over; 0 where none can."""
        said = self._info.duration or Fraction(0)
        times = sorted(self._times(said + _FAR))
        if not times:  # it is cut off, and its index is not
            times = sorted(self._times(self._last_readable(said)))
        steps = [b - a for a, b in pairwise(times[-_SETTLED:])]
        return (
            times[-1] + (median(steps) if steps else self._info.video.frame_ticks * self._base)
            if times
            else Fraction(0)
        )

    def _last_readable(self, end: Fraction) -> Fraction:
        """A time in [0, ``end``) shortly before which the file can be read no more."""
        good = Fraction(0)
        for _ in range(_HALVINGS):
            middle = (good + end) / 2
            if next(self._times(middle), None) is None:
                end = middle
            else:
                good = middle
        return good

    def _rate(self, place: Fraction, end: Fraction) -> Fraction | None:
        """Frames a second from the keyframe before ``place`` on."""
        times = self._times(place)
        begin = next(times, None)
        if begin is None:
            return None
        until = min(begin + _WINDOW, end)
        count, beyond = 1, 0
        for each in times:
            count += begin < each < until
            beyond += each >= until
            if beyond >= _SETTLED:
                break
        return Fraction(count) / (until - begin) if count > 1 and until > begin else None
