"""``stereo3d shots``: the continuous takes of a film, with their times: of a source by one pass over it, of a finished or
unfinished output from what its job wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from stereo3d.errors import InputError, OutputError
from stereo3d.files import read_json
from stereo3d.frames import Shot, Timeline
from stereo3d.job.done import record_of
from stereo3d.job.losses import MADE
from stereo3d.job.manifest import Manifest
from stereo3d.job.report import Report, Simpler
from stereo3d.job.store import work_folder_of
from stereo3d.job.survey import Survey
from stereo3d.media.decode import Decoder
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.media.still import write_picture
from stereo3d.table import table

__all__ = ["ShotList", "ShotRow", "Written", "list_shots", "look_at", "timecode", "write_thumbs", "written_survey"]

_THUMB_HEIGHT = 180


@dataclass(frozen=True, slots=True)
class ShotRow:
    """Frames [start, end) of what is converted, counted from 0; times since the first frame, the end being the next shot's
    start. ``own``: the shot's own settings. ``made``: how it, or a part of it, was made otherwise than it should be. ``thumb``: its
    picture's file."""

    number: int
    start: int
    end: int
    start_time: str
    end_time: str
    start_seconds: float
    end_seconds: float
    own: str = ""
    made: str = ""
    thumb: str = ""


@dataclass(frozen=True, slots=True)
class ShotList:
    """All shots, and what is wrong with the source, if anything."""

    input: str
    frames: int
    seconds: float
    shots: tuple[ShotRow, ...]
    faults: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        """A table for people."""
        head: tuple[str, ...] = ("shot", "frames", "start", "end", "count", "seconds")
        own, made = any(shot.own for shot in self.shots), any(shot.made for shot in self.shots)
        rows = [
            (
                str(shot.number), f"{shot.start}-{shot.end - 1}", shot.start_time, shot.end_time, str(shot.end - shot.start),
                f"{shot.end_seconds - shot.start_seconds:.3f}", *((shot.own,) if own else ()), *((shot.made,) if made else ()),
            )
            for shot in self.shots
        ]  # fmt: skip
        return table((*head, *(("own settings",) if own else ()), *(("not as it should be",) if made else ())), rows)


def timecode(seconds: Fraction) -> str:
    """``HH:MM:SS.mmm``, rounded to the millisecond."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def look_at(source: Path) -> MediaInfo:
    """The film. Raises InputError, for a picture too: it has no shots."""
    info = probe(source)
    if info.kind == "picture":
        raise InputError(f"{source} is a picture: it has no shots", hint="name a film or a folder of numbered pictures")
    return info


@dataclass(frozen=True, slots=True)
class Written:
    """What the job that made or makes an output wrote down. ``simpler``: of a finished one, what is not as it should be."""

    source: Path
    survey: Survey
    manifest: Manifest
    simpler: tuple[Simpler, ...]


def written_survey(place: Path) -> Written | None:
    """What is written down of ``place``, if it is an output."""
    folder = work_folder_of(place)
    record = read_json(record_of(place))
    manifest, survey = read_json(folder / "job.json"), read_json(folder / "survey.json")
    try:
        simpler: tuple[Simpler, ...] = ()
        if manifest is None:
            manifest, survey = record["job"]["manifest"], record["survey"]
            simpler = Report.from_json(record["report"]).simpler
        found = Manifest.from_json(manifest)
        if found is None:
            return None
        return Written(Path(found.source), Survey.from_json(survey["survey"]), found, simpler)
    except (KeyError, TypeError, ValueError):
        return None


def list_shots(name: str, survey: Survey, written: Written | None = None, thumbs: Sequence[Path] = ()) -> ShotList:
    """The shots of a survey. ``written``: of their job, if there is one. ``thumbs``: their pictures' files, if any."""
    timeline = survey.timeline
    rows = tuple(
        replace(
            _row(number, shot, timeline),
            own=_own(number, written.manifest) if written else "",
            made=_made(shot, written.simpler) if written else "",
            thumb=str(thumbs[number - 1]) if thumbs else "",
        )
        for number, shot in enumerate(survey.shots, 1)
    )
    total = float(timeline.duration(0, len(timeline)))
    more = () if survey.whole else ("the film is still scanned: these are its first shots",)
    return ShotList(name, len(timeline), total, rows, (*survey.faults.lines(), *more))


def write_thumbs(info: MediaInfo, survey: Survey, folder: Path) -> list[Path]:
    """The middle frame of every shot as a small JPEG in ``folder``; their files. Raises OutputError, EncodeError, InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make {folder}: {error.strerror}", hint="name another folder with --thumbs"
        ) from error
    height = min(_THUMB_HEIGHT, info.video.out_height)
    files: list[Path] = []
    with Decoder(info, survey.timeline, height=height, seekable=survey.seekable) as decoder:
        for number, shot in enumerate(survey.shots, 1):
            middle = (shot.start + shot.end) // 2
            files.append(folder / f"shot-{number:04}.jpg")
            for batch in decoder.batches(middle, middle + 1, batch=1):
                write_picture(files[-1], batch)
    return files


def _own(number: int, manifest: Manifest) -> str:
    words = {option: text for first, last, option, text in manifest.shots if first <= number <= last}
    return ", ".join(f"{option.replace('_', '-')} {text}".strip() for option, text in words.items())


def _made(shot: Shot, simpler: Sequence[Simpler]) -> str:
    return ", ".join(dict.fromkeys(MADE[one.means] for one in simpler if one.start < shot.end and shot.start < one.end))


def _row(number: int, shot: Shot, timeline: Timeline) -> ShotRow:
    first = (timeline.pts[shot.start] - timeline.pts[0]) * timeline.time_base
    last = first + timeline.duration(shot.start, shot.end)
    times = timecode(first), timecode(last), float(first), float(last)
    return ShotRow(number, shot.start, shot.end, *times)
