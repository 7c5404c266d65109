"""Builds segments in this process, one after the other through one overlapped pipeline."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from stereo3d.pipeline.build import build_segments
from stereo3d.pipeline.recipe import Models, Places, Recipe, SegmentResult
from stereo3d.pipeline.stages import Meter
from stereo3d.plan.segments import Segment

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """One device, one copy of each model's weights."""

    def __init__(self, recipe: Recipe, models: Models, meter: Meter) -> None:
        self._recipe = recipe
        self._models = models
        self._meter = meter

    def run(
        self,
        segments: Sequence[Segment],
        places: Places,
        on_frames: Callable[[int], None],
    ) -> Generator[SegmentResult, None, None]:
        """Build segments in order; each result's files at ``places`` are complete and flushed when it is yielded.

        Closing the iterator drops the segment in work. ``on_frames`` is told how many frames were just encoded.
        """
        return build_segments(segments, self._recipe, self._models, places, self._meter, on_frames)
