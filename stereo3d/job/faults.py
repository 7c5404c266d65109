"""Segments that fail: how often, why, and what is tried next.

After three failures a segment waits until all others are done, for it may have been the machine. Then it is made by ever simpler
means: where hardware encodes, first by the software encoder; then the shot that failed is made flat, then all of the segment; and
if not even that can be done (its frames cannot be decoded) it is made black, so that the sound stays in sync. Two segments that fail
one after the other are no matter of the segments: then all that is left is encoded by software, and where that is so already, the
job stops with what failed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from stereo3d.files import read_json, write_json
from stereo3d.plan.overrides import FLAT, InForce, flat_view
from stereo3d.plan.segments import Segment
from stereo3d.settings import ViewSettings

__all__ = ["TRIES", "Fault", "Faults", "Means"]

TRIES = 3
_TRIES_EACH = 2  # by each of the simpler means

Means = Literal["software", "flat", "black"]
"""What a segment is made by when it cannot be made as it should be."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is known against a segment. ``frame``: the output frame at which it failed last, -1 where nobody knows. ``ladder``: the
    simpler means, in the order in which they are tried; each takes the ones before it along."""

    failures: int = 0
    reason: str = ""
    frame: int = -1
    ladder: tuple[Means, ...] = ("flat", "black")

    @property
    def outcome(self) -> Means | Literal["", "given up"]:
        """How it is made now; "" is as it should be."""
        if self.failures < TRIES:
            return ""
        step = (self.failures - TRIES) // _TRIES_EACH
        return self.ladder[step] if step < len(self.ladder) else "given up"

    def frames(self, segment: Segment) -> tuple[int, int]:
        """[start, end) of what the outcome is for: where it is flat, the first time of only the shot that failed, if it is known."""
        shot = next((shot for shot in segment.shots if shot.start <= self.frame < shot.end), None)
        first_time = self.failures == TRIES + _TRIES_EACH * self.ladder.index("flat")
        if not first_time or shot is None:
            return segment.start, segment.end
        return max(shot.start, segment.start), min(shot.end, segment.end)

    def in_force(self, view: ViewSettings) -> InForce | None:
        """The settings that this outcome means; None for those of its shots."""
        if self.outcome in ("", "software"):
            return None
        return InForce(flat_view(view), FLAT, black=self.outcome != "flat")


class Faults:
    """The faults of a job, by segment key, kept in the work folder over restarts of the process. ``ladder``: see :class:`Fault`."""

    def __init__(self, folder: Path, ladder: tuple[Means, ...] = ("flat", "black")) -> None:
        self._path = folder / "faults.json"
        self._ladder = ladder
        self._known: dict[str, Fault] = {}
        self._in_a_row: list[str] = []
        self.without_hardware = False
        """Whether hardware failed for segment after segment: all that is left is encoded by software."""
        value = read_json(self._path)
        try:
            known = {key: Fault(n, reason, frame, ladder) for key, (n, reason, frame) in value["segments"].items()}
            self._known, self._in_a_row, self.without_hardware = (
                known,
                list(value["in_a_row"]),
                value["without_hardware"],
            )
        except (KeyError, TypeError, ValueError):  # absent or damaged: nothing is known
            pass

    def of(self, key: str) -> Fault:
        return self._known.get(key, Fault(ladder=self._ladder))

    def add(self, key: str, reason: str, frame: int = -1) -> Fault:
        """One more failure of a segment, at an output frame if that is known."""
        before = self.of(key)
        fault = self._known[key] = replace(before, failures=before.failures + 1, reason=reason, frame=frame)
        if fault.outcome != before.outcome and fault.outcome in ("software", "flat") and key not in self._in_a_row:
            self._in_a_row.append(key)
        self._save()
        return fault

    def success(self) -> None:
        """A segment was made."""
        if self._in_a_row:
            self._in_a_row = []
            self._save()

    def give_up_hardware(self, keys: Collection[str], reason: str) -> None:
        """Let these segments be encoded by software at once, if they are not made by simpler means already."""
        for key in keys:
            if not self.of(key).outcome:
                self._known[key] = Fault(TRIES, reason, ladder=self._ladder)
        self._in_a_row, self.without_hardware = [], True
        self._save()

    def also(self, keys: Iterable[str]) -> None:
        """More segments are known: what was given up for all that is left is given up for them."""
        if self.without_hardware:
            reason = next((fault.reason for fault in self._known.values() if fault.outcome), "")
            self.give_up_hardware([key for key in keys if key not in self._known], reason)

    @property
    def may_give_up_hardware(self) -> bool:
        return "software" in self._ladder and not self.without_hardware

    def is_put_off(self, key: str) -> bool:
        """Whether a segment waits until all others are done."""
        fault = self.of(key)
        return fault.failures >= TRIES and not (self.without_hardware and fault.outcome == "software")

    def is_suspect(self, key: str) -> bool:
        """Whether a segment failed as it is to be made now: it is tried alone, so that it is known which one fails."""
        fault = self.of(key)
        return fault.failures > (TRIES if fault.outcome == "software" else 0)

    def forget(self, keys: Collection[str]) -> None:
        """A new run gives these segments a new chance."""
        if self._in_a_row or self.without_hardware or not self._known.keys().isdisjoint(keys):
            self._known = {key: fault for key, fault in self._known.items() if key not in keys}
            self._in_a_row, self.without_hardware = [], False
            self._save()

    @property
    def systematic(self) -> bool:
        """Whether segment after segment fails."""
        return len(self._in_a_row) >= 2

    def _save(self) -> None:
        segments: dict[str, Any] = {
            key: [fault.failures, fault.reason, fault.frame] for key, fault in self._known.items()
        }
        known = {"segments": segments, "in_a_row": self._in_a_row, "without_hardware": self.without_hardware}
        write_json(self._path, known)
