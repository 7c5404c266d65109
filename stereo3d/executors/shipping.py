"""A job's files on another machine: found there under the same path, else the film is read from afar (:mod:`stereo3d.executors.far`), and
what is read whole (weights, a depth film) is fetched, once for all workers of that machine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from stereo3d.errors import InputError, UsageError
from stereo3d.executors.far import FarFile, Piece
from stereo3d.files import flush, publish, source_fingerprint
from stereo3d.pipeline.recipe import Recipe
from stereo3d.settings import DepthSettings

__all__ = ["Needed", "depth_with_files", "drop", "fetch", "film_of", "is_here", "read_whole", "with_files"]

_CHUNK = 32 << 20
_OLD_SECONDS = 86_400
_PREFIX = "stereo3d-"


@dataclass(frozen=True, slots=True)
class Needed:
    """A file by its place on the machine of the job, and by content. A folder must be shared; it is never fetched."""

    path: Path
    size: int
    fingerprint: str

    @classmethod
    def of(cls, path: Path) -> Needed:
        """Raises InputError."""
        path = path.absolute()
        fingerprint = source_fingerprint(path)
        return cls(path, 0 if path.is_dir() else path.stat().st_size, fingerprint)


def film_of(recipe: Recipe) -> Needed:
    """The source."""
    return Needed.of(recipe.info.path)


def read_whole(depth: DepthSettings) -> dict[str, Needed]:
    """The other files that workers need, by the setting that names them: the depth film, the weights. To be asked where the job is."""
    named = {"depth_from": depth.depth_from, "weights": depth.weights}
    return {name: Needed.of(Path(value).expanduser()) for name, value in named.items() if value is not None}


def is_here(file: Needed) -> bool:
    """Whether this machine has the file, under its path. Raises UsageError for a folder that is not here."""
    with suppress(InputError):
        if file.path.exists() and source_fingerprint(file.path) == file.fingerprint:
            return True
    if file.size == 0:
        raise UsageError(
            f"{file.path} is not on this machine",
            hint="put a folder of pictures where all machines see it, under one path",
        )
    return False


def fetch(file: Needed, read: Callable[[Path, int, int], Piece], folder: Path | None = None) -> Path:
    """Where the file is on this machine. ``read``: (path, offset, count) -> bytes of it on the machine of the job. ``folder``: for
    what is fetched; by default that for temporary files.

    Raises UsageError for a folder that is not here, InputError where the bytes that came are not those of the file.
    """
    if is_here(file):
        return file.path
    place = (folder or Path(tempfile.gettempdir())) / f"{_PREFIX}{file.fingerprint}{file.path.suffix}"
    with FileLock(f"{place}.lock"):
        if not _holds(place, file):
            _sweep(place.parent)
            _copy(file, read, place)
        os.utime(place)
    return place


def _holds(place: Path, file: Needed) -> bool:
    return place.is_file() and place.stat().st_size == file.size and source_fingerprint(place) == file.fingerprint


def _copy(file: Needed, read: Callable[[Path, int, int], Piece], place: Path) -> None:
    unfinished = place.with_name(place.name + ".part")
    try:
        with open(unfinished, "wb") as stream:
            while (done := stream.tell()) < file.size:
                chunk = read(file.path, done, min(_CHUNK, file.size - done))
                if not chunk.data:
                    break
                stream.write(chunk.data)
        flush(unfinished)
        if not _holds(unfinished, file):
            raise InputError(f"{file.path} did not arrive whole", hint="has it changed since the job began?")
        publish(unfinished, place)
    finally:
        unfinished.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what jobs that never ended left more than a day ago."""
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _OLD_SECONDS:
                path.unlink()


def drop(fingerprints: tuple[str, ...], folder: Path | None = None) -> None:
    """Remove what was fetched of these files on this machine."""
    for fingerprint in fingerprints:
        for path in (folder or Path(tempfile.gettempdir())).glob(f"{_PREFIX}{fingerprint}*"):
            with suppress(OSError):
                path.unlink()


def depth_with_files(depth: DepthSettings, places: Mapping[str, Path]) -> DepthSettings:
    """The settings for a machine on which the files of :func:`read_whole` are at ``places``."""
    return depth.model_copy(update={name: str(path) for name, path in places.items()})


def with_files(recipe: Recipe, places: Mapping[str, Path], film: Path | FarFile) -> Recipe:
    """The recipe for such a machine. ``film``: the source, there or from afar."""
    depth_from = recipe.depth_from
    if depth_from is not None:
        depth_from = replace(depth_from, info=replace(depth_from.info, path=places["depth_from"]))
    info = recipe.info
    if isinstance(film, Path):
        info = replace(info, path=film, pictures=tuple(film / picture.name for picture in info.pictures))
    else:
        info = replace(info, far=film.open)
    settings = recipe.settings.model_copy(update={"depth": depth_with_files(recipe.settings.depth, places)})
    return replace(recipe, info=info, settings=settings, depth_from=depth_from)
