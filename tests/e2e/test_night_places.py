"""What happens at night to the places that a job reads from and writes to, with the real program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.night import clean, same, words
from tests.faults import Faults
from tests.films import command, run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "stereo3d-test", str(place)]
    if os.name == "nt" or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def waits_and_goes_on(night_film: Path, output: Path, ballast: Path) -> None:
    """Convert, and make room a second after the program said that it waits for it."""
    said = []
    with Faults(ballast.parent.parent / "none", "").start(*words(night_film, output)) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if "the disk is full" in line:
                time.sleep(1)
                assert process.poll() is None
                ballast.unlink()
    assert process.returncode == 0, "".join(said)
    assert "Traceback" not in "".join(said)
    assert "there is room again: going on\n" in said


def test_a_full_disk_is_waited_for_and_without_waiting_it_is_a_clean_end(
    night_film: Path, night_whole: Path, small_disk: Path
) -> None:
    output = small_disk / "out.mkv"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(5_600_000))
    stopped = Faults(small_disk.parent / "none", "").run(*words(night_film, output, "--no-wait"))
    clean(stopped)
    assert stopped.returncode == 1
    assert "will be needed" in stopped.stderr
    assert "hint: make room" in stopped.stderr

    waits_and_goes_on(night_film, output, ballast)
    same(output, night_whole)


@pytest.mark.long
def test_the_disk_fills_while_the_result_is_joined(night_film: Path, night_whole: Path, small_disk: Path) -> None:
    output = small_disk / "out.mkv"
    run(*words(night_film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    free = shutil.disk_usage(small_disk).free
    size = sum(p.stat().st_size for p in Path(f"{output}.stereo3d/segments").iterdir())
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(free - size // 2))  # half of the result has room
    waits_and_goes_on(night_film, output, ballast)
    same(output, night_whole)


def without_rights(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The program, to which rights apply though root may have started it."""
    faults = Faults(folder, "")
    if os.geteuid() != 0:
        return faults.run(*arguments)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root can read everything, and there is no setpriv to forbid it")
    drop = [setpriv, "--bounding-set", "-dac_override,-dac_read_search"]
    return subprocess.run(
        [*drop, *command(*arguments)], capture_output=True, text=True, timeout=250, env=faults.environment, check=False
    )


@pytest.mark.skipif(os.name == "nt", reason="rights are different here")
def test_places_without_the_right_to_them(night_film: Path, tmp_path: Path) -> None:
    folders = closed, fixed, out = tmp_path / "closed", tmp_path / "fixed", tmp_path / "out"
    for folder in folders:
        folder.mkdir()
        shutil.copy(night_film, folder / "film.mkv")
    closed.chmod(0o000)
    fixed.chmod(0o555)
    cases = (
        (closed / "film.mkv", out / "out.mkv", f"{closed / 'film.mkv'}"),
        (fixed / "film.mkv", fixed / "out.mkv", f"cannot write in {fixed}"),
        (fixed / "film.mkv", closed / "out.mkv", f"{closed}"),
    )
    for source, output, says in cases:
        done = without_rights(tmp_path / "none", *words(source, output))
        clean(done)
        assert done.returncode == 1, done.stderr
        assert "internal error" not in done.stderr
        assert says in done.stderr.partition("error: ")[2].splitlines()[0]
        assert "hint: " in done.stderr
    short = ("--model", "classic", "--progress", "json", "--end", "1")
    queue = without_rights(tmp_path / "none", "convert", closed, fixed, "-o", out / "3d", *short)
    clean(queue)
    assert [(i["source"], i["exit_code"]) for i in json.loads(queue.stdout.splitlines()[-1])["queue"]] == [
        (str(closed), 1), (str(fixed / "film.mkv"), 0),
    ]  # fmt: skip
    closed.chmod(0o700)
    fixed.chmod(0o755)


@pytest.mark.parametrize("gone", ["work", pytest.param("mount", marks=pytest.mark.long)])
def test_the_place_of_the_output_is_taken_away(
    night_film: Path, tmp_path: Path, gone: str, request: pytest.FixtureRequest
) -> None:
    disk = request.getfixturevalue("small_disk") if gone == "mount" else tmp_path
    output = disk / "out.mkv"
    faults = Faults(tmp_path / "faults")
    faults.aim("segment")
    process = faults.start(*words(night_film, output))
    assert faults.there(process) is not None
    if gone == "mount":
        subprocess.run(["umount", "-l", str(disk)], check=True)
    else:
        shutil.rmtree(f"{output}.stereo3d")
    faults.let_go()
    _, errors = process.communicate(timeout=250)
    if gone == "mount":
        subprocess.run(["mount", "-t", "tmpfs", "stereo3d-test", str(disk)], check=True)  # for the fixture
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    assert "internal error" not in errors
    assert f"error: the work folder {output}.stereo3d is gone\nhint: put its disk back" in errors


def test_a_source_that_changes_while_the_job_is_on_is_noticed(night_film: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "film.mkv", tmp_path / "out.mkv"
    shutil.copy(night_film, source)
    faults = Faults(tmp_path / "faults")
    faults.aim("segment")
    process = faults.start(*words(source, output))
    assert faults.there(process) is not None
    with source.open("ab") as file:  # it was still being copied
        file.write(b"more of it")
    faults.let_go()
    _, errors = process.communicate(timeout=250)
    assert process.returncode == 1, errors
    assert f"error: {source} changed while it was converted" in errors
    assert "Traceback" not in errors
    assert not output.exists()


def test_names_that_are_strange_or_long(night_film: Path, tmp_path: Path) -> None:
    strange = os.fsdecode(
        "Amélie 千と千尋 🎬 e\u0301 'q\" %d [x] #1?\n\\ ".encode() + (b"" if os.name == "nt" else b"caf\xe9")
    )
    folder = tmp_path / strange
    folder.mkdir()
    source = folder / f"{strange}.mkv"
    shutil.copy(night_film, source)
    done = run("convert", source, "--model", "classic", "--end", "1", "--progress", "plain")
    assert (folder / f"{strange}.3D.SBS.mkv.report.html").is_file(), done.stderr
    again = run("convert", source, "--model", "classic", "--end", "1", "--progress", "plain")
    assert "finished by an earlier run" in again.stderr
    limit = os.pathconf(tmp_path, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    fits = tmp_path / f"{'é' * 4}{'x' * (limit - 8 - 4 - 17)}.mkv"  # and .report.html.part
    run("convert", night_film, "-o", fits, "--model", "classic", "--end", "1")
    assert Path(f"{fits}.report.html").is_file()
    long = fits.with_name("y" + fits.name)
    refused = run("convert", night_film, "-o", long, "--model", "classic", "--end", "1", check=False)
    assert refused.returncode == 1
    assert "is too long by 1 bytes" in refused.stderr
    assert "hint: choose a shorter one" in refused.stderr


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second file system here")
def test_a_work_folder_that_is_a_link_to_another_disk(night_film: Path, night_whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    other = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        if other.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("no second file system here")
        Path(f"{output}.stereo3d").symlink_to(other / "work", target_is_directory=True)
        (other / "work").mkdir()
        run(*words(night_film, output))
        same(output, night_whole)
        assert not list(other.iterdir())
        assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mkv", "out.mkv.report.html", "out.mkv.report.json"]
        assert "finished by an earlier run" in run(*words(night_film, output)).stderr
    finally:
        shutil.rmtree(other)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.mkv")
    done = run(*words(tmp_path / "film.mkv", tmp_path / "out.mkv"), check=False)
    assert done.returncode == 1
    assert "is a pipe or a device, not a file" in done.stderr


def test_a_read_only_disk_is_no_place_for_an_output_but_one_for_a_source(night_film: Path, small_disk: Path) -> None:
    shutil.copy(night_film, small_disk / "film.mkv")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    beside = run("convert", small_disk / "film.mkv", "--model", "classic", check=False)
    assert beside.returncode == 1
    assert f"cannot write in {small_disk}" in beside.stderr
    run("convert", small_disk / "film.mkv", "-o", small_disk.parent / "out.mkv", "--model", "classic", "--end", "1")
