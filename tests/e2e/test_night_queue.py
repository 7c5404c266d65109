"""Many films in a night, an end to it by the clock, and a look at what is there so far."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from stereo3d.job.store import WorkFolder
from tests.films import audio_packets, make_film, picture_hashes, picture_times, run, run_program

RATE = Fraction(12)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (30, 30), rate=RATE)


def test_one_bad_film_never_stops_the_rest(film: Path, tmp_path: Path) -> None:
    films = tmp_path / "films"
    (films / "b" / "deep").mkdir(parents=True)
    shutil.copy(film, films / "c.mkv")
    shutil.copy(film, films / "b" / "deep" / "d.mkv")
    (films / "a.mkv").write_bytes(b"no film at all")
    (films / "notes.txt").write_text("not a film, and nobody says it is")
    out = tmp_path / "out"
    words = ("convert", films, "-o", out, "--model", "classic", "--progress", "json")
    shallow = run(*words, check=False)
    assert shallow.returncode == 1
    lines = [json.loads(line) for line in shallow.stdout.splitlines()]
    assert [(Path(i["source"]).name, i["outcome"], i["exit_code"]) for i in lines[-1]["queue"]] == [
        ("a.mkv", "failed", 1), ("c.mkv", "done", 0),
    ]  # fmt: skip
    assert picture_times(out / "c.3D.SBS.mkv") == picture_times(film)

    deep = run("convert", films, "-o", out, "--model", "classic", "--recursive", "--progress", "plain", check=False)
    assert deep.returncode == 1
    assert "this film was finished by an earlier run" in deep.stderr
    assert "Traceback" not in deep.stderr
    assert "| d.mkv | done" in deep.stderr
    assert "| a.mkv | failed" in deep.stderr
    assert (out / "b" / "deep" / "d.3D.SBS.mkv").is_file()


def test_beside_their_sources_outputs_are_not_taken_for_films(film: Path, tmp_path: Path) -> None:
    shutil.copy(film, tmp_path / "a.mkv")
    options = ("--model", "classic", "--end", "1", "--progress", "json")
    for _ in range(2):
        queue = json.loads(run("convert", tmp_path, *options).stdout.splitlines()[-1])["queue"]
        assert [(Path(i["source"]).name, i["exit_code"]) for i in queue] == [("a.mkv", 0)]
    done = run("convert", tmp_path / "a.mkv", film, "-o", film, *options, check=False)
    assert done.returncode == 2
    assert "several films cannot become one file" in done.stderr + done.stdout


def test_stop_after_is_a_clean_stop(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (130,) * 6, rate=RATE)
    output = tmp_path / "out.mkv"
    done = run_program(
        "convert", film, "-o", output, "--model", "classic", "--progress", "plain", "--stop-after", "0.5", check=False
    )
    assert done.returncode == 130, done.stderr
    assert "the same command continues" in done.stderr
    assert not output.exists()


def test_peek_joins_what_is_finished_from_the_start(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", (120, 120, 120), rate=RATE)
    output = tmp_path / "out.mkv"
    nothing = run("peek", output, check=False)
    assert "there is no job for" in run("peek", tmp_path / "nowhere", check=False).stderr
    assert nothing.returncode == 2
    run("convert", film, "-o", output, "--model", "classic", "--keep-work")
    whole = tmp_path / "whole.mkv"
    output.rename(whole)
    sorted((tmp_path / "out.mkv.stereo3d" / "segments").glob("*.mkv"))[2].unlink()
    working = WorkFolder(tmp_path / "out.mkv.stereo3d")  # as the process that works on it does
    try:
        done = run("peek", output)
    finally:
        working.close()
    assert "the first 0:20 (240 of 360 frames)" in done.stdout
    found = tmp_path / "out.peek.mkv"
    assert picture_hashes(found) == picture_hashes(whole)[:240]
    assert picture_times(found) == picture_times(whole)[:240]
    sound = audio_packets(found)[0]
    assert 900 < len(sound) < 960
    assert sound == audio_packets(film)[0][: len(sound)]
    assert run("peek", output, "-o", tmp_path / "whole.mkv", check=False).returncode == 1
    assert run("peek", whole, check=False).returncode == 2
    assert sorted(p.name for p in tmp_path.glob(".*")) == []


def test_a_second_process_on_the_same_output_refuses(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    working = WorkFolder(tmp_path / "out.mkv.stereo3d")
    try:
        done = run("convert", film, "-o", output, "--model", "classic", check=False)
    finally:
        working.close()
    assert done.returncode == 1
    assert "another process works on this output already" in done.stderr
    assert run("convert", film, "-o", output, "--model", "classic").returncode == 0


def test_done_by_without_weights_keeps_the_model_that_was_asked_for(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    options = ("--model", "classic", "--end", "1", "--progress", "plain")
    done = run("convert", film, "-o", tmp_path / "out.mkv", *options, "--done-by", "07:00")
    assert "of small, base, large no weights are here: classic it is" in done.stderr
    wrong = run("convert", film, "-o", tmp_path / "other.mkv", *options, "--done-by", "25:00", check=False)
    assert wrong.returncode == 2
    assert "--done-by '25:00'" in wrong.stderr


def test_a_dry_run_of_many_goes_on_past_a_bad_film(film: Path, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    (films / "a.mkv").write_bytes(b"no film at all")
    shutil.copy(film, films / "b.mkv")
    words = ("convert", films, "-o", tmp_path / "out", "--model", "classic", "--dry-run")
    done = run(*words, "--progress", "json", check=False)
    assert done.returncode == 1
    plan, queue = (json.loads(line) for line in done.stdout.splitlines())
    assert (plan["output"], plan["frames"]) == (str(tmp_path / "out" / "b.3D.SBS.mkv"), 60)
    assert [(Path(i["source"]).name, i["outcome"], i["exit_code"]) for i in queue["queue"]] == [
        ("a.mkv", "failed", 1), ("b.mkv", "planned", 0),
    ]  # fmt: skip
    plain = run(*words, "--progress", "plain", check=False)
    assert "plan for" in plain.stdout
    assert "| b.mkv | planned" in plain.stderr
    assert not (tmp_path / "out" / "b.3D.SBS.mkv").exists()
