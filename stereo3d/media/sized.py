"""A segment of a given size: encoded again, at another quality, until it has it.

Encoders that are told a bit rate miss it on a few seconds of film, and their quality wavers. At constant quality it does not, but
nobody knows beforehand which quality gives which size. So the pictures are kept for a while, lossless, while they are encoded for
the first time; from what came out follows the quality for the next time. The result depends on the pictures and the goal alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import log2
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from stereo3d.errors import EncodeError
from stereo3d.frames import FrameBatch, PixelFormat
from stereo3d.media.encode import ENCODERS, EncoderSpec, at_quality, lossless
from stereo3d.media.segment import SegmentResult, SegmentWriter

__all__ = ["SizedWriter", "next_quality"]

_CLOSE = log2(1.01)
"""Off by no more than this, a size is right."""
_TIMES = 5
_HALVES = 6.0
"""Steps of quality that halve the size, about, until two sizes are known."""
_STEPS = (1.0, 20.0)
"""The bounds of that when it was measured."""
_BEST = 1.0


def next_quality(tried: Sequence[tuple[float, int]], goal: int, worst: float) -> float | None:
    """The quality to try next, after those that were (quality, bytes); None where one is right, or no other would do better.

    Between two that are too large and too small their sizes' logarithms are taken for a straight line, else the last two's.
    """
    sizes = {crf: log2(size / goal) for crf, size in tried}
    crf, _ = tried[-1]
    if min(map(abs, sizes.values())) <= _CLOSE or len(tried) == _TIMES:
        return None
    large = [c for c, off in sizes.items() if off > 0]
    small = [c for c, off in sizes.items() if off < 0]
    if large and small:
        a, b = max(large), min(small)
        better = a + (b - a) * sizes[a] / (sizes[a] - sizes[b])
    else:
        before = tried[-2][0] if len(tried) > 1 else crf
        change = sizes[before] - sizes[crf]
        halves = min(max((crf - before) / change, _STEPS[0]), _STEPS[1]) if change else _HALVES
        better = crf + sizes[crf] * halves
    better = round(min(max(better, _BEST), worst), 2)
    return None if better in sizes else better


class SizedWriter:
    """Writes one segment, as :class:`SegmentWriter`, of about ``goal`` bytes (of packets). ``spec.crf``: where to begin."""

    def __init__(
        self,
        path: Path,
        spec: EncoderSpec,
        format: PixelFormat,
        width: int,
        height: int,
        *,
        time_base: Fraction,
        rate: Fraction,
        goal: int,
    ) -> None:
        self.path = path
        self._spec, self._goal = spec, goal
        self._kept = path.with_name(f"{path.name}.whole.part")
        self._pts: list[int] = []
        self._tried: list[tuple[float, SegmentResult, Path]] = []

        def writer(place: Path, spec: EncoderSpec) -> SegmentWriter:
            return SegmentWriter(place, spec, format, width, height, time_base=time_base, rate=rate)

        self._writer = writer
        self._crf = spec.crf if spec.crf is not None else float(ENCODERS[spec.codec].crf)
        self._live = writer(self._place(0), at_quality(spec, self._crf))
        self._keeping = writer(self._kept, lossless(spec))

    def _place(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}.part")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()
        elif not self._tried:
            self.close()

    def write(self, batch: FrameBatch) -> None:
        """Encode the next frames, with their own times, which must increase. Raises EncodeError."""
        self._pts += batch.pts
        self._live.write(batch)
        self._keeping.write(batch)

    def close(self) -> SegmentResult:
        """Encode until the size is right, and give the closest its name. Raises EncodeError."""
        try:
            self._keeping.close()
            self._tried.append((self._crf, self._live.close(), self._place(0)))
            worst = float(ENCODERS[self._spec.codec].max_crf or 51)
            while (crf := next_quality([(crf, r.payload) for crf, r, _ in self._tried], self._goal, worst)) is not None:
                self._tried.append((crf, *self._again(crf)))
            _, result, file = min(self._tried, key=lambda tried: abs(log2(tried[1].payload / self._goal)))
            file.replace(self.path)
            return result
        finally:
            self.abort()

    def _again(self, crf: float) -> tuple[SegmentResult, Path]:
        place = self._place(len(self._tried))
        try:
            with av.open(f"file:{self._kept}") as kept:
                stream = kept.streams.video[0]
                stream.thread_type = "AUTO"
                writer = self._writer(place, at_quality(self._spec, crf))
                try:
                    for frame, pts in zip(kept.decode(stream), self._pts, strict=True):
                        writer.write_frame(frame, pts)
                    return writer.close(), place
                finally:
                    writer.abort()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise EncodeError(
                f"{self._kept.name} cannot be read: {error}", hint="check the free space of the disk"
            ) from error

    def abort(self) -> None:
        """Stop and remove everything but what :meth:`close` has named."""
        self._live.abort()
        self._keeping.abort()
        for place in (self._kept, *(self._place(number) for number in range(_TIMES))):
            place.unlink(missing_ok=True)
