"""The work folder beside the output: its lock, its manifest, and the segments that are done.

``OUTPUT.stereo3d/`` holds ``job.json`` (what is being made: source, settings, numerics, plan), ``survey.json`` (times and
shots), ``segments/`` and the temporary files of the final join. A segment is done when its file *and* its record exist and
the file's hash is the recorded one. The file is flushed first, then the record is published, then the file gets its name:
at no instant does a record or a name claim what is not on the disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stereo3d.errors import JobError, OutputError
from stereo3d.files import file_sha256, publish, read_json, write_json
from stereo3d.pipeline.staging import ComfortFacts
from stereo3d.pipeline.witness import Seen
from stereo3d.plan.segments import Segment

__all__ = ["SegmentRecord", "WorkFolder", "work_folder_of"]


# A worker whose watching process was killed needs a moment to notice.
_LOCK_SECONDS = 2


def work_folder_of(output: Path) -> Path:
    """Where the work on an output lies."""
    return output.with_name(output.name + ".stereo3d")


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """What is known of a finished file. ``replaced``: output frames whose source frame could not be decoded. ``flawed``: those
    for which the model gave no depth. ``screens``: (output frame, depth on the screen from there on). ``comfort``: what its
    views ask of eyes. ``notes``: see :class:`stereo3d.pipeline.recipe.SegmentResult`. ``seen``: what the report shows of it.
    ``packets``: see :func:`stereo3d.media.split.packets_sha256`."""

    frames: int
    size: int
    sha256: str
    seconds: float
    replaced: tuple[int, ...] = ()
    flawed: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    screens: tuple[tuple[int, float], ...] = ()
    comfort: ComfortFacts = field(default_factory=ComfortFacts)
    packets: str = ""
    seen: Seen = field(default_factory=Seen)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SegmentRecord:
        screens = tuple((frame, depth) for frame, depth in value["screens"])
        seen = Seen.from_json(value["seen"]) if "seen" in value else Seen()
        lists = {
            "replaced": tuple(value["replaced"]),
            "flawed": tuple(value["flawed"]),
            "notes": tuple(value["notes"]),
            "screens": screens,
        }
        return cls(**{**value, **lists, "comfort": ComfortFacts.from_json(value["comfort"]), "seen": seen})


class WorkFolder:
    """Owns the folder while it is open: a second process is refused, a crashed one leaves no lock behind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.segments = path / "segments"
        self.manifest = path / "job.json"
        self.survey = path / "survey.json"
        self.depth_survey = path / "depth.json"
        self.weights = path / "weights.json"
        try:
            self.segments.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot create the work folder {path}: {error.strerror}",
                hint="choose an output in a folder that you can write to, on a disk with room",
            ) from error
        self._lock = FileLock(path / "lock")
        try:
            self._lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout:
            raise JobError(
                f"another process works on this output already ({path})", hint="wait for it, or choose another --output"
            ) from None

    def close(self) -> None:
        self._lock.release()

    def clear(self) -> None:
        """Forget everything an earlier run left (the lock stays held)."""
        shutil.rmtree(self.segments)
        self.segments.mkdir()
        self.manifest.unlink(missing_ok=True)
        self.survey.unlink(missing_ok=True)
        self.depth_survey.unlink(missing_ok=True)
        self.weights.unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        """Remove the folder of a job that came to nothing: no survey, no segment."""
        if self.segments.is_dir() and not self.survey.exists() and not any(self.segments.iterdir()):
            self.remove()

    def check_there(self) -> None:
        """Raises OutputError where the folder is gone: its disk was taken away, or somebody removed it."""
        if not self.segments.is_dir():
            raise OutputError(
                f"the work folder {self.path} is gone",
                hint="put its disk back, and the same command continues; without it, it begins anew",
            )

    def remove(self) -> None:
        """Release the lock and remove the folder, also where its name is a link to another place."""
        self.close()
        shutil.rmtree(self.path.resolve(), ignore_errors=True)
        if self.path.is_symlink():
            self.path.unlink()

    def file_of(self, segment: Segment, key: str, piece: str = "") -> Path:
        """A segment's file; ``piece`` names what else is made of it (its depth)."""
        return self.segments / f"f{segment.start:07}-{key}{piece}.mkv"

    def part_of(self, segment: Segment, key: str, piece: str = "") -> Path:
        return self.file_of(segment, key, piece).with_suffix(".part")

    def record(self, segment: Segment, key: str, piece: str = "") -> SegmentRecord | None:
        """What was written down of a segment, without a look at its file; None where nothing was."""
        try:
            return SegmentRecord.from_json(read_json(self.file_of(segment, key, piece).with_suffix(".json")))
        except (KeyError, TypeError):
            return None

    def find(self, segment: Segment, key: str, piece: str = "") -> SegmentRecord | None:
        """The record of a segment that is done and whose file still is what was recorded, else None."""
        final, part = self.file_of(segment, key, piece), self.part_of(segment, key, piece)
        record = self.record(segment, key, piece)
        if record is None:
            return None
        for path in (final, part):
            if path.is_file() and path.stat().st_size == record.size and file_sha256(path) == record.sha256:
                if path == part:  # killed between publishing the record and naming the file
                    publish(part, final)
                return record
        return None

    def finish(self, segment: Segment, key: str, record: SegmentRecord, piece: str = "") -> None:
        """Publish a segment whose part file is complete and flushed."""
        final = self.file_of(segment, key, piece)
        write_json(final.with_suffix(".json"), asdict(record))
        publish(self.part_of(segment, key, piece), final)

    def drop_others(self, names: Collection[str]) -> None:
        """Remove finished files that are none of ``names``: what other settings left."""
        for path in self.segments.glob("*.mkv"):
            if path.name not in names:
                path.with_suffix(".json").unlink(missing_ok=True)
                path.unlink(missing_ok=True)

    def drop_parts(self) -> None:
        """Remove what unfinished segments and joins left."""
        for path in [
            *self.segments.glob("*.part"),
            *self.path.glob("*.part"),
            *self.path.glob("join*"),
            *self.path.glob("final*"),
        ]:
            path.unlink(missing_ok=True)
