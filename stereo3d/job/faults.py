"""Segments that fail: how often, why, and what is tried next.

After three failures a segment waits until all others are done, for it may have been the machine; then the shot that failed is
made flat, then all of the segment, and if not even that can be done (its frames cannot be decoded) it is made black, so that the
sound stays in sync. Two segments that fail
to the end one after the other are no matter of the segments: then the job stops with what failed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stereo3d.files import read_json, write_json
from stereo3d.plan.overrides import FLAT, InForce, flat_view
from stereo3d.plan.segments import Segment
from stereo3d.settings import ViewSettings

__all__ = ["TRIES", "Fault", "Faults"]

TRIES = 3
_FLAT_TRIES = 2
_BLACK_TRIES = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """What is known against a segment. ``frame``: the output frame at which it failed last, -1 where nobody knows."""

    failures: int = 0
    reason: str = ""
    frame: int = -1

    @property
    def outcome(self) -> str:
        """How it is made now: "" as it should be, ``flat``, ``black`` or ``given up``."""
        left = self.failures - TRIES
        for outcome, tries in (("flat", _FLAT_TRIES), ("black", _BLACK_TRIES)):
            if left < 0:
                return ""
            if left < tries:
                return outcome
            left -= tries
        return "given up"

    def frames(self, segment: Segment) -> tuple[int, int]:
        """[start, end) of what the outcome is for: the first time of only the shot that failed, if it is known."""
        shot = next((shot for shot in segment.shots if shot.start <= self.frame < shot.end), None)
        if self.failures > TRIES or shot is None:
            return segment.start, segment.end
        return max(shot.start, segment.start), min(shot.end, segment.end)

    def in_force(self, view: ViewSettings) -> InForce | None:
        """The settings that this outcome means; None for those of its shots."""
        if not self.outcome:
            return None
        return InForce(flat_view(view), FLAT, black=self.outcome != "flat")


class Faults:
    """The faults of a job, by segment key, kept in the work folder over restarts of the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "faults.json"
        self._known: dict[str, Fault] = {}
        self._in_a_row = 0
        value = read_json(self._path)
        try:
            known = {key: Fault(*items) for key, items in value["segments"].items()}
            self._known, self._in_a_row = known, int(value["in_a_row"])
        except (KeyError, TypeError, ValueError):  # absent or damaged: nothing is known
            pass

    def of(self, key: str) -> Fault:
        return self._known.get(key, Fault())

    def add(self, key: str, reason: str, frame: int = -1) -> Fault:
        """One more failure of a segment, at an output frame if that is known."""
        fault = Fault(self.of(key).failures + 1, reason, frame)
        self._known[key] = fault
        if fault.failures == TRIES:
            self._in_a_row += 1
        self._save()
        return fault

    def success(self) -> None:
        """A segment was made."""
        if self._in_a_row:
            self._in_a_row = 0
            self._save()

    def forget(self, keys: Collection[str]) -> None:
        """A new run gives these segments a new chance."""
        if self._in_a_row or not self._known.keys().isdisjoint(keys):
            self._known = {key: fault for key, fault in self._known.items() if key not in keys}
            self._in_a_row = 0
            self._save()

    @property
    def systematic(self) -> bool:
        """Whether segment after segment fails."""
        return self._in_a_row >= 2

    def _save(self) -> None:
        segments: dict[str, Any] = {
            key: [fault.failures, fault.reason, fault.frame] for key, fault in self._known.items()
        }
        write_json(self._path, {"segments": segments, "in_a_row": self._in_a_row})
