"""Real clips through the whole program: nothing lost, nothing moved."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from tests.depth.stand_in import write_checkpoint
from tests.films import SHARED, audio_packets, first_audio_time, picture_size, picture_times, run_program

CLIPS = sorted((SHARED / "data" / "video").glob("*.mp4"))
MS = Fraction(1, 1000)
needs_clips = pytest.mark.skipif(not CLIPS, reason="no shared/data/video beside the repository")


@pytest.mark.long
@needs_clips
@pytest.mark.parametrize("clip", CLIPS, ids=lambda p: p.stem)
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_whole_clip(clip: Path, suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    done = run_program("convert", clip, "-o", output, "--model", "classic", "--progress", "json")
    report = json.loads(done.stdout)
    before, after = picture_times(clip), picture_times(output)
    assert report["frames"] == len(before) == len(after)
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= (MS / 2 if suffix == ".mkv" else 0)
    assert audio_packets(output) == audio_packets(clip)
    for a, b in zip(first_audio_time(clip), first_audio_time(output), strict=True):
        assert abs(a - b) <= MS
    width, height = picture_size(clip)
    assert picture_size(output) == (2 * (width + width % 2), height + height % 2)


@needs_clips
def test_the_network_converts_a_real_clip_with_seeded_weights(tmp_path: Path) -> None:
    weights = write_checkpoint("vits", tmp_path / "seeded.pth")
    output = tmp_path / "out.mkv"
    clip = SHARED / "data" / "video" / "bikes.mp4"
    done = run_program("convert", clip, "-o", output, "--weights", weights, "--end", "0.4", "--progress", "json")
    assert json.loads(done.stdout)["exit_code"] == 0
    assert picture_times(output) == picture_times(clip)[:10]
    assert "classic" not in done.stderr
