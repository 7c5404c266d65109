"""Depth pieces to one depth film that says what it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from stereo3d.files import flush
from stereo3d.job.finish import decode_film
from stereo3d.job.report import Proof
from stereo3d.job.store import SegmentRecord, WorkFolder
from stereo3d.media.depth_video import DepthMark
from stereo3d.media.join import join, output_origin
from stereo3d.media.mux import MuxReport, OutputPlan
from stereo3d.media.verify import verify_output
from stereo3d.pipeline.recipe import Recipe
from stereo3d.progress import Phase, Progress

__all__ = ["join_depth"]


def join_depth(
    folder: WorkFolder,
    recipe: Recipe,
    model: str,
    pieces: Sequence[tuple[int, Path]],
    records: Iterable[SegmentRecord],
    progress: Progress,
) -> tuple[Path, Proof]:
    """The joined, marked and verified depth film, still in the work folder and ready to be published; what was found in it.

    ``model``: the name of what made it. ``pieces``: (first frame, file), in order. ``records``: of the segments, for where
    each shot's screen lies. Raises VerificationError or OutputError.
    """
    progress.emit(Phase("join", f"joining the depth of {len(pieces)} segments"))
    timeline = recipe.timeline
    found = sorted(screen for record in records for screen in record.screens)
    screens = tuple(found) if recipe.settings.view.zero_parallax == "auto" else ()
    plan = OutputPlan(timeline, origin=output_origin(timeline, cut=recipe.settings.time.start is not None))
    final = folder.path / "final.depth.mkv"
    files = [file for _, file in pieces]
    mark = DepthMark(model, recipe.model_identity, screens)
    join(files, timeline, [first for first, _ in pieces], final, origin=plan.origin, tags=mark.tags())
    alone = replace(recipe.info, audio=(), others=())
    read_back = verify_output(final, files, alone, plan, MuxReport(final, (), ()))
    whole = recipe.settings.run.verify == "full"
    if whole:
        decode_film(final, read_back.frames, progress)
    flush(final)
    return final, Proof.of(read_back, decoded=whole)
