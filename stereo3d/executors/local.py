"""Builds segments in this process, one after the other through one overlapped pipeline."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

from stereo3d.memory import return_freed_memory
from stereo3d.pipeline.build import build_segments
from stereo3d.pipeline.meter import Memory, Meter
from stereo3d.pipeline.recipe import Ends, Models, Places, Recipe, SegmentResult
from stereo3d.plan.segments import Segment

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """One device, one copy of each model's weights."""

    isolates = False
    """An error ends the run: it belongs to the first segment that is missing."""
    workers = 1.0

    def __init__(self, models: Models, meter: Meter, ends: Ends | None = None) -> None:
        self._models = models
        self._meter = meter
        self.ends = ends or Ends()

    def run(
        self, recipe: Recipe, segments: Sequence[Segment], places: Places, on_frames: Callable[[int], None]
    ) -> Generator[SegmentResult, None, None]:
        """Build segments in order; each result's files at ``places`` are complete and flushed when it is yielded.

        Closing the iterator drops the segment in work. ``on_frames`` is told how many frames were just encoded.
        """
        recipe = replace(recipe, ends=self.ends)
        for result in build_segments(segments, recipe, self._models, places, self._meter, on_frames):
            self._meter.hold(Memory.now(recipe.place))
            return_freed_memory()
            yield result

    def close(self) -> None:
        """Nothing runs outside of :meth:`run`."""
