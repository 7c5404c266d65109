"""What a running job tells: events, and the three ways they are shown.

Everything goes to stderr; stdout belongs to data. ``auto`` is a live rich display on a terminal and plain lines elsewhere.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Literal, Protocol, TextIO

__all__ = [
    "Advance",
    "Alive",
    "Event",
    "JsonLines",
    "Note",
    "Phase",
    "PlainLines",
    "Progress",
    "Silent",
    "Tick",
    "clock",
    "counted",
    "open_progress",
]


@dataclass(frozen=True, slots=True)
class Phase:
    """A new part of the job begins: ``scan``, ``weights``, ``convert``, ``wait`` (for room on the disk), ``check`` and
    ``restore`` (of what is finished), ``join``, ``verify``, ``decode``. ``total`` 0 = unknown."""

    name: str
    text: str
    total: int = 0
    done: int = 0
    unit: str = "frames"


@dataclass(frozen=True, slots=True)
class Advance:
    """Progress within the phase: ``done`` of its total."""

    done: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Progress of the conversion. ``seconds_left`` and ``limited_by`` are empty until something has been measured."""

    frames_done: int
    frames_total: int
    fps: float
    seconds_left: float | None
    segments_done: int
    segments_total: int
    limited_by: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something the user should know. ``warning``: something was lost, replaced or is not as wished."""

    text: str
    level: Literal["info", "warning"] = "info"


@dataclass(frozen=True, slots=True)
class Alive:
    """Work was done that shows nothing: a sign of life. May come from any thread; sinks for people leave it out."""


Event = Phase | Advance | Tick | Note | Alive


class Progress(Protocol):
    """Where events go. Called from one thread at a time, but for :class:`Alive`."""

    def emit(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Silent:
    """Shows nothing but warnings' absence: for ``--progress none`` and for the Python API."""

    def emit(self, event: Event) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class JsonLines:
    """One JSON object a line: ``{"event": "tick", ...}``."""

    stream: TextIO

    def emit(self, event: Event) -> None:
        if isinstance(event, Alive):
            return
        line = {"event": type(event).__name__.lower(), **dataclasses.asdict(event)}
        self.stream.write(json.dumps(line) + "\n")
        self.stream.flush()

    def close(self) -> None:
        pass


@dataclass
class PlainLines:
    """A line for every event worth one; ticks at most every ``interval`` seconds."""

    stream: TextIO
    interval: float = 5.0
    _last: float = field(default=0.0, repr=False)

    def emit(self, event: Event) -> None:
        match event:
            case Phase():
                self._write(event.text)
                self._last = time.monotonic()
            case Note():
                self._write(f"{event.level}: {event.text}" if event.level == "warning" else event.text)
            case Tick():
                ended = event.frames_done == event.frames_total
                if ended or time.monotonic() - self._last >= self.interval:
                    self._last = time.monotonic()
                    self._write(describe(event))
            case Advance() | Alive():
                pass

    def close(self) -> None:
        pass

    def _write(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()


def describe(tick: Tick) -> str:
    """One line for people: ``1200/5000 frames  24 %  8.1 fps  7:49 left  segment 5/21  limited by depth``."""
    share = 100 * tick.frames_done // max(1, tick.frames_total)
    parts = [f"{tick.frames_done}/{tick.frames_total} frames", f"{share} %"]
    if tick.fps > 0:
        parts.append(f"{tick.fps:.1f} fps" if tick.fps >= 1 else f"{1 / tick.fps:.1f} s/frame")
    if tick.seconds_left is not None and tick.frames_done < tick.frames_total:
        parts.append(f"{clock(tick.seconds_left)} left")
    parts.append(f"segments {tick.segments_done}/{tick.segments_total}")
    if tick.limited_by:
        parts.append(f"limited by {tick.limited_by}")
    return "  ".join(parts)


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def counted(number: int, what: str) -> str:
    """``1 frame``, ``2 frames``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


class RichLive:
    """A live line at the bottom of the terminal, notes scrolling above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

        self._console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, detail="")
        self._bar.start()

    def emit(self, event: Event) -> None:
        from rich.markup import escape

        match event:
            case Phase():
                total = event.total or None
                self._bar.reset(self._task, description=event.text, total=total, completed=event.done, detail="")
            case Advance():
                self._bar.update(self._task, completed=event.done)
            case Note():
                style = "yellow" if event.level == "warning" else "dim"
                self._console.print(f"[{style}]{escape(event.text)}[/]")
            case Tick():
                detail = "  ".join(describe(event).split("  ")[2:])
                text = f"{event.frames_done}/{event.frames_total} frames"
                self._bar.update(
                    self._task, completed=event.frames_done, total=event.frames_total, description=text, detail=detail
                )

    def close(self) -> None:
        self._bar.stop()


def open_progress(kind: str, stream: TextIO | None = None) -> Progress:
    """The sink for ``--progress``: ``auto``, ``rich``, ``plain``, ``json`` or ``none``."""
    out = stream if stream is not None else sys.stderr
    if kind == "auto":
        kind = "rich" if out is sys.stderr and out.isatty() else "plain"
    match kind:
        case "rich":
            return RichLive()
        case "plain":
            return PlainLines(out)
        case "json":
            return JsonLines(out)
    return Silent()
