"""What a conversion came to.

It goes from the process that works to the one that watches, which shall not import networks and FFmpeg for it.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stereo3d.job.eyes import ComfortReport
from stereo3d.job.timing import Timing
from stereo3d.pipeline.load import Load
from stereo3d.progress import clock, counted

if TYPE_CHECKING:
    from stereo3d.job.faults import Means
    from stereo3d.media.verify import VerifyReport

__all__ = ["Proof", "Report", "Simpler"]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found when the finished film was read back. ``first``, ``last``: seconds of its first and last picture.
    ``audio_packets``: of all copied tracks, equal to the source's. ``video_error``, ``audio_error``: seconds that a time is off
    at most. ``stereo``: the stereo tag. ``decoded``: all of it was decoded, too."""

    frames: int
    first: float
    last: float
    audio_tracks: int
    audio_packets: int
    video_error: float
    audio_error: float
    stereo: str
    decoded: bool

    @classmethod
    def of(cls, found: VerifyReport, *, decoded: bool) -> Proof:
        return cls(
            found.frames,
            float(found.first),
            float(found.last),
            found.audio_tracks,
            found.audio_packets,
            float(found.video_error),
            float(found.audio_error),
            found.stereo,
            decoded,
        )


@dataclass(frozen=True, slots=True)
class Simpler:
    """Output frames [start, end) that could not be made as they should be. ``means``: see :mod:`stereo3d.job.faults`. ``failures``,
    ``reason``: how often they failed, and why last."""

    means: Means
    start: int
    end: int
    failures: int
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one run.

    ``seconds``: of this run, all of it. ``fps``: frames built in this run over the time spent building. ``losses``: one
    line for everything that was lost or replaced; with any, the exit code is 3. ``depth``: the depth film that was kept.
    ``comfort``: what the views ask of eyes, None where there are none. ``proof``: None for a picture.
    ``page``: the report for people, "" where none was wished for. ``simpler``: what was made by simpler means; it is in ``losses``, too.
    ``load``: what the run put on the machine. ``timing``: where the time went. ``estimated``: seconds that ``stereo3d estimate`` had
    said for just this, 0 where it was not asked.
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
    proof: Proof | None = None
    page: str = ""
    simpler: tuple[Simpler, ...] = ()
    load: Load = field(default_factory=Load)
    timing: Timing | None = None
    estimated: float = 0.0

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Report:
        """Raises KeyError or TypeError when the value is not of this kind."""
        stored = {name: item for name, item in value.items() if name != "exit_code"}
        comfort = ComfortReport.from_json(stored["comfort"]) if stored["comfort"] else None
        proof = Proof(**stored["proof"]) if stored.get("proof") else None
        simpler = tuple(Simpler(**item) for item in stored.get("simpler", ()))
        load = Load.from_json(stored["load"]) if stored.get("load") else Load()
        own = {
            "output": Path(stored["output"]),
            "losses": tuple(stored["losses"]),
            "simpler": simpler,
            "load": load,
            "timing": Timing.from_json(stored["timing"]) if stored.get("timing") else None,
        }
        return cls(**{**stored, **own, "comfort": comfort, "proof": proof})

    @property
    def exit_code(self) -> int:
        return 3 if self.losses else 0

    def text(self) -> str:
        """A few lines for people."""
        kept = f" ({self.segments_kept} of them from before)" if self.segments_kept else ""
        decoded = "decoded and " if self.proof and self.proof.decoded else ""
        segments = counted(self.segments_built + self.segments_kept, "segment")
        lines = [
            f"{'done' if not self.losses else 'done, with losses'}: {self.output}",
            f"  {counted(self.frames, 'frame')} in {segments}{kept}, {decoded}verified; "
            f"{clock(self.seconds)} this time, {self.fps:.1f} fps, limited by {self.limited_by or 'nothing'}",
        ]
        lines += [f"  {line}" for line in self.load.lines()]
        lines += [f"  it took {line}" for line in self.forecasts()]
        lines += [f"  depth kept: {self.depth}"] if self.depth else []
        lines += [f"  {line}" for line in self.comfort.lines()] if self.comfort else []
        lines += [f"  lost or replaced: {loss}" for loss in self.losses]
        return "\n".join(lines + ([f"  report: {self.page}"] if self.page else []))

    def forecasts(self) -> list[str]:
        """How far what was said before was off: by an estimate, and by the run itself on its way."""
        at, foreseen = self.timing.foreseen if self.timing is not None else (0.0, 0.0)
        said = [(self.estimated, f"than the estimate, {clock(self.estimated)}")]
        said += [(foreseen, f"than foreseen {clock(at)} after its start, {clock(foreseen)}")]
        return [f"{_off(self.seconds, seconds)} {than}" for seconds, than in said if seconds]

    def to_json(self) -> str:
        return json.dumps({**dataclasses.asdict(self), "output": str(self.output), "exit_code": self.exit_code})


def _off(seconds: float, said: float) -> str:
    off = 100 * (seconds / said - 1)
    return f"{abs(off):.0f} % {'longer' if off > 0 else 'less'}"
