"""A hardware encoder that fails on the way, with the real program: software takes over, for as much as must be.

The card is a stand-in: where NVIDIA's encoder is asked for, the software one works with other settings, so that its headers
differ. What is under test is all ours: who is asked when, headers in every keyframe, the join of both kinds.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from stereo3d.media.tools import ffmpeg_exe
from tests.e2e.night import clean, words
from tests.faults import Faults
from tests.films import audio_packets, picture_times, planes, run

CARD = """
def card(module):
    from dataclasses import replace

    add, write = module.SegmentWriter._add_stream, module.SegmentWriter.write

    def adding(self, container, width, height, rate):
        spec = self._spec
        if spec.is_hardware:
            name = {"h264": "libx264", "hevc": "libx265"}[spec.codec]
            parameters = (("x265-params", "log-level=none:ctu=16"),) if name == "libx265" else (("profile", "baseline"),)
            self._spec = replace(spec, encoder=name, options=(("preset", "ultrafast"), *parameters))
        try:
            return add(self, container, width, height, rate)
        finally:
            self._spec = spec

    def writing(self, batch):
        if self._spec.is_hardware and ".stereo3d" in str(self.path) and (FAILS):
            raise module.EncodeError("the card fell off the bus")
        return write(self, batch)

    module.SegmentWriter._add_stream, module.SegmentWriter.write = adding, writing


def here(module):
    module._hardware_here = lambda: True


AFTER["stereo3d.media.segment"] = card
AFTER["stereo3d.media.trial"] = here
"""


def card(fails: str) -> str:
    """A card that fails for the segments (``self.path``) that this says."""
    return CARD.replace("FAILS", fails)


def distance(a: Path, b: Path) -> float:
    """The largest mean difference of two films' pictures, in code values."""
    pairs = zip(planes(a), planes(b), strict=True)
    return max(float(np.abs(x[0].astype(int) - y[0]).mean()) for x, y in pairs)


def is_own(segment: Path) -> bool:
    """Whether x264 wrote a segment with our usual settings: baseline has no CABAC."""
    with av.open(str(segment)) as container:
        return container.streams.video[0].codec_context.profile == "High"


@pytest.mark.parametrize(("codec", "suffix"), [("h264", "mkv"), pytest.param("hevc", "mp4", marks=pytest.mark.long)])
def test_a_segment_that_the_card_cannot_encode_is_encoded_by_software(
    night_film: Path, night_whole: Path, tmp_path: Path, codec: str, suffix: str
) -> None:
    output = tmp_path / f"out.{suffix}"
    faults = Faults(tmp_path / "faults", card('"f0000120" in self.path.name'))
    done = faults.run(*words(night_film, output, "--codec", codec, "--verify", "full"))
    clean(done)
    assert done.returncode == 3, done.stderr
    assert "shots 3-4 (0:10 to 0:20) failed (3): the card fell off the bus" in done.stderr
    line = "shots 3-4 (0:10 to 0:20): encoded by software after 3 failures (the card fell off the bus)"
    assert f"lost or replaced: {line}" in done.stderr
    report = json.loads(Path(f"{output}.report.json").read_text())["report"]
    assert [(s["means"], s["start"], s["end"]) for s in report["simpler"]] == [("software", 120, 240)]
    assert line in Path(f"{output}.report.html").read_text()
    listed = faults.run("shots", output, "--json")
    assert [shot["made"] for shot in json.loads(listed.stdout)["shots"]] == [
        "",
        "",
        *["encoded by software"] * 2,
        "",
        "",
    ]
    assert audio_packets(output) == audio_packets(night_film)
    assert picture_times(output) == picture_times(night_whole)
    assert distance(output, night_whole) < 4  # 3D, sound pictures in every segment, whoever encoded it
    other = subprocess.run([ffmpeg_exe(), "-v", "warning", "-i", str(output), "-f", "null", "-"], capture_output=True)
    assert (other.returncode, other.stderr) == (0, b"")
    with av.open(str(output)) as container:  # a viewer jumps about
        video = container.streams.video[0]
        for second in (25, 15, 3, 12, 22):
            container.seek(int(second / video.time_base), stream=video)
            frame = next(f for f in container.decode(video) if f.time >= second - 0.01)
            shown = frame.to_ndarray()[: video.height].astype(int)
            assert np.abs(shown - planes_at(night_whole, second)).mean() < 4


def planes_at(film: Path, second: int) -> np.ndarray:
    return planes(film, second * 12 + 1)[-1][0].astype(int)


def test_a_card_that_breaks_for_good_leaves_the_rest_to_software(
    night_film: Path, night_whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    faults = Faults(tmp_path / "faults", card('"f0000000" not in self.path.name'))
    done = faults.run(*words(night_film, output, "--keep-work"))
    clean(done)
    assert done.returncode == 3, done.stderr
    assert "segment after segment fails: all that is left is encoded by software" in done.stderr
    assert "shots 3-6 (0:10 to 0:30): encoded by software after 3 failures (the card fell off the bus)" in done.stderr
    segments = sorted(Path(f"{output}.stereo3d/segments").glob("*.mkv"))
    assert [is_own(segment) for segment in segments] == [False, True, True]
    assert distance(output, night_whole) < 4
    output.unlink()
    Path(f"{output}.report.json").unlink()
    again = faults.run(*words(night_film, output, "--keep-work"))  # what is made stays made
    assert again.returncode == 3, again.stderr
    assert "continuing: 3 of 3 segments are done" in again.stderr


@pytest.mark.long
def test_a_film_of_one_segment_goes_to_software_and_where_that_fails_too_ends(night_film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    done = Faults(tmp_path / "faults", card("True")).run(*words(night_film, output, "--end", "5"))
    clean(done)
    assert done.returncode == 3, done.stderr
    assert "shot 1 (0:00 to 0:05): encoded by software" in done.stderr
    broken = card("True").replace("self._spec.is_hardware and ", "")
    other = tmp_path / "other.mkv"
    done = Faults(tmp_path / "faults2", broken).run(*words(night_film, other, "--end", "5"))
    clean(done)
    assert done.returncode == 1
    assert "error: segment after segment fails: the card fell off the bus" in done.stderr
    assert not other.exists()


@pytest.mark.long
def test_a_job_that_software_began_stays_with_software(night_film: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mkv"
    run(*words(night_film, output, "--keep-work"))
    output.unlink()
    Path(f"{output}.report.json").unlink()
    sorted(Path(f"{output}.stereo3d/segments").glob("*.mkv"))[2].unlink()
    done = Faults(tmp_path / "faults", card("False")).run(*words(night_film, output, "--keep-work"))
    assert done.returncode == 0, done.stderr
    assert "continuing: 2 of 3 segments are done" in done.stderr
    assert all(map(is_own, Path(f"{output}.stereo3d/segments").glob("*.mkv")))
