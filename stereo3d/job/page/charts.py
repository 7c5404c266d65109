"""Measures over the time of a film as paths of SVG. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from stereo3d.frames import Timeline
from stereo3d.job.store import SegmentRecord
from stereo3d.pipeline.witness import Span

__all__ = ["HEIGHT", "WIDTH", "Chart", "Mark", "charts", "clock"]

WIDTH, HEIGHT = 1000, 100
"""Units of every chart, which is stretched to the page's width."""

_STEPS = 600  # of a path at most

Run = tuple[float, float, float]  # seconds from, seconds to, value


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of the film that is not as it should be, in units of :data:`WIDTH`. ``kind``: class of the page's style."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Chart:
    """``areas``: (class of the page's style, path). ``top``, ``bottom``: what its edges mean, "" for 0. ``zero``: the height of
    its line of 0 in units. ``said``: the same in words."""

    title: str
    about: str
    said: str
    areas: tuple[tuple[str, str], ...]
    top: str
    bottom: str
    zero: float


def charts(
    timeline: Timeline, spans: Sequence[Span], segments: Sequence[tuple[int, int, SegmentRecord]]
) -> tuple[Chart, ...]:
    """Parallax, holes and flicker of ``spans``, and the speed of ``segments`` (first frame, end, record)."""
    total = float(timeline.duration(0, len(timeline)))

    times = [(timeline.seconds(s.start), _end(timeline, s.end)) for s in spans]

    def runs(value: Callable[[Span], float]) -> list[Run]:
        return [(start, end, value(span)) for (start, end), span in zip(times, spans, strict=True)]

    speeds = [
        (timeline.seconds(start), _end(timeline, end), record.frames / record.seconds)
        for start, end, record in segments
        if record.seconds > 0
    ]
    found: list[Chart] = []
    if spans:
        found.append(_parallax(runs(lambda s: s.front), runs(lambda s: s.behind), total))
        found.append(
            _plain(
                "Holes",
                "share of an eye that the shift uncovers and the filling paints",
                "%",
                runs(lambda s: s.holes),
                total,
            )
        )
        found.append(
            _plain(
                "Flicker",
                "how far a pixel jumps there and back between frames, in % of the width, on average",
                "%",
                runs(lambda s: s.flicker),
                total,
            )
        )
    if speeds:
        found.append(_plain("Speed", "frames a second, segment by segment", "fps", speeds, total))
    return tuple(found)


def _parallax(front: Sequence[Run], behind: Sequence[Run], total: float) -> Chart:
    most, least = max(v for *_, v in front), max(v for *_, v in behind)
    up, down = _round_up(most), _round_up(least)
    zero = HEIGHT * up / (up + down)
    areas = (
        ("front", _steps(front, total, zero, -zero / up)),
        ("behind", _steps(behind, total, zero, (HEIGHT - zero) / down)),
    )
    said = f"up to {most:.2f} % in front of the screen and {least:.2f} % behind it"
    about = "how far things stand in front of the screen (up) and behind it (down), in % of the width"
    return Chart("Parallax", about, said, areas, f"{up:g} %", f"{down:g} %", zero)


def _plain(title: str, about: str, unit: str, runs: Sequence[Run], total: float) -> Chart:
    values = [value for *_, value in runs]
    top = _round_up(max(values))
    time = sum(end - start for start, end, _ in runs)
    mean = sum((end - start) * value for start, end, value in runs) / time if time else 0.0
    said = f"{_figure(mean)} {unit} on average, {_figure(max(values))} {unit} at most"
    area = ("plain", _steps(runs, total, HEIGHT, -HEIGHT / top))
    return Chart(title, about, said, (area,), f"{top:g} {unit}", "", HEIGHT)


def _steps(runs: Sequence[Run], total: float, base: float, scale: float) -> str:
    """A closed path over the runs: flat within each, on the base line where there are none. Of many neighbours the largest
    counts: no screen is wide enough for all."""
    parts = [f"M0 {base:.1f}"]
    together = ceil(len(runs) / _STEPS)
    for group in (runs[n : n + together] for n in range(0, len(runs), together)):
        start, end, value = group[0][0], group[-1][1], max(v for *_, v in group)
        a, b, y = WIDTH * start / total, WIDTH * end / total, base + scale * value
        parts.append(f"L{a:.1f} {y:.1f}L{b:.1f} {y:.1f}")
    return "".join([*parts, f"L{WIDTH} {base:.1f}Z"])


def _round_up(value: float) -> float:
    """The next round number above; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 5, 7.5, 10) if step * power >= value * (1 - 1e-9))


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.{max(0, 2 - ceil(log10(value))) if value > 0 else 0}f}"


def _end(timeline: Timeline, frame: int) -> float:
    return float(timeline.duration(0, frame))


def clock(seconds: float) -> str:
    """``1:02:03.4`` or ``2:03.4``."""
    tenths = round(seconds * 10)
    hours, minutes, rest = tenths // 36000, tenths // 600 % 60, tenths % 600
    text = f"{minutes:02}:{rest // 10:02}.{rest % 10}" if hours else f"{minutes}:{rest // 10:02}.{rest % 10}"
    return f"{hours}:{text}" if hours else text
