"""The record of a finished run to its page. Pure: what ``OUTPUT.report.json`` holds goes in, HTML comes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from stereo3d.frames import Timeline
from stereo3d.job.losses import MADE
from stereo3d.job.manifest import Manifest
from stereo3d.job.page.charts import HEIGHT, WIDTH, Mark, charts, clock
from stereo3d.job.report import Report
from stereo3d.job.store import SegmentRecord
from stereo3d.job.survey import Survey
from stereo3d.pages import render
from stereo3d.pipeline.witness import Span, Still
from stereo3d.plan.overrides import FLAT
from stereo3d.settings import Settings

__all__ = ["page_of"]

_TICKS = 5
_MARKS = {
    "own": "flat on request",
    "software": "encoded by software after it had failed",
    "flat": "made flat after it had failed",
    "black": "made black after it had failed",
    "lost": "lost, or replaced by its neighbour",
}
"""What the time line can show, by class of the page's style, in words; what stands further down is drawn over the rest."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """A stretch that is not as it should be. ``mark``: how the time line shows it, a key of :data:`_MARKS`, "" for not at all."""

    what: str
    start: float
    end: float
    frames: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class _Frame:
    """One row of the contact sheet. ``about``: measures there. ``own``: settings of just this shot."""

    shot: int
    time: str
    still: Still
    about: str
    own: str


def page_of(record: dict[str, Any]) -> str:
    """The page of a record. Raises KeyError, TypeError or ValueError when it is not one."""
    report, survey = Report.from_json(record["report"]), Survey.from_json(record["survey"]["survey"])
    manifest = Manifest.from_json(record["job"]["manifest"])
    if manifest is None:
        raise ValueError("the record has no manifest")
    records = [SegmentRecord.from_json(item) for item in record["job"]["pieces"][""]]
    segments = [(plan.start, plan.end, item) for plan, item in zip(manifest.segments, records, strict=True)]
    spans = [span for item in records for span in item.seen.spans]
    lost = list(_lost(survey, report, records))
    timeline = survey.timeline
    total = float(timeline.duration(0, len(timeline)))
    return render(
        "report.html.jinja",
        report=report,
        manifest=manifest,
        models=record["job"].get("models", []),
        source=Path(manifest.source).name,
        output=report.output.name,
        finished=record.get("finished", "").replace("T", " ")[:16],
        sizes=[(Path(place).name, _size(size)) for _, place, size, _ in record["files"]],
        length=clock(total),
        took=clock(report.seconds),
        shots=len(survey.shots),
        lost=lost,
        marks=list(_marks([*lost, *_flat_on_request(manifest, survey)], total)),
        legend=_MARKS,
        charts=charts(timeline, spans, segments),
        width=WIDTH,
        height=HEIGHT,
        ticks=[clock(total * n / (_TICKS - 1))[:-2] for n in range(_TICKS)],
        frames=_contact_sheet(records, survey, spans, manifest),
        comfort=report.comfort.lines() if report.comfort else [],
        rules=[
            (_numbers(a, b), f"{option.replace('_', '-')} {value}".strip()) for a, b, option, value in manifest.shots
        ],
        settings=list(_settings(manifest)),
        clock=clock,
    )


def _contact_sheet(
    records: Iterable[SegmentRecord], survey: Survey, spans: Sequence[Span], manifest: Manifest
) -> list[_Frame]:
    rows: list[_Frame] = []
    for still in (still for record in records for still in record.seen.stills):
        shot = next(n for n, shot in enumerate(survey.shots, 1) if shot.start <= still.frame < shot.end)
        span = next((s for s in spans if s.start <= still.frame < s.end), None)
        own = {o: v for a, b, o, v in manifest.shots if a <= shot <= b}
        about = f"{span.front:.1f} % in front, {span.behind:.1f} % behind" if span is not None else ""
        words = ", ".join(f"{option.replace('_', '-')} {value}".strip() for option, value in own.items())
        rows.append(_Frame(shot, clock(survey.timeline.seconds(still.frame)), still, about, words))
    return rows


def _marks(stretches: Iterable[_Lost], total: float) -> Iterator[Mark]:
    order = list(_MARKS)
    for one in sorted((s for s in stretches if s.mark), key=lambda s: order.index(s.mark)):
        yield Mark(WIDTH * one.start / total, max(2.0, WIDTH * (one.end - one.start) / total), one.mark)


def _flat_on_request(manifest: Manifest, survey: Survey) -> Iterator[_Lost]:
    """Nothing is lost there, but it explains the charts below."""
    for first, last, option, _ in manifest.shots:
        if option == FLAT:
            start, end = survey.shots[first - 1].start, survey.shots[last - 1].end
            yield _Lost("flat", survey.timeline.seconds(start), _end(survey.timeline, end), mark="own")


def _lost(survey: Survey, report: Report, records: Sequence[SegmentRecord]) -> Iterator[_Lost]:
    """Every stretch with its times, in the order of the film for each kind."""
    for frames, what in (
        ([f for r in records for f in r.replaced], "not decodable: the neighbouring frame is shown"),
        ([f for r in records for f in r.flawed], "no depth from the model: the neighbouring frame's is used"),
    ):
        for start, end in _runs(sorted(frames)):
            number = f"frame {start}" if end == start + 1 else f"frames {start}-{end - 1}"
            yield _Lost(what, survey.timeline.seconds(start), _end(survey.timeline, end), number, "lost")
    for one in report.simpler:
        times = survey.timeline.seconds(one.start), _end(survey.timeline, one.end)
        yield _Lost(f"{MADE[one.means]}: {one.reason}", *times, f"failed {one.failures} times", one.means)
    for at, length in survey.faults.holes:
        yield _Lost("the source has no picture", at, at + length, "", "lost")
    if report.comfort:
        for begin, stop in report.comfort.flat:
            yield _Lost("credits or a title card: kept flat", begin, stop)
        for begin, stop, least in report.comfort.limited:
            yield _Lost(f"strength limited to {least:.2f} % for the screen", begin, stop)
        for begin, stop in report.comfort.violations:
            how = {"soften": "softened", "float": "behind a floating window"}.get(
                report.comfort.window, "left as it is"
            )
            yield _Lost(f"near thing cut by the frame's side: {how}", begin, stop)


def _runs(frames: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Increasing numbers as [start, end) of those without gaps."""
    for _, group in groupby(enumerate(frames), key=lambda item: item[1] - item[0]):
        numbers = [number for _, number in group]
        yield numbers[0], numbers[-1] + 1


def _settings(manifest: Manifest) -> Iterator[tuple[str, list[tuple[str, str, bool]]]]:
    """(heading, [(option, value, whether it is the default)]) by group."""
    plain = Settings().to_flat()
    for kind in Settings.groups().values():
        rows = [
            (name.replace("_", "-"), _value(manifest.settings.get(name)), manifest.settings.get(name) == plain[name])
            for name in kind.model_fields
        ]
        yield (kind.__doc__ or "").strip(), rows


def _value(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _numbers(first: int, last: int) -> str:
    return f"shot {first}" if first == last else f"shots {first}-{last}"


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _end(timeline: Timeline, frame: int) -> float:
    return float(timeline.duration(0, frame))
