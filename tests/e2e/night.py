"""What the tests of the night share: a film of three segments, the command, and what came out."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

from tests.films import audio_packets, picture_hashes, picture_times

__all__ = ["RATE", "SHOTS", "clean", "same", "words"]

RATE = Fraction(12)
SHOTS = (60,) * 6
"""Frames. Two shots make a segment of ten seconds."""


def words(film: Path, output: Path, *options: str) -> tuple[str | Path, ...]:
    return ("convert", film, "-o", output, "--model", "classic", "--progress", "plain", *options)


def clean(done: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in done.stderr, done.stderr


def same(output: Path, whole: Path) -> None:
    assert picture_hashes(output) == picture_hashes(whole)
    assert picture_times(output) == picture_times(whole)
    assert audio_packets(output) == audio_packets(whole)
