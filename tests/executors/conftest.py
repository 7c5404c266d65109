"""A small film in segments, and what the local executor makes of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from stereo3d.executors.crew import Failure, Outcome
from stereo3d.executors.local import LocalExecutor
from stereo3d.frames import Shot
from stereo3d.job.encoder import with_fixed_threads
from stereo3d.job.survey import survey_source
from stereo3d.media.encode import choose_encoder
from stereo3d.media.probe import probe
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.models import load_models
from stereo3d.pipeline.recipe import Numerics, Places, Recipe, SegmentResult
from stereo3d.plan.segments import Segment
from stereo3d.settings import EncodeSettings, Settings, TimeSettings
from tests.films import make_film, picture_hashes

LENGTHS = (12, 20, 8, 16, 10, 14)

Run = Callable[[Recipe, list[Segment], Places, Callable[[int], None]], Generator[Outcome, None, None]]


def recipe_of(film: Path, codec: Literal["ffv1", "h264"]) -> Recipe:
    """Of a film without sound on one core, with the embedded model."""
    info = probe(film)
    found = survey_source(info, TimeSettings(), lambda _done: None)
    width, height = info.video.width, info.video.height
    encoder = choose_encoder(EncodeSettings(codec=codec), 2 * width, height, info.video.format)
    numerics = Numerics("cpu", 4, 1)
    encoder = with_fixed_threads(encoder, numerics)
    recipe = Recipe(info, found.timeline, True, Settings.from_flat({"model": "classic"}), encoder, numerics, "")
    return replace(recipe, model_identity=load_models(recipe, lambda _line: None).film.info.identity)


def places_in(folder: Path) -> Places:
    return Places(lambda s: folder / f"{s.number}.part", lambda s: folder / f"{s.number}.depth.part")


@dataclass(frozen=True)
class Work:
    """``expected``: the hashes of each segment's pictures, by the local executor."""

    recipe: Recipe
    segments: list[Segment]
    expected: dict[int, list[str]]

    def check(self, run: Run, folder: Path) -> list[SegmentResult]:
        """Build all and compare; the results in the order in which they came."""
        frames: list[int] = []
        with closing(run(self.recipe, self.segments, places_in(folder), frames.append)) as outcomes:
            results = list(outcomes)
        failures = [outcome for outcome in results if isinstance(outcome, Failure)]
        assert not failures
        made = [result for result in results if isinstance(result, SegmentResult)]
        assert sorted(result.segment.number for result in made) == list(range(len(self.segments)))
        assert sum(frames) == sum(LENGTHS)
        for segment in self.segments:
            assert picture_hashes(places_in(folder).picture(segment)) == self.expected[segment.number]
        return made


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    recipe = recipe_of(make_film(folder / "film.mkv", LENGTHS, size=(96, 64), sound=False), "ffv1")
    segments, start = [], 0
    for number, length in enumerate(LENGTHS):
        segments.append(Segment(number, start, start + length, (Shot(start, start + length),), 0))
        start += length
    work = Work(recipe, segments, {})
    places = places_in(folder)
    executor = LocalExecutor(load_models(recipe, lambda _line: None), Meter())
    for result in executor.run(recipe, segments, places, lambda _count: None):
        work.expected[result.segment.number] = picture_hashes(places.picture(result.segment))
    return work
