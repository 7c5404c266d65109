"""What a conversion came to."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from stereo3d.job.comfort import ComfortReport
from stereo3d.progress import clock

__all__ = ["Report"]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one run.

    ``seconds``: of this run, all of it. ``fps``: frames built in this run over the time spent building. ``losses``: one
    line for everything that was lost or replaced; with any, the exit code is 3. ``depth``: the depth film that was kept.
    ``comfort``: what the views ask of eyes, None where there are none.
    """

    output: Path
    frames: int
    segments_built: int
    segments_kept: int
    seconds: float
    fps: float
    limited_by: str
    losses: tuple[str, ...] = ()
    depth: str = ""
    comfort: ComfortReport | None = None

    @property
    def exit_code(self) -> int:
        return 3 if self.losses else 0

    def text(self) -> str:
        """A few lines for people."""
        kept = f" ({self.segments_kept} of them from before)" if self.segments_kept else ""
        lines = [
            f"{'done' if not self.losses else 'done, with losses'}: {self.output}",
            f"  {self.frames} frames in {self.segments_built + self.segments_kept} segments{kept}, verified; "
            f"{clock(self.seconds)} this time, {self.fps:.1f} fps, limited by {self.limited_by or 'nothing'}",
        ]
        lines += [f"  depth kept: {self.depth}"] if self.depth else []
        lines += [f"  {line}" for line in self.comfort.lines()] if self.comfort else []
        return "\n".join(lines + [f"  lost or replaced: {loss}" for loss in self.losses])

    def to_json(self) -> str:
        return json.dumps({**dataclasses.asdict(self), "output": str(self.output), "exit_code": self.exit_code})
