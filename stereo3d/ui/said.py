"""What a running conversion said last, read from the end of its log."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Said", "said_in"]

_TAIL = 32_768
_MOST_NOTES = 3


@dataclass(frozen=True, slots=True)
class Said:
    """The last phase and tick (see :mod:`stereo3d.progress`; empty where there was none), how far the phase is, the last
    warnings, the last line for people, and the error that ended it with its hint."""

    phase: dict[str, Any] = field(default_factory=dict)
    tick: dict[str, Any] = field(default_factory=dict)
    done: int = 0
    notes: tuple[str, ...] = ()
    last: str = ""
    error: str = ""
    hint: str = ""

    @property
    def converts(self) -> bool:
        """Whether it is, or may be, at the conversion itself."""
        return str(self.phase.get("name", "convert")) == "convert"

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than by success, a kill or the wish of a person."""
        return bool(self.error) and not self.error.startswith(("stopped", "interrupted"))


def said_in(log: Path) -> Said:
    """A log is what it is: nothing is raised."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        return Said()
    phase: dict[str, Any] = {}
    tick: dict[str, Any] = {}
    done, notes, last, end = 0, [], "", {"error": "", "hint": ""}
    for line in lines:
        kind, _, text = line.partition(": ")
        if kind in end:
            end[kind] = text
        last = line if line and not line.startswith("{") else last
        event = _event(line)
        match event.get("event"):
            case "phase":
                phase, done = event, int(event.get("done", 0))
            case "advance":
                done = int(event.get("done", 0))
            case "tick":
                tick = event
            case "note" if event.get("level") == "warning":
                notes.append(str(event.get("text", "")))
    return Said(phase, tick, done, tuple(dict.fromkeys(notes))[-_MOST_NOTES:], last, **end)


def _event(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
