"""The survey in a process of its own: what it tells meanwhile, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from stereo3d.errors import InputError
from stereo3d.job import surveying
from stereo3d.job.survey import load_survey, save_survey, survey_source
from stereo3d.job.surveying import Surveying, SurveyLost
from stereo3d.media.probe import probe
from stereo3d.settings import TimeSettings
from tests.films import make_film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("surveying") / "film.mkv", (60,) * 20)


def patient() -> Callable[[int], None]:
    return lambda _scanned: None


def test_each_survey_goes_on_where_the_one_before_ended(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "RATE_FRAMES", 100)
    monkeypatch.setattr(surveying, "_STEP_FRAMES", 50)
    whole = survey_source(probe(film), TimeSettings(), lambda _done: None)
    with Surveying(probe(film), TimeSettings()) as process:
        found = list(process.surveys(patient))
    assert found[-1] == whole
    assert len(found) > 1
    for part in found[:-1]:
        count = len(part.shots)
        assert not part.whole
        assert part.shots == whole.shots[:count]
        assert part.timeline.pts == whole.timeline.pts[: part.shots[-1].end]
        assert part.timeline.duration(0, len(part.timeline)) == whole.timeline.duration(0, len(part.timeline))
        assert part.bars == whole.bars[:count]
    lengths = [len(part.timeline) for part in found]
    assert lengths[0] >= 100
    assert all(b >= a + 50 for a, b in pairwise(lengths[:-1]))


def test_one_that_is_not_whole_is_kept_for_others_to_see_but_not_gone_by(film: Path, tmp_path: Path) -> None:
    whole = survey_source(probe(film), TimeSettings(), lambda _done: None)
    save_survey(replace(whole, whole=False), tmp_path / "survey.json", "it", TimeSettings())
    assert load_survey(tmp_path / "survey.json", "it", TimeSettings()) is None
    save_survey(whole, tmp_path / "survey.json", "it", TimeSettings())
    assert load_survey(tmp_path / "survey.json", "it", TimeSettings()) == whole


def test_what_the_survey_raises_is_raised_here(film: Path) -> None:
    with (
        Surveying(probe(film), TimeSettings.model_validate({"start": "1:00:00"})) as process,
        pytest.raises(InputError, match="no frame") as error,
    ):
        list(process.surveys(patient))
    assert error.value.hint


def test_a_process_that_dies_is_told_and_one_that_is_left_is_ended(film: Path) -> None:
    with Surveying(probe(film), TimeSettings()) as process:
        process._process.kill()
        with pytest.raises(SurveyLost):
            list(process.surveys(patient))
    with Surveying(probe(film), TimeSettings()) as process:
        pass
    assert process._process.poll() is not None
