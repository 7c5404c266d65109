"""What a run put on the machine: how busy each stage was and where it waited, memory, bytes between host and device. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stereo3d.pipeline.meter import Memory, Spent

__all__ = ["Load", "StageLoad", "load_of"]


@dataclass(frozen=True, slots=True)
class StageLoad:
    """Shares of the run's time, of one worker, on average: a stage in one thread is ``busy``, ``starved`` of what the stage before it
    makes, or ``held_up`` by a stage behind it that takes nothing; the rest is before its first item and after its last."""

    stage: str
    busy: float
    starved: float
    held_up: float


@dataclass(frozen=True, slots=True)
class Load:
    """``stages``: in the order of the pipeline. ``memory``, ``device_memory``: most bytes that one process held, and reserved on its
    CUDA device (0: none). ``device_bytes``: between host and device for each frame, computed, not measured."""

    stages: tuple[StageLoad, ...] = ()
    memory: int = 0
    device_memory: int = 0
    device_bytes: int = 0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Load:
        """Raises KeyError or TypeError when the value is not of this kind."""
        return cls(**{**value, "stages": tuple(StageLoad(**stage) for stage in value["stages"])})

    def lines(self) -> list[str]:
        """For people."""
        if not self.stages:
            return []
        stages = ", ".join(f"{s.stage} {100 * s.busy:.0f} %" for s in self.stages)
        waits = [_waits(stage) for stage in self.stages if max(stage.starved, stage.held_up) >= 0.1]
        device = f", {self.device_memory / 2**30:.1f} GiB on the device" if self.device_memory else ""
        moved = f", {self.device_bytes / 1e6:.1f} MB a frame between host and device" if self.device_bytes else ""
        return [
            f"busy: {stages}" + (f"; {'; '.join(waits)}" if waits else ""),
            f"memory: {self.memory / 2**30:.1f} GiB{device}{moved}",
        ]


def _waits(stage: StageLoad) -> str:
    if stage.starved >= stage.held_up:
        return f"{stage.stage} waited {100 * stage.starved:.0f} % for what it works on"
    return f"{stage.stage} waited {100 * stage.held_up:.0f} % to hand on"


_ORDER = (
    *("decode for depth", "depth", "steady depth", "keep", "decode", "render"),
    *("fill and pack", "paint", "copy back", "encode"),
)


def load_of(spent: dict[str, Spent], seconds: float, workers: float, memory: Memory, device_bytes: int) -> Load:
    """``spent``: of all workers together, over ``seconds`` of wall time. ``workers``: how many there were, on average."""
    whole = max(seconds * workers, 1e-9)
    known = sorted(spent.items(), key=lambda item: _ORDER.index(item[0]) if item[0] in _ORDER else len(_ORDER))
    stages = tuple(
        StageLoad(name, *(round(part / whole, 4) for part in (s.busy, s.starved, s.held_up))) for name, s in known
    )
    return Load(stages, memory.process, memory.device, device_bytes)
