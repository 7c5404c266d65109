"""How long a film will take: pieces taken out of it, the line through what they took, what is said of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from threading import Event

import pytest

from stereo3d.errors import InputError
from stereo3d.facts.pace import Pace, _enough, film_frames, measured_pace
from stereo3d.job.done import Asked
from stereo3d.job.forecast import keep_forecast, recall_forecast
from stereo3d.job.report import Report
from stereo3d.job.survey import survey_source
from stereo3d.job.timing import Stopwatch, Timing
from stereo3d.media.excerpt import cut_out, excerpt
from stereo3d.media.probe import probe
from stereo3d.progress import Phase, Silent, Tick
from stereo3d.settings import Settings, TimeSettings
from tests.films import make_film, run

PACE = Pace(2.0, 1.0, 400.0, 3.0, 10.0, 1.0, 0.0, 20_000.0, 96, {"depth": 0.1}, "depth", 1 << 30)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", (24,) * 10, rate=Fraction(24), keyframes=24)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_what_does_not_grow_with_the_film_is_counted_once() -> None:
    assert PACE.seconds(1000, 1000) == pytest.approx(2 + 1 + 3 + 1 + 1000 / 400 + 100 + 0.1)
    assert PACE.seconds(2000, 2000) - PACE.seconds(1000, 1000) == pytest.approx(102.6)
    full = replace(PACE, decode_fps=50.0)
    assert full.seconds(1000, 1000) - PACE.seconds(1000, 1000) == pytest.approx(20)


@pytest.mark.parametrize(
    ("count", "seconds", "opening", "enough"),
    [
        (1, 2.0, (2.0, 4), 12),  # too quick to tell: more of it, but not at once
        (1, 5.0, (2.0, 1), 3),  # a second a frame
        (1, 60.0, (20.0, 1), 0),  # so slow that four frames must do
        (12, 3.5, (2.3, 12), 90),
        (12, 20.0, (19.9, 47), 30),
        (144, 3.0, (2.0, 144), 240),
    ],
)
def test_a_model_is_timed_for_some_seconds_or_on_four_frames(
    count: int, seconds: float, opening: tuple[float, int], enough: int
) -> None:
    timing = Timing({"convert": seconds}, 4 * count, opening)
    assert _enough(count, Report(Path("x.mkv"), 4 * count, 1, 0, seconds, 1.0, "depth", timing=timing)) == enough


def test_frames_of_a_part_are_counted(film: Path) -> None:
    info = probe(film)
    assert film_frames(info, Settings()) in (240, 241)  # the sound is a little longer
    assert film_frames(info, Settings.from_flat({"start": 1, "end": 3, "max_fps": 6})) == 12


def test_an_excerpt_is_of_pieces_from_keyframes_on(film: Path, tmp_path: Path) -> None:
    info = probe(film)
    count = excerpt(info, [Fraction(1), Fraction(9)], 10, tmp_path / "pieces.mkv")
    assert count == 20
    survey = survey_source(probe(tmp_path / "pieces.mkv"), TimeSettings(), lambda _done: None)
    assert len(survey.timeline) == 20
    assert [shot.start for shot in survey.shots] == [0, 10]
    assert not survey.faults.lines()


def test_pieces_that_meet_go_on_from_one_another(film: Path, tmp_path: Path) -> None:
    assert excerpt(probe(film), [Fraction(0), Fraction(1), Fraction(2)], 100, tmp_path / "all.mkv") == 240
    found = survey_source(probe(tmp_path / "all.mkv"), TimeSettings(), lambda _done: None)
    assert len(found.timeline) == 240
    assert len(found.shots) == 10


def test_of_a_source_without_packets_nothing_is_taken(film: Path, tmp_path: Path) -> None:
    info = replace(probe(film), path=tmp_path / "gone.mp4")
    with pytest.raises(InputError):
        excerpt(info, [Fraction(0)], 5, tmp_path / "pieces.mkv")


def test_phases_are_timed_and_the_opening_is_noted() -> None:
    now = 0.0
    watch = Stopwatch(Silent(), lambda: now)
    for at, event in (
        (1.0, Phase("scan", "")),
        (3.0, Phase("convert", "", 40, 0)),
        (5.0, Tick(8, 40, 0.0, None, 0, 1, "")),
        (6.0, Tick(12, 40, 0.0, 99.0, 0, 1, "")),
        (7.0, Tick(20, 40, 0.0, 3.5, 0, 1, "")),
        (9.0, Tick(40, 40, 0.0, None, 0, 1, "")),
        (10.0, Phase("join", "")),
    ):
        now = at
        watch.emit(event)
    now = 12.0
    timing = watch.timing()
    assert timing.phases == {"start": 1.0, "scan": 2.0, "convert": 7.0, "join": 2.0}
    assert (timing.frames, timing.opening, timing.foreseen) == (40, (3.0, 12), (7.0, 10.5))
    assert Timing.from_json(json.loads(json.dumps(asdict(timing)))) == timing


def test_a_forecast_is_of_one_film_with_one_set_of_settings(tmp_path: Path) -> None:
    asked = Asked(tmp_path / "a.mkv", tmp_path / "b.mkv", Settings())
    other = replace(asked, settings=Settings.from_flat({"strength": 1}))
    again = replace(asked, output=tmp_path / "c.mkv", settings=Settings.from_flat({"overwrite": True}))
    keep_forecast(asked, "film", 100.0)
    assert recall_forecast(again, "film") == 100.0
    assert recall_forecast(other, "film") == 0.0
    assert recall_forecast(asked, "another film") == 0.0


def test_a_long_run_is_foreseen_after_two_minutes() -> None:
    now = 0.0
    watch = Stopwatch(Silent(), lambda: now)
    watch.emit(Phase("convert", "", 4000, 1000))
    for now in range(30, 301, 30):
        watch.emit(Tick(1000 + now, 4000, 1.0, 3000.0 - now, 0, 9, ""))
    assert watch.timing().foreseen == (120, 3000)


def test_the_report_says_how_far_the_estimate_was_off_and_what_the_run_foresaw() -> None:
    report = Report(Path("film.mkv"), 10, 1, 0, 110.0, 1.0, "depth", estimated=100.0)
    assert "it took 10 % longer than the estimate, 1:40" in report.text()
    report = replace(report, estimated=0.0, timing=Timing(foreseen=(60.0, 125.0)))
    assert "it took 12 % less than foreseen 1:00 after its start, 2:05" in report.text()
    assert "estimate" not in report.text()
    assert "it took" not in replace(report, timing=None).text()


def test_a_model_that_is_not_here_is_said_with_the_way_out(film: Path) -> None:
    done = run("estimate", film, "--models", "large", "--json")
    found = json.loads(done.stdout)
    assert found["models"] == []
    assert found["missing"][0]["name"] == "large"
    assert "--weights large=FILE" in found["missing"][0]["hint"]
    assert found["frames"] in (240, 241)


@pytest.mark.parametrize("words", [("--models", "huge"), ("--weights", "file.pth"), ("--weights", "huge=file.pth")])
def test_what_cannot_be_meant_is_refused(film: Path, words: tuple[str, str]) -> None:
    done = run("estimate", film, *words, check=False)
    assert done.returncode == 2
    assert "hint:" in done.stderr


def test_an_estimate_and_the_conversion_that_compares_itself_with_it(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (20, 20), rate=Fraction(12))
    found = json.loads(run("estimate", film, "--models", "classic", "--json").stdout)["models"][0]
    assert found["name"] == "classic"
    assert 4 <= found["sample"] <= 40
    assert found["seconds"] > 0
    assert found["fps"] > 0
    assert found["output_bytes"] > 10_000
    assert found["work_bytes"] > 2 * found["output_bytes"] * 0.9
    assert found["limited_by"] in ("decode", "depth", "render", "encode")
    assert found["peak_memory"] > 50e6
    done = run("convert", film, "-o", tmp_path / "out.mkv", "--model", "classic", "--progress", "plain")
    assert "than the estimate" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".mkv") == ["film.mkv", "out.mkv"]


def test_the_pace_of_a_part_is_measured_within_it(film: Path) -> None:
    settings = Settings.from_flat({"model": "classic", "start": 4, "end": 6, "height": 64})
    pace = measured_pace(probe(film), settings, Event())
    assert 4 <= pace.sample <= 48
    assert pace.fps > 1


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_a_piece_is_cut_out_from_the_keyframe_before_it_with_its_sound(film: Path, tmp_path: Path, suffix: str) -> None:
    import av

    source = tmp_path / f"source{suffix}"
    with av.open(str(film)) as container, av.open(str(source), "w") as target:
        copies = {s.index: target.add_stream_from_template(s) for s in container.streams}
        for packet in container.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                target.mux(packet)
    begin = cut_out(probe(source), Fraction(5, 2), Fraction(4), tmp_path / "piece.mkv")
    assert float(begin) in (0.0, 1.0, 2.0)  # a keyframe, the nearest one where the container can be sought well
    assert suffix == ".ts" or begin == 2
    info = probe(tmp_path / "piece.mkv")
    assert len(info.audio) == 1
    found = survey_source(info, TimeSettings(), lambda _done: None)
    assert float(found.timeline.duration(0, len(found.timeline))) == pytest.approx(4.0 - float(begin), abs=0.1)
