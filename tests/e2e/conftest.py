"""One film for all tests of the night."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.night import RATE, SHOTS
from tests.films import make_film, run


@pytest.fixture(scope="session")
def night_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", SHOTS, rate=RATE)


@pytest.fixture(scope="session")
def night_whole(night_film: Path) -> Path:
    """The film, converted without any fault."""
    output = night_film.with_name("whole.mkv")
    run("convert", night_film, "-o", output, "--model", "classic", "--progress", "none")
    return output
