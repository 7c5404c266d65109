"""A job: what was asked for, looked at, and everything that is fixed once the plan stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from stereo3d.job.done import Asked
from stereo3d.job.keys import segment_key
from stereo3d.job.manifest import Manifest, PlannedSegment
from stereo3d.job.store import SegmentRecord, WorkFolder
from stereo3d.job.survey import Survey
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.info import MediaInfo
from stereo3d.pipeline.recipe import Models, Recipe
from stereo3d.plan.overrides import Overrides
from stereo3d.plan.segments import Segment
from stereo3d.settings import EncodeSettings, Settings

__all__ = ["Job", "Wish"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, looked at: ``info`` of the source, ``depth``: of the file of --depth-from. ``encode``: for the output."""

    asked: Asked
    info: MediaInfo
    depth: MediaInfo | None
    encode: EncodeSettings
    encoder: EncoderSpec

    @property
    def settings(self) -> Settings:
        return self.asked.settings


@dataclass(frozen=True)
class Job:
    """Everything that is fixed once the plan stands. ``fingerprint``: of the source. ``frames``: of the whole film, about so many while
    the survey is not whole; the plan then is of its beginning."""

    asked: Asked
    folder: WorkFolder
    fingerprint: str
    recipe: Recipe
    models: Models
    survey: Survey
    plan: tuple[Segment, ...]
    frames: int

    @cached_property
    def keys(self) -> tuple[str, ...]:
        identities = {name: model.info.identity for name, model in self.models.others.items()}
        return tuple(segment_key(segment, self.fingerprint, self.recipe, identities) for segment in self.plan)

    def overridden(self, overrides: Overrides, substituted: frozenset[int]) -> Job:
        """The same job with other settings for some shots and another encoder for some segments, and so other keys for them."""
        return replace(self, recipe=replace(self.recipe, overrides=overrides, substituted=substituted))

    def manifest(self) -> Manifest:
        """What is written down of it."""
        return Manifest(
            source=str(self.asked.source),
            output=str(self.asked.output),
            fingerprint=self.fingerprint,
            settings=self.asked.settings.to_flat(),
            model=self.recipe.model_identity,
            numerics=self.recipe.numerics,
            segments=tuple(
                PlannedSegment(segment.start, segment.end, file.name)
                for segment, (_, file) in zip(self.plan, self.files(""), strict=True)
            ),
            shots=tuple((r.first, r.last, r.option, r.value) for r in self.asked.rules),
            encoder=self.recipe.encoder.encoder,
            whole=self.survey.whole,
        )

    @property
    def pieces(self) -> tuple[str, ...]:
        """What each segment is made of, as the work folder names it: its depth, where that is kept, then its pictures."""
        keep = self.recipe.keep
        return ("",) if keep is None else (f".depth-{keep.codec}", "")

    def files(self, piece: str) -> list[tuple[int, Path]]:
        """(first frame, file) of all segments, in order."""
        return [(s.start, self.folder.file_of(s, self.keys[s.number], piece)) for s in self.plan]

    def part(self, segment: Segment, piece: str = "") -> Path:
        return self.folder.part_of(segment, self.keys[segment.number], piece)

    def recorded(self) -> dict[int, SegmentRecord]:
        """The segments whose pieces are written down as done and whose files are there, by number; no film is read."""
        done: dict[int, SegmentRecord] = {}
        for segment, key in zip(self.plan, self.keys, strict=True):
            files = [self.folder.file_of(segment, key, piece) for piece in self.pieces]
            records = [self.folder.record(segment, key, piece) for piece in self.pieces]
            if records[-1] is not None and None not in records and all(file.is_file() for file in files):
                done[segment.number] = records[-1]
        return done

    def find(self, segment: Segment) -> SegmentRecord | None:
        """The record of a segment of which every piece is done, else None."""
        found = [self.folder.find(segment, self.keys[segment.number], piece) for piece in self.pieces]
        return found[-1] if None not in found else None
