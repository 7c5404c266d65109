"""How long the files of a long film's job take to write and read: ``python tests/bench/manifest.py``."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from stereo3d import __version__
from stereo3d.frames import Shot, Timeline
from stereo3d.job.manifest import Manifest, PlannedSegment
from stereo3d.job.survey import Faults, Survey, load_survey, save_survey
from stereo3d.pipeline.recipe import Numerics
from stereo3d.plan.bars import NO_BARS
from stereo3d.plan.segments import make_plan
from stereo3d.settings import Settings, TimeSettings

SECONDS, SHOTS = 3 * 3600, 2500


def median_ms(step: Callable[[], object], rounds: int = 9) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def main() -> None:
    frames = SECONDS * 24000 // 1001
    pts = tuple(round(k * 1001 / 24) for k in range(frames))  # Matroska's milliseconds
    timeline = Timeline(pts, Fraction(1, 1000), 42)
    edges = [frames * k // SHOTS for k in range(SHOTS + 1)]
    shots = tuple(Shot(a, b) for a, b in itertools.pairwise(edges))
    survey = Survey(timeline, shots, (NO_BARS,) * SHOTS, (), True, True, Faults())
    plan = make_plan(timeline, shots)
    segments = tuple(PlannedSegment(s.start, s.end, f"f{s.start:07}-{s.number:032x}.mkv") for s in plan)
    numerics = Numerics("cpu", 1, 2)
    manifest = Manifest("film.mkv", "out.mkv", "0" * 32, Settings().to_flat(), "model", numerics, segments)
    with tempfile.TemporaryDirectory() as folder:
        job, times = Path(folder) / "job.json", Path(folder) / "survey.json"
        print(f"stereo3d {__version__}: {frames} frames, {SHOTS} shots, {len(plan)} segments; medians of 9")
        print(f"job.json: written (flushed) {median_ms(lambda: manifest.save(job)):.1f} ms, read ", end="")
        print(f"{median_ms(lambda: Manifest.load(job)):.1f} ms, {job.stat().st_size / 1e3:.0f} kB")
        print(
            f"survey.json: written {median_ms(lambda: save_survey(survey, times, 'f', TimeSettings())):.1f} ms, read ",
            end="",
        )
        print(
            f"{median_ms(lambda: load_survey(times, 'f', TimeSettings())):.1f} ms, {times.stat().st_size / 1e3:.0f} kB"
        )


if __name__ == "__main__":
    main()
