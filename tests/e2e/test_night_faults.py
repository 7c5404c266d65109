"""What happens at night, with the real program: it goes on, or stops cleanly; never a traceback, never a silent loss."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.e2e.night import clean, same, words
from tests.faults import Faults
from tests.films import audio_packets, picture_times, planes, run, run_program

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
def test_a_decoder_that_hangs_once_costs_a_restart_and_nothing_else(
    night_film: Path, night_whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", HANG).run(*words(night_film, output, "--hang-limit", "15"))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert "nothing moved for" in done.stderr
    assert "starting again (1)" in done.stderr
    same(output, night_whole)


@pytest.mark.long
def test_a_source_that_cannot_be_sought_in_costs_what_is_there(night_film: Path, tmp_path: Path) -> None:
    """A reader that hangs for ever when it is to go to the third segment: that segment is given up, and no other."""
    code = """
def hang(module):
    go_to = module.Decoder._go_to

    def going(self, pts):
        if pts * self._timeline.time_base >= 20 and not (self._position or -1) * self._timeline.time_base >= 19:
            time.sleep(10000)
        go_to(self, pts)

    module.Decoder._go_to = going


AFTER["stereo3d.media.decode"] = hang
"""
    output = tmp_path / "out.mkv"
    faults = Faults(tmp_path / "faults", code)
    done = faults.run(*words(night_film, output, "--hang-limit", "15"), timeout=800)
    clean(done)
    # It runs on from the second segment into the third without a seek: nothing is lost.
    assert done.returncode == 0, done.stderr
    Path(f"{output}.report.json").unlink()
    output.unlink()
    work = Path(f"{output}.stereo3d")
    run(*words(night_film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    for left in work.glob("segments/f0000240-*"):
        left.unlink()
    done = faults.run(*words(night_film, output, "--hang-limit", "15"), timeout=800)
    clean(done)
    assert done.returncode == 3, done.stderr
    assert "made black after 5 failures (nothing moved for" in done.stderr
    assert picture_times(output) == picture_times(night_film)
    assert audio_packets(output) == audio_packets(night_film)


@pytest.mark.long
def test_a_source_that_hangs_while_it_is_scanned_ends_in_one_line(night_film: Path, tmp_path: Path) -> None:
    code = """
def hang(module):
    packets = module.FrameReader._packets

    def hanging(self, **options):
        for number, packet in enumerate(packets(self, **options)):
            if number == 100:
                time.sleep(10000)
            yield packet

    module.FrameReader._packets = hanging


AFTER["stereo3d.media.reader"] = hang
"""
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", code).run(*words(night_film, output, "--hang-limit", "15"), timeout=600)
    clean(done)
    assert done.returncode == 1
    assert "error: given up after 3 starts: nothing moved for" in done.stderr
    assert not output.exists()


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
def test_a_crash_in_a_library_costs_a_restart_and_nothing_else(
    night_film: Path, night_whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", CRASH).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert "the process ended by signal 11" in done.stderr
    same(output, night_whole)


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
def test_an_encoder_that_fails_twice_is_tried_again(night_film: Path, night_whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    code = failing('"f0000120" in self.path.name and (once("first") or once("second"))')
    done = Faults(tmp_path / "faults", code).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning: shots 3-4 (0:10 to 0:20) failed") == 2
    same(output, night_whole)


def test_an_encoder_that_always_fails_ends_in_one_line(night_film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    code = failing('".stereo3d" in str(self.path)')  # not while it is tried beforehand
    done = Faults(tmp_path / "faults", code).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 1
    assert "error: segment after segment fails: the encoder is broken\nhint: mend it" in done.stderr
    assert not output.exists()


def test_an_encoder_that_does_not_work_here_is_refused_before_the_night(night_film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", failing("True")).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 2
    assert "error: libx264 does not take 320x96 yuv420p: the encoder is broken\nhint: " in done.stderr
    assert not list(tmp_path.glob("out*"))


def failing_depth() -> str:
    """Depth that fails for the fourth shot."""
    return """
def fail(module):
    shot_depth = module._shot_depth

    def failing(segment, shot, recipe, model):
        if shot.start == 180 and model.info.name == "classic":
            raise RuntimeError("the network does not like this shot")
        return shot_depth(segment, shot, recipe, model)

    module._shot_depth = failing


AFTER["stereo3d.pipeline.steady_depth"] = fail
"""


def test_depth_that_always_fails_for_a_shot_leaves_it_flat_and_says_so(night_film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", failing_depth()).run(
        *words(night_film, output, "--codec", "ffv1", "--keep-work")
    )
    clean(done)
    assert done.returncode == 3, done.stderr
    assert (
        "lost or replaced: shot 4 (0:15 to 0:20): made flat after 3 failures (the network does not like" in done.stderr
    )
    flat = [bool((frame[0][:, :160] == frame[0][:, 160:]).all()) for frame in planes(output)]
    assert flat == [False] * 180 + [True] * 60 + [False] * 120
    assert audio_packets(output) == audio_packets(night_film)
    assert json.loads(Path(f"{output}.report.json").read_text())["report"]["exit_code"] == 3


def test_a_film_with_a_flat_shot_is_mended_when_the_fault_is_gone(
    night_film: Path, night_whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", failing_depth()).run(*words(night_film, output))
    assert done.returncode == 3, done.stderr
    again = run(*words(night_film, output), check=False)
    assert again.returncode == 3
    assert "finished by an earlier run" in again.stderr
    mended = run(*words(night_film, output, "--overwrite"))
    assert "taking 2 segments that can stay out of out.mkv" in mended.stderr
    assert "continuing: 2 of 3 segments are done" in mended.stderr
    same(output, night_whole)


@pytest.mark.long
def test_frames_that_can_never_be_decoded_become_black_and_the_sound_stays(night_film: Path, tmp_path: Path) -> None:
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
    done = Faults(tmp_path / "faults", code).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 3, done.stderr
    assert "shots 3-4 (0:10 to 0:20): made black after 5 failures" in done.stderr
    assert picture_times(output) == picture_times(night_film)
    assert audio_packets(output) == audio_packets(night_film)
    means = [float(frame[0].mean()) for frame in planes(output)]
    assert max(means[120:240]) < 17 < 20 < min(means[:120] + means[240:])


def short_of_memory(condition: str) -> str:
    """A device, to which frames come in fours, without the memory for the views of ``frames`` where this holds."""
    return f"""
def in_fours(module):
    module._ON_CPU = 4


def fail(module):
    import torch

    render_eyes = module.render_eyes

    def failing(frames, *arguments, **options):
        if {condition}:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return render_eyes(frames, *arguments, **options)

    module.render_eyes = failing


AFTER["stereo3d.pipeline.frames_in"] = in_fours
AFTER["stereo3d.pipeline.shot_views"] = fail
"""


def test_too_little_memory_for_a_batch_of_views_means_smaller_ones(
    night_film: Path, night_whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    code = short_of_memory("frames.index >= 130 and len(frames) > 1")
    done = Faults(tmp_path / "faults", code).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stderr
    told = [line for line in done.stderr.splitlines() if "memory does not hold" in line]
    assert [line.partition(": rendering ")[2] for line in told] == ["2 at a time", "1 at a time"]
    same(output, night_whole)


@pytest.mark.long
def test_the_device_has_no_memory_for_one_frame_once_or_for_good(
    night_film: Path, night_whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    code = short_of_memory('frames.index >= 130 and (len(frames) > 1 or once("first"))')
    done = Faults(tmp_path / "faults", code).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    assert "failed (1): CUDA out of memory" in done.stderr
    same(output, night_whole)
    other = tmp_path / "other.mkv"
    done = Faults(tmp_path / "faults2", short_of_memory("frames.index >= 130")).run(*words(night_film, other))
    clean(done)
    assert done.returncode == 1
    assert "segment after segment fails: CUDA out of memory" in done.stderr
    assert not other.exists()
    done = run_program(*words(night_film, other))
    assert "1 of 3 segments are done" in done.stderr
    same(other, night_whole)


def test_a_flipped_bit_in_a_finished_segment_is_found_and_that_segment_made_anew(
    night_film: Path, night_whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    run(*words(night_film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    segment = sorted(Path(f"{output}.stereo3d/segments").glob("*.mkv"))[1]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 4
    segment.write_bytes(content)
    done = run_program(*words(night_film, output))
    assert "continuing: 2 of 3 segments are done" in done.stderr
    same(output, night_whole)


@pytest.mark.parametrize(
    "name",
    [
        "survey.json",
        pytest.param("job.json", marks=pytest.mark.long),
        pytest.param("faults.json", marks=pytest.mark.long),
    ],
)
def test_a_truncated_manifest_loses_no_segment(night_film: Path, night_whole: Path, tmp_path: Path, name: str) -> None:
    output = tmp_path / "out.mkv"
    run(*words(night_film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    file = Path(f"{output}.stereo3d") / name
    content = file.read_bytes() if file.exists() else b'{"segments": {}'
    file.write_bytes(content[: len(content) // 2])
    done = run_program(*words(night_film, output))
    assert "continuing: 3 of 3 segments are done" in done.stderr
    same(output, night_whole)


@pytest.mark.long
def test_a_clock_that_goes_backwards(night_film: Path, night_whole: Path, tmp_path: Path) -> None:
    code = """
real = time.time
time.time = lambda: 2e9 - 50 * real() % 1e9
"""
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", code).run(*words(night_film, output))
    clean(done)
    assert done.returncode == 0, done.stderr
    same(output, night_whole)


@pytest.mark.long
def test_a_truncated_source_is_converted_as_far_as_it_goes(night_film: Path, tmp_path: Path) -> None:
    source = tmp_path / "cut.mkv"
    source.write_bytes(night_film.read_bytes()[: night_film.stat().st_size * 2 // 3])
    output = tmp_path / "out.mkv"
    done = run_program(*words(source, output), check=False)
    clean(done)
    assert done.returncode == 3, done.stderr
    assert "truncated" in done.stderr
    assert 150 < len(picture_times(output)) < 330
