"""What is done of a job, read from its work folder without disturbing who works there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stereo3d.errors import UsageError
from stereo3d.files import read_json
from stereo3d.job.manifest import Manifest
from stereo3d.job.store import SegmentRecord, work_folder_of

__all__ = ["JobStatus", "status_of"]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """``state``: ``done`` (the output exists, no work is left), ``unfinished`` or ``starting`` (no plan yet). ``scanned``: False while
    only the film's beginning is planned: the totals are of that, and what is left cannot be told."""

    output: str
    state: str
    segments_done: int = 0
    segments_total: int = 0
    frames_done: int = 0
    frames_total: int = 0
    fps: float | None = None
    seconds_left: float | None = None
    scanned: bool = True

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def text(self) -> str:
        from stereo3d.progress import clock, counted

        if self.state != "unfinished":
            return f"{self.output}: {self.state}"
        speed = f", {self.fps:.1f} fps" if self.fps else ""
        if not self.scanned:
            return (
                f"{self.output}: {counted(self.segments_done, 'segment')} done ({counted(self.frames_done, 'frame')}{speed}); "
                "the film is still scanned"
            )
        left = f", about {clock(self.seconds_left)} of work left" if self.seconds_left is not None else ""
        return (
            f"{self.output}: {self.segments_done} of {self.segments_total} segments done "
            f"({self.frames_done} of {self.frames_total} frames{speed}{left})"
        )


def status_of(place: Path) -> JobStatus:
    """The state of an output or of its work folder. Raises UsageError where there is neither."""
    folder = place if place.name.endswith(".stereo3d") else work_folder_of(place)
    output = folder.with_name(folder.name.removesuffix(".stereo3d"))
    if not folder.is_dir():
        if output.is_file():
            return JobStatus(str(output), "done")
        raise UsageError(
            f"there is neither {output} nor a job for it", hint="name the output of a conversion, or its work folder"
        )
    manifest = Manifest.load(folder / "job.json")
    if manifest is None:
        return JobStatus(str(output), "starting")
    done: list[SegmentRecord] = []
    for segment in manifest.segments:
        file = folder / "segments" / segment.file
        value = read_json(file.with_suffix(".json")) if file.is_file() else None
        if value is not None:
            done.append(SegmentRecord.from_json(value))
    total = sum(segment.end - segment.start for segment in manifest.segments)
    frames, seconds = sum(record.frames for record in done), sum(record.seconds for record in done)
    fps = frames / seconds if seconds > 0 else None
    return JobStatus(
        str(output),
        "unfinished",
        len(done),
        len(manifest.segments),
        frames,
        total,
        fps,
        (total - frames) / fps if fps and manifest.whole else None,
        manifest.whole,
    )
