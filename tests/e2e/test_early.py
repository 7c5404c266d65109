"""Segments are built while the film is still scanned; the film is the same as if they were not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from stereo3d import frames
from stereo3d.errors import Interrupted
from stereo3d.job import prepare, surveying
from stereo3d.job.convert import convert_film
from stereo3d.job.manifest import Manifest
from stereo3d.job.peek import peek
from stereo3d.job.report import Report
from stereo3d.job.status import status_of
from stereo3d.job.store import work_folder_of
from stereo3d.plan.bars import Bars
from stereo3d.presets import settings_from
from stereo3d.progress import Event, Note, Silent, Tick
from tests.films import audio_packets, make_film, picture_hashes, picture_times

SHOTS = (13, 9, 10, 24, 11, 70, 12, 9, 31, 10, 40, 12, 30, 14, 16)
WHOLE = sum(SHOTS)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """At one frame a second about ten frames are a segment; the shot of 70 is divided."""
    return make_film(tmp_path_factory.mktemp("early") / "film.mkv", SHOTS, rate=Fraction(1))


@pytest.fixture(scope="module")
def plain(film: Path) -> Path:
    """Scanned first."""
    output = film.with_name("plain.mkv")
    convert(film, output)
    return output


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is for long films holds for this one. The rate is that of all frames: the first ones decide about it alike."""
    monkeypatch.setattr(prepare, "EARLY_FRAMES", 1)
    monkeypatch.setattr(surveying, "RATE_FRAMES", 60)
    monkeypatch.setattr(surveying, "_STEP_FRAMES", 20)


@dataclass
class Heard(Silent):
    """``stop`` is set after so many segments."""

    stop: threading.Event = field(default_factory=threading.Event)
    after: int = 10_000
    ticks: list[Tick] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        if isinstance(event, Tick):
            self.ticks.append(event)
            if event.segments_done >= self.after:
                self.stop.set()
        if isinstance(event, Note):
            self.notes.append(event.text)


def convert(film: Path, output: Path, heard: Heard | None = None, **options: Any) -> Report:
    heard = heard or Heard()
    settings = settings_from(None, {"model": "classic", "device": "cpu", "report": "none", **options})
    return convert_film(film, output, settings, heard, heard.stop)


def same(output: Path, plain: Path) -> None:
    assert picture_hashes(output) == picture_hashes(plain)
    assert picture_times(output) == picture_times(plain)
    assert audio_packets(output) == audio_packets(plain)


@pytest.mark.parametrize("device", ["cpu", "cpu,cpu"])
@pytest.mark.usefixtures("early")
def test_the_same_film_and_nothing_is_built_twice(film: Path, plain: Path, tmp_path: Path, device: str) -> None:
    heard = Heard()
    report = convert(film, tmp_path / "out.mkv", heard, device=device)
    totals = [tick.segments_total for tick in heard.ticks]
    assert totals[0] < totals[-1]  # it began before all was known
    assert (report.segments_built, report.segments_kept) == (totals[-1], 0)
    assert report.frames == heard.ticks[-1].frames_done == WHOLE
    if device == "cpu":
        same(output=tmp_path / "out.mkv", plain=plain)


@pytest.mark.usefixtures("early")
def test_stopped_while_it_is_scanned_and_continued(film: Path, plain: Path, tmp_path: Path) -> None:
    output, heard = tmp_path / "out.mkv", Heard(after=1)
    with pytest.raises(Interrupted):
        convert(film, output, heard)
    manifest = Manifest.load(work_folder_of(output) / "job.json")
    assert manifest is not None
    assert not manifest.whole
    status = status_of(output)
    assert (status.segments_done, status.scanned, status.seconds_left) == (1, False, None)
    assert "still scanned" in status.text()
    seen = peek(output, None)
    assert (seen.frames, seen.frames_total) == (status.frames_done, 0)
    report = convert(film, output)
    assert report.segments_kept == 1
    same(output, plain)


@pytest.mark.usefixtures("early")
def test_what_turns_out_otherwise_is_built_anew(
    film: Path, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bars of a dark shot are those of later ones: what was built without them is not used."""
    true, jobs = prepare._surveys, []

    def otherwise(*arguments: Any) -> Iterator[Any]:
        for survey in true(*arguments):
            jobs.append(survey)
            bars = (Bars(top=16, bottom=16), *survey.bars[1:])
            yield survey if survey.whole else replace(survey, bars=bars)

    monkeypatch.setattr(prepare, "_surveys", otherwise)
    heard = Heard()
    report = convert(film, tmp_path / "out.mkv", heard)
    assert len(jobs) > 1
    assert report.segments_built == heard.ticks[-1].segments_total + 1  # the first one twice
    assert report.segments_kept == 0
    assert heard.ticks[-1].segments_done == heard.ticks[-1].segments_total
    assert report.frames == heard.ticks[-1].frames_done == WHOLE
    same(tmp_path / "out.mkv", plain)


@pytest.mark.usefixtures("early")
def test_without_the_process_it_is_scanned_first(
    film: Path, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveying.sys, "executable", "/bin/false" if Path("/bin/false").exists() else "false.exe")
    heard = Heard()
    convert(film, tmp_path / "out.mkv", heard)
    assert any("scanning again" in note for note in heard.notes)
    same(tmp_path / "out.mkv", plain)


@pytest.mark.parametrize("options", [{"bars": "crop"}, {"target_size": "20MB"}])
@pytest.mark.usefixtures("early")
def test_what_asks_for_the_whole_plan_waits_for_it(film: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    heard = Heard()
    convert(film, tmp_path / "out.mkv", heard, **options)
    assert len({tick.segments_total for tick in heard.ticks}) == 1


def test_a_films_rate_is_known_from_its_first_minute() -> None:
    pts = tuple(range(0, 3 * frames.RATE_FRAMES, 2))
    whole = frames.Timeline((*pts, pts[-1] + 100), Fraction(1, 48), 7)
    part = frames.Timeline(pts[: frames.RATE_FRAMES], Fraction(1, 48), 2)
    assert whole.rate == part.rate == 24
