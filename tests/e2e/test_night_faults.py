"""What happens at night, with the real program: it goes on, or stops cleanly; never a traceback, never a silent loss."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from tests.faults import Faults
from tests.films import audio_packets, make_film, picture_hashes, picture_times, planes, run, run_program

RATE = Fraction(12)
# Three segments of ten seconds, two shots each.
SHOTS = (60,) * 6


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", SHOTS, rate=RATE)


@pytest.fixture(scope="module")
def whole(film: Path) -> Path:
    """The film, converted without any fault."""
    output = film.with_name("whole.mkv")
    run("convert", film, "-o", output, "--model", "classic", "--progress", "none")
    return output


def words(film: Path, output: Path, *options: str) -> tuple[str | Path, ...]:
    return ("convert", film, "-o", output, "--model", "classic", "--progress", "plain", *options)


def clean(done: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in done.stderr, done.stderr


def same(output: Path, whole: Path) -> None:
    assert picture_hashes(output) == picture_hashes(whole)
    assert picture_times(output) == picture_times(whole)
    assert audio_packets(output) == audio_packets(whole)


HANG = """
def hang(module):
    batches = module.Decoder.batches

    def hanging(self, start, end, *, batch):
        for frames in batches(self, start, end, batch=batch):
            if frames.index >= 150 and once("hung"):
                time.sleep(10000)
            yield frames

    module.Decoder.batches = hanging


AFTER["stereo3d.media.decode"] = hang
"""


@pytest.mark.long
def test_a_decoder_that_hangs_once_costs_a_restart_and_nothing_else(film: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", HANG).run(*words(film, output, "--hang-limit", "15"))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert "nothing moved for" in done.stderr
    assert "starting again (1)" in done.stderr
    same(output, whole)


CRASH = """
def crash(module):
    close = module.SegmentWriter.close

    def crashing(self):
        if "f0000120" in self.path.name and once("crashed"):
            os.kill(os.getpid(), 11)
        return close(self)

    module.SegmentWriter.close = crashing


AFTER["stereo3d.media.segment"] = crash
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGSEGV to send")
def test_a_crash_in_a_library_costs_a_restart_and_nothing_else(film: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", CRASH).run(*words(film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert "the process ended by signal 11" in done.stderr
    same(output, whole)


def failing(condition: str) -> str:
    """An encoder that fails for the segments (named by their first frame) that ``condition`` says."""
    return f"""
def fail(module):
    write = module.SegmentWriter.write

    def failing(self, batch):
        if {condition}:
            raise module.EncodeError("the encoder is broken", hint="mend it")
        return write(self, batch)

    module.SegmentWriter.write = failing


AFTER["stereo3d.media.segment"] = fail
"""


@pytest.mark.long
def test_an_encoder_that_fails_twice_is_tried_again(film: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    code = failing('"f0000120" in self.path.name and (once("first") or once("second"))')
    done = Faults(tmp_path / "faults", code).run(*words(film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning: shots 3-4 (0:10 to 0:20) failed") == 2
    same(output, whole)


def test_an_encoder_that_always_fails_ends_in_one_line(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    code = failing('".stereo3d" in str(self.path)')  # not while it is tried beforehand
    done = Faults(tmp_path / "faults", code).run(*words(film, output))
    clean(done)
    assert done.returncode == 1
    assert "error: segment after segment fails: the encoder is broken\nhint: mend it" in done.stderr
    assert not output.exists()


def test_an_encoder_that_does_not_work_here_is_refused_before_the_night(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", failing("True")).run(*words(film, output))
    clean(done)
    assert done.returncode == 2
    assert "error: libx264 does not take 320x96 yuv420p: the encoder is broken\nhint: " in done.stderr
    assert not list(tmp_path.glob("out*"))


def test_depth_that_always_fails_for_a_shot_leaves_it_flat_and_says_so(film: Path, tmp_path: Path) -> None:
    code = """
def fail(module):
    shot_depth = module._shot_depth

    def failing(segment, shot, recipe, model):
        if shot.start == 180 and model.info.name == "classic":
            raise RuntimeError("the network does not like this shot")
        return shot_depth(segment, shot, recipe, model)

    module._shot_depth = failing


AFTER["stereo3d.pipeline.build"] = fail
"""
    output = tmp_path / "out.mkv"
    faults = Faults(tmp_path / "faults", code)
    done = faults.run(*words(film, output, "--codec", "ffv1", "--keep-work"))
    clean(done)
    assert done.returncode == 3, done.stderr
    assert (
        "lost or replaced: shot 4 (0:15 to 0:20): made flat after 3 failures (the network does not like" in done.stderr
    )
    flat = [bool((frame[0][:, :160] == frame[0][:, 160:]).all()) for frame in planes(output)]
    assert flat == [False] * 180 + [True] * 60 + [False] * 120
    assert audio_packets(output) == audio_packets(film)
    assert json.loads(Path(f"{output}.report.json").read_text())["report"]["exit_code"] == 3


@pytest.mark.long
def test_frames_that_can_never_be_decoded_become_black_and_the_sound_stays(film: Path, tmp_path: Path) -> None:
    code = """
def fail(module):
    batches = module.Decoder.batches

    def failing(self, start, end, *, batch):
        for frames in batches(self, start, end, batch=batch):
            if 200 <= frames.index < 240:
                raise module.InputError("this part of the disc is scratched")
            yield frames

    module.Decoder.batches = failing


AFTER["stereo3d.media.decode"] = fail
"""
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", code).run(*words(film, output))
    clean(done)
    assert done.returncode == 3, done.stderr
    assert "shots 3-4 (0:10 to 0:20): made black after 5 failures" in done.stderr
    assert picture_times(output) == picture_times(film)
    assert audio_packets(output) == audio_packets(film)
    means = [float(frame[0].mean()) for frame in planes(output)]
    assert max(means[120:240]) < 17 < 20 < min(means[:120] + means[240:])


@pytest.mark.long
def test_the_device_runs_out_of_memory_once_or_for_good(film: Path, whole: Path, tmp_path: Path) -> None:
    code = """
def fail(module):
    import torch

    render_views = module.render_views

    def failing(frames, *arguments, **options):
        if frames.index >= 130 and (once("first") or FOR_GOOD):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return render_views(frames, *arguments, **options)

    module.render_views = failing


AFTER["stereo3d.pipeline.build"] = fail
"""
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", "FOR_GOOD = False\n" + code).run(*words(film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert "failed (1): CUDA out of memory" in done.stderr
    same(output, whole)
    other = tmp_path / "other.mkv"
    done = Faults(tmp_path / "faults2", "FOR_GOOD = True\n" + code).run(*words(film, other))
    clean(done)
    assert done.returncode == 1
    assert "segment after segment fails: CUDA out of memory" in done.stderr
    assert not other.exists()
    done = run_program(*words(film, other))
    assert "1 of 3 segments are done" in done.stderr
    same(other, whole)


def test_a_flipped_bit_in_a_finished_segment_is_found_and_that_segment_made_anew(
    film: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    run(*words(film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    segment = sorted(Path(f"{output}.stereo3d/segments").glob("*.mkv"))[1]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 4
    segment.write_bytes(content)
    done = run_program(*words(film, output))
    assert "continuing: 2 of 3 segments are done" in done.stderr
    same(output, whole)


@pytest.mark.parametrize(
    "name",
    [
        "survey.json",
        pytest.param("job.json", marks=pytest.mark.long),
        pytest.param("faults.json", marks=pytest.mark.long),
    ],
)
def test_a_truncated_manifest_loses_no_segment(film: Path, whole: Path, tmp_path: Path, name: str) -> None:
    output = tmp_path / "out.mkv"
    run(*words(film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    file = Path(f"{output}.stereo3d") / name
    content = file.read_bytes() if file.exists() else b'{"segments": {}'
    file.write_bytes(content[: len(content) // 2])
    done = run_program(*words(film, output))
    assert "continuing: 3 of 3 segments are done" in done.stderr
    same(output, whole)


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


def waits_and_goes_on(film: Path, output: Path, ballast: Path) -> None:
    """Convert, and make room a second after the program said that it waits for it."""
    said = []
    with Faults(ballast.parent.parent / "none", "").start(*words(film, output)) as process:
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
    film: Path, whole: Path, small_disk: Path
) -> None:
    output = small_disk / "out.mkv"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(5_600_000))
    stopped = Faults(small_disk.parent / "none", "").run(*words(film, output, "--no-wait"))
    clean(stopped)
    assert stopped.returncode == 1
    assert "will be needed" in stopped.stderr
    assert "hint: make room" in stopped.stderr

    waits_and_goes_on(film, output, ballast)
    same(output, whole)


@pytest.mark.long
def test_the_disk_fills_while_the_result_is_joined(film: Path, whole: Path, small_disk: Path) -> None:
    output = small_disk / "out.mkv"
    run(*words(film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    free = shutil.disk_usage(small_disk).free
    size = sum(p.stat().st_size for p in Path(f"{output}.stereo3d/segments").iterdir())
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(free - size * 3 // 2))  # the join has room, the rest has not
    waits_and_goes_on(film, output, ballast)
    same(output, whole)


def test_an_unreadable_directory(film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    code = """
def refuse(module):
    mkdir = Path.mkdir

    def refusing(self, *arguments, **options):
        if "out.mkv.stereo3d" in str(self):
            raise PermissionError(13, "Permission denied", str(self))
        return mkdir(self, *arguments, **options)

    Path.mkdir = refusing


AFTER["stereo3d.job.store"] = refuse
"""
    done = Faults(tmp_path / "faults", code).run(*words(film, output))
    clean(done)
    assert done.returncode == 1
    assert "cannot create the work folder" in done.stderr
    assert "Permission denied" in done.stderr
    if os.name != "nt" and os.geteuid() != 0:
        folder = tmp_path / "closed"
        folder.mkdir()
        shutil.copy(film, folder / "film.mkv")
        folder.chmod(0o000)
        done = run_program(*words(folder / "film.mkv", output), check=False)
        folder.chmod(0o700)
        clean(done)
        assert done.returncode == 1


@pytest.mark.long
def test_a_clock_that_goes_backwards(film: Path, whole: Path, tmp_path: Path) -> None:
    code = """
real = time.time
time.time = lambda: 2e9 - 50 * real() % 1e9
"""
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", code).run(*words(film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    same(output, whole)


@pytest.mark.long
def test_a_truncated_source_is_converted_as_far_as_it_goes(film: Path, tmp_path: Path) -> None:
    source = tmp_path / "cut.mkv"
    source.write_bytes(film.read_bytes()[: film.stat().st_size * 2 // 3])
    output = tmp_path / "out.mkv"
    done = run_program(*words(source, output), check=False)
    clean(done)
    assert done.returncode == 3, done.stderr
    assert "truncated" in done.stderr
    assert 150 < len(picture_times(output)) < 330
