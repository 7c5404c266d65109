"""What a job knows before it begins."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from stereo3d.job.prepare import _frames_to_come
from stereo3d.media.probe import probe
from stereo3d.settings import TimeSettings
from tests.films import make_film


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_about_how_many_frames_come_is_known_though_the_header_does_not_say(tmp_path: Path, suffix: str) -> None:
    info = probe(make_film(tmp_path / f"film.{suffix}", (60, 36), rate=Fraction(24), sound=False))
    assert info.video.frames_hint == (96 if suffix == "mp4" else 0)
    assert _frames_to_come(info, TimeSettings()) == pytest.approx(96, abs=2)
    assert _frames_to_come(info, TimeSettings(start=Fraction(1), end=Fraction(3))) == pytest.approx(48, abs=2)
    assert _frames_to_come(info, TimeSettings(start=Fraction(3), end=Fraction(300))) == pytest.approx(24, abs=2)
