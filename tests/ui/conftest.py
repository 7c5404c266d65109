from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.films import make_film
from tests.ui.served import Served, served


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to serve (``films``) with a film, beside things that are nobody's business."""
    room = tmp_path_factory.mktemp("room")
    (room / "films").mkdir()
    (room / "secret").mkdir()
    make_film(room / "films" / "film.mkv", (60, 60), size=(320, 192))
    make_film(room / "secret" / "other.mkv", (10,))
    try:
        (room / "films" / "link.mkv").symlink_to(room / "secret" / "other.mkv")
        (room / "films" / "out").symlink_to(room / "secret")
    except OSError:
        pass  # not for everybody on Windows
    return room


@pytest.fixture(scope="session")
def page(room: Path) -> Iterator[Served]:
    with served(room / "films", room / "cache") as page:
        yield page
