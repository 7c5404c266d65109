"""Files on another machine: found, or fetched once."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from stereo3d.errors import InputError, UsageError
from stereo3d.executors import shipping
from stereo3d.executors.far import FarFile, Piece, piece_of
from stereo3d.executors.shipping import Needed, drop, fetch, film_of, read_whole, with_files
from tests.executors.conftest import Work


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipping, "_CHUNK", 1000)
    path = tmp_path / "far" / "film.mkv"
    path.parent.mkdir()
    path.write_bytes(os.urandom(4321))
    return path


def reader(path: Path, calls: list[int]) -> object:
    def read(_path: Path, offset: int, count: int) -> Piece:
        calls.append(offset)
        return piece_of(path, offset, count)

    return read


def away(film: Path) -> Needed:
    """As a machine sees it that does not have the file."""
    return replace(Needed.of(film), path=film.with_name("elsewhere.mkv"))


def test_what_is_there_is_not_fetched(film: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    assert fetch(Needed.of(film), reader(film, calls), tmp_path) == film  # type: ignore[arg-type]
    assert calls == []


def test_all_workers_of_a_machine_share_one_copy(film: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch(away(film), reader(film, calls), tmp_path)))  # type: ignore[arg-type]
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert found[0].read_bytes() == film.read_bytes()
    assert calls == [0, 1000, 2000, 3000, 4000]
    drop((away(film).fingerprint,), tmp_path)
    assert not found[0].exists()


def test_another_file_under_the_same_path_is_not_believed(film: Path, tmp_path: Path) -> None:
    wanted, calls = Needed.of(film), list[int]()
    original = tmp_path / "original"
    original.write_bytes(film.read_bytes())
    film.write_bytes(b"another film")
    place = fetch(wanted, reader(original, calls), tmp_path)  # type: ignore[arg-type]
    assert place.read_bytes() == original.read_bytes()


def test_bytes_that_changed_on_the_way_are_refused(film: Path, tmp_path: Path) -> None:
    def damaged(_path: Path, _offset: int, count: int) -> Piece:
        return Piece(bytes(count), b"")

    with pytest.raises(InputError, match="did not arrive whole"):
        fetch(away(film), damaged, tmp_path)
    assert not list(tmp_path.glob("stereo3d-*.mkv*.part"))


def test_a_folder_must_be_shared(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "1.png").write_bytes(b"x")
    wanted = replace(Needed.of(folder), path=tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is not on this machine"):
        fetch(wanted, lambda *_: b"", tmp_path)


def test_what_dead_jobs_left_is_removed_after_a_day(film: Path, tmp_path: Path) -> None:
    left = tmp_path / "stereo3d-0123.mkv"
    left.write_bytes(b"old")
    os.utime(left, (time.time() - 90_000,) * 2)
    fetch(away(film), reader(film, []), tmp_path)  # type: ignore[arg-type]
    assert not left.exists()


def test_a_recipe_with_its_files_elsewhere(work: Work, film: Path, tmp_path: Path) -> None:
    depth = work.recipe.settings.depth.model_copy(update={"weights": str(film)})
    recipe = replace(work.recipe, settings=work.recipe.settings.model_copy(update={"depth": depth}))
    assert film_of(recipe).path == work.recipe.info.path
    assert {name: file.path for name, file in read_whole(depth).items()} == {"weights": film}
    with FarFile(film, 1, lambda offset, count: piece_of(film, offset, count), tmp_path / "kept") as afar:
        moved = with_files(recipe, {"weights": Path("/tmp/copy.mkv")}, afar)
    assert moved.settings.depth.weights == "/tmp/copy.mkv"
    assert moved.info.far is not None
    assert moved.info == recipe.info  # where it is read from is nothing that pictures depend on
    assert with_files(recipe, {}, Path("/mnt/film.mkv")).info.path == Path("/mnt/film.mkv")
