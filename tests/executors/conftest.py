"""A small film in segments, and what the local executor makes of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from stereo3d.executors.crew import Failure, Outcome
from stereo3d.executors.local import LocalExecutor
from stereo3d.frames import Shot
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


@dataclass(frozen=True)
class Work:
    """``expected``: the hashes of each segment's pictures, by the local executor."""

    recipe: Recipe
    segments: list[Segment]
    expected: dict[int, list[str]]

    def places(self, folder: Path) -> Places:
        return Places(lambda s: folder / f"{s.number}.part", lambda s: folder / f"{s.number}.depth.part")

    def check(self, run: Run, folder: Path) -> list[SegmentResult]:
        """Build all and compare; the results in the order in which they came."""
        frames: list[int] = []
        with closing(run(self.recipe, self.segments, self.places(folder), frames.append)) as outcomes:
            results = list(outcomes)
        failures = [outcome for outcome in results if isinstance(outcome, Failure)]
        assert not failures
        made = [result for result in results if isinstance(result, SegmentResult)]
        assert sorted(result.segment.number for result in made) == list(range(len(self.segments)))
        assert sum(frames) == sum(LENGTHS)
        for segment in self.segments:
            assert picture_hashes(self.places(folder).picture(segment)) == self.expected[segment.number]
        return made


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    film = make_film(folder / "film.mkv", LENGTHS, size=(96, 64), sound=False)
    info = probe(film)
    found = survey_source(info, TimeSettings(), lambda _done: None)
    encoder = choose_encoder(EncodeSettings(codec="ffv1"), 192, 64, info.video.format)
    settings = Settings.from_flat({"model": "classic"})
    plain = Recipe(info, found.timeline, True, settings, encoder, Numerics("cpu", 4, 1), "")
    models = load_models(plain, lambda _line: None)
    recipe = Recipe(info, found.timeline, True, settings, encoder, Numerics("cpu", 4, 1), models.film.info.identity)
    segments, start = [], 0
    for number, length in enumerate(LENGTHS):
        segments.append(Segment(number, start, start + length, (Shot(start, start + length),), 0))
        start += length
    work = Work(recipe, segments, {})
    places = work.places(folder)
    executor = LocalExecutor(models, Meter())
    for result in executor.run(recipe, segments, places, lambda _count: None):
        work.expected[result.segment.number] = picture_hashes(places.picture(result.segment))
    return work
