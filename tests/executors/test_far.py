"""A film on another machine: the same pictures, for little more than their own bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stereo3d.errors import InputError
from stereo3d.executors import far
from stereo3d.executors.far import FarFile, Piece, piece_of
from stereo3d.frames import Timeline
from stereo3d.job.survey import survey_source
from stereo3d.media.decode import Decoder
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.settings import TimeSettings
from tests.films import make_film

RUNS = ((300, 340), (40, 60), (500, 520))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far, "_PIECE", 4096)


def far_file(path: Path, place: Path) -> FarFile:
    return FarFile(path, path.stat().st_size, lambda offset, count: piece_of(path, offset, count), place)


def pictures(info: MediaInfo, timeline: Timeline, seekable: bool) -> Iterator[torch.Tensor]:
    with Decoder(info, timeline, seekable=seekable, threads=1) as decoder:
        for start, end in RUNS:
            for batch in decoder.batches(start, end, batch=8):
                yield from batch.planes


@pytest.mark.parametrize("container", ["mkv", "mp4", "ts", "avi"])
def test_pictures_are_those_of_the_file_for_a_part_of_its_bytes(tmp_path: Path, container: str) -> None:
    film = make_film(tmp_path / f"film.{container}", (200, 200, 200), size=(320, 192), keyframes=24)
    info = probe(film)
    survey = survey_source(info, TimeSettings(), lambda _done: None)
    near = pictures(info, survey.timeline, survey.seekable)
    with far_file(film, tmp_path / "kept") as afar:
        there = replace(info, path=tmp_path / "not-here" / film.name, far=afar.open)
        for mine, theirs in zip(near, pictures(there, survey.timeline, survey.seekable), strict=True):
            assert torch.equal(mine, theirs)
        assert afar.fetched < 0.8 * afar.size  # a transport stream is read from 3 s before each run


def test_any_bytes_in_any_order_by_many(tmp_path: Path) -> None:
    content = os.urandom(50_000)
    film = tmp_path / "film.mkv"
    film.write_bytes(content)
    afar, wrong = far_file(film, tmp_path / "kept"), list[int]()

    def look(seed: int) -> None:
        with afar.open() as stream:
            for step in range(200):
                offset = (seed * 7919 + step * 4513) % 51_000
                stream.seek(offset)
                if stream.read(5000) != content[offset : offset + 5000] or stream.tell() != min(
                    offset + 5000, max(offset, 50_000)
                ):
                    wrong.append(offset)

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert afar.fetched == len(content)
    assert afar.open().seek(-1, os.SEEK_END) == len(content) - 1
    afar.close()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" + data[1:]], ids=["short", "changed"])
def test_bytes_that_changed_on_the_way_are_refused(tmp_path: Path, damage: object) -> None:
    """By the decoder, too: FFmpeg takes what cannot be read for the end of the file."""
    film = make_film(tmp_path / "film.mkv", (60,))
    info = probe(film)
    survey = survey_source(info, TimeSettings(), lambda _done: None)
    size = film.stat().st_size

    def read(offset: int, count: int) -> Piece:
        piece = piece_of(film, offset, count)
        return replace(piece, data=damage(piece.data)) if offset > size // 2 else piece  # type: ignore[operator]

    with (
        FarFile(film, size, read, tmp_path / "kept") as afar,
        pytest.raises(InputError, match="did not arrive as it was sent"),
        Decoder(replace(info, far=afar.open), survey.timeline) as decoder,
    ):
        list(decoder.batches(0, 60, batch=8))
