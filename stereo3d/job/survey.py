"""The survey: one sequential pass over the source that finds every frame's exact time, every cut and
the black bars.

It is what the plan is made from and what the result is verified against, so it decodes rather than trusts headers. Its
result is kept in the work folder under the source's fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from stereo3d.errors import InputError
from stereo3d.files import read_json, write_json
from stereo3d.frames import Shot, Timeline
from stereo3d.media.info import MediaInfo
from stereo3d.media.scan import ScannedFrame, ScanReport, scan
from stereo3d.plan.bar_finder import BarFinder
from stereo3d.plan.bars import Bars
from stereo3d.plan.card_finder import CardFinder
from stereo3d.plan.shots import ShotDetector
from stereo3d.progress import clock
from stereo3d.settings import TimeSettings

__all__ = ["FrameSelector", "Survey", "Surveyor", "load_survey", "save_survey", "survey_source"]


@dataclass(frozen=True, slots=True)
class Faults:
    """What the pass found wrong with the source.

    ``missing_seconds``: how much picture is missing at the end, 0 if nothing. ``holes``: (seconds since the first frame, length in
    seconds) of pauses in the middle.
    """

    corrupt_frames: int = 0
    corrupt_packets: int = 0
    missing_seconds: float = 0.0
    holes: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, report: ScanReport) -> Faults:
        missing = float(report.expected - report.found) if report.truncated and report.expected is not None else 0.0
        holes = tuple((float(at), float(length)) for at, length in report.holes)
        return cls(report.corrupt_frames, report.corrupt_packets, missing, holes)

    def lines(self) -> tuple[str, ...]:
        """One line for each kind of fault."""
        found: list[str] = []
        if self.missing_seconds:
            found.append(
                f"the source ends {clock(self.missing_seconds)} before the end its header promises: it is truncated"
            )
        if self.corrupt_packets:
            found.append(f"{self.corrupt_packets} packet(s) of the source's picture cannot be decoded")
        if self.corrupt_frames:
            found.append(f"{self.corrupt_frames} frame(s) of the source are damaged")
        found += [f"no picture for {length:.1f} s at {clock(at)}" for at, length in self.holes[:5]]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Survey:
    """The frames that will be converted, their times and shots, and what was found wrong with the source.

    ``bars``: the black bars of each shot, in the source's coded frame; None for a shot of nothing but black. ``cards``: [start, end)
    of the frames that show credits or a title card, none over a cut. ``seekable``: seeking gives the same frames as reading through.
    ``regular``: no timestamp had to be replaced. ``whole``: False while the pass goes on, and more shots are to come.
    """

    timeline: Timeline
    shots: tuple[Shot, ...]
    bars: tuple[Bars | None, ...]
    cards: tuple[tuple[int, int], ...]
    seekable: bool
    regular: bool
    faults: Faults
    whole: bool = True

    def to_json(self) -> dict[str, Any]:
        pts = self.timeline.pts
        return {
            "time_base": str(self.timeline.time_base),
            "first_pts": pts[0],
            "steps": [b - a for a, b in pairwise(pts)],
            "last_duration": self.timeline.last_duration,
            "shots": [shot.end for shot in self.shots],
            "cards": self.cards,
            "bars": [None if bars is None else astuple(bars) for bars in self.bars],
            "seekable": self.seekable,
            "regular": self.regular,
            "faults": asdict(self.faults),
            "whole": self.whole,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Survey:
        """Raises KeyError, TypeError or ValueError when the value is not a survey."""
        pts = tuple(accumulate(value["steps"], initial=value["first_pts"]))
        timeline = Timeline(pts, Fraction(value["time_base"]), value["last_duration"])
        shots = tuple(Shot(a, b) for a, b in pairwise([0, *value["shots"]]))
        bars = tuple(None if found is None else Bars(*found) for found in value["bars"])
        cards = tuple((start, end) for start, end in value["cards"])
        faults = value["faults"]
        holes = tuple((at, length) for at, length in faults["holes"])
        found = Faults(**{**faults, "holes": holes})
        return cls(timeline, shots, bars, cards, value["seekable"], value["regular"], found, value["whole"])


def load_survey(path: Path, fingerprint: str, settings: TimeSettings) -> Survey | None:
    """The survey kept for just this source and range, or None. One that is not whole does not count."""
    value = read_json(path)
    try:
        survey = Survey.from_json(value["survey"])
        return survey if value["of"] == _question(fingerprint, settings) and survey.whole else None
    except (KeyError, TypeError, ValueError):
        return None


def save_survey(survey: Survey, path: Path, fingerprint: str, settings: TimeSettings) -> None:
    write_json(path, {"of": _question(fingerprint, settings), "survey": survey.to_json()})


def _question(fingerprint: str, settings: TimeSettings) -> dict[str, Any]:
    return {"source": fingerprint, **settings.model_dump(mode="json")}


class FrameSelector:
    """Which source frames become output frames, by time: ``--start``, ``--end``, ``--max-fps``.

    Times are seconds since the first frame. A frame is dropped when an earlier one already took its slot of
    ``1/max_fps`` seconds; slots lie on a fixed grid, so nothing drifts. A source that is no faster than ``max_fps`` on
    average loses nothing, however its times jitter.
    """

    def __init__(self, settings: TimeSettings, time_base: Fraction, average_rate: Fraction | None) -> None:
        self._time_base = time_base
        self._start = settings.start if settings.start is not None else Fraction(0)
        self._end = settings.end
        limit = Fraction(settings.max_fps).limit_denominator(100_000) if settings.max_fps else None
        faster = average_rate is None or (limit is not None and average_rate > limit)
        self._limit = limit if faster else None
        self._first: int | None = None
        self._slot: int | None = None

    def keeps(self, pts: int) -> bool:
        if self._first is None:
            self._first = pts
        seconds = (pts - self._first) * self._time_base
        if seconds < self._start or self.is_past(pts):
            return False
        if self._limit is None:
            return True
        # Times are rounded, to milliseconds in Matroska: a frame may come a quarter of a slot early.
        slot = int((seconds - self._start) * self._limit + Fraction(1, 4))
        taken = slot == self._slot
        self._slot = slot
        return not taken

    def is_past(self, pts: int) -> bool:
        """Whether this frame and all that follow lie beyond ``--end``."""
        return self._end is not None and self._first is not None and (pts - self._first) * self._time_base >= self._end


class Surveyor:
    """One pass over a source."""

    def __init__(self, info: MediaInfo, settings: TimeSettings) -> None:
        self._info = info
        self._selector = FrameSelector(settings, info.video.time_base, info.video.shown_rate)
        self._detector = ShotDetector()
        self._bars = BarFinder(info.video.format, (info.video.height, info.video.width))
        self._cards = CardFinder(info.video.format)
        self._scan = scan(info)
        self._pts: list[int] = []
        self._regular = True

    def survey(self, on_frame: Callable[[int], None]) -> Survey:
        """Make the pass. ``on_frame`` is called with the number of frames scanned. Raises InputError when no frame is left."""
        follower: int | None = None
        scanned = 0
        with self._scan as scanner:
            for frame in scanner:
                scanned += 1
                on_frame(scanned)
                if self._selector.keeps(frame.pts):
                    self._keep(frame)
                    follower = None
                elif follower is None:
                    follower = frame.pts
                if self._selector.is_past(frame.pts):
                    scanner.stop()
            report = scanner.report
        if not self._pts:
            raise InputError(
                f"no frame of {self._info.path.name} lies in the range asked for ({scanned} frames scanned)",
                hint="choose --start and --end within the film",
            )
        last = follower - self._pts[-1] if follower is not None else report.timeline.last_duration
        shots = self._detector.finish()
        return self._found(shots, last, report.seekable, not report.irregular, Faults.of(report))

    def _keep(self, frame: ScannedFrame) -> None:
        self._detector.push(frame.small)
        self._cards.push(frame.luma)
        self._bars.push(frame.luma)
        self._pts.append(frame.pts)
        self._regular = self._regular and frame.regular

    def _found(self, shots: tuple[Shot, ...], last: int, seekable: bool, regular: bool, faults: Faults) -> Survey:
        timeline = Timeline(tuple(self._pts[: shots[-1].end]), self._info.video.time_base, max(1, last))
        bars, cards = self._bars.finish(shots), self._cards.finish(shots)
        return Survey(timeline, shots, bars, cards, seekable, regular, faults)

    @property
    def settled_frames(self) -> int:
        """How many frames belong to shots that have ended, while the pass is being made."""
        return self._detector.settled_frames

    def settled(self) -> Survey | None:
        """What is known of the shots that have ended, while the pass is being made: times, cuts and cards stay as they are, bars may
        change yet (those of a dark shot are its neighbours'). None where there are none, or where seeking fails."""
        shots = self._detector.settled()
        if not shots or not self._scan.seekable_so_far:
            return None
        end = shots[-1].end
        found = self._found(shots, self._pts[end] - self._pts[end - 1], True, self._regular, Faults())
        return replace(found, whole=False)


def survey_source(info: MediaInfo, settings: TimeSettings, on_frame: Callable[[int], None]) -> Survey:
    """One pass over the source (see :meth:`Surveyor.survey`)."""
    return Surveyor(info, settings).survey(on_frame)
