"""What the page may touch: the folders given, and nothing that leads out of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stereo3d.errors import InputError, UsageError
from stereo3d.job.queue import films_of

__all__ = ["Folders", "Refused"]

_MOST_FILES = 5000
_LONGEST_NAME, _LONGEST_PART, _LONGEST_PATH = 200, 255, 1500


class Refused(Exception):
    """A request that is not answered. ``status``: HTTP's; ``what`` and ``hint``: a sentence each."""

    def __init__(self, status: int, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.status, self.what, self.hint = status, what, hint


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of the page, as real paths. What lies in them goes by a name: ``0/series/film.mkv`` is in the first one."""

    roots: tuple[Path, ...]

    @classmethod
    def of(cls, places: tuple[Path, ...]) -> Folders:
        """Raises UsageError for what is no folder."""
        for place in places:
            if not place.is_dir():
                raise UsageError(f"{place} is not a folder", hint="name the folders that the page may use")
        return cls(tuple(dict.fromkeys(place.resolve() for place in places)))

    def path(self, name: str) -> Path:
        """The file or folder that ``name`` means, which need not exist. Raises Refused where it is not inside: with ``..``, by a
        link, as an absolute path, or with what no name of a file holds."""
        number, _, rest = name.partition("/")
        parts = PurePosixPath(rest).parts
        outside = Refused(403, "this is not in the folders of the page", "start stereo3d ui with its folder, too")
        known = number.isascii() and number.isdecimal() and len(number) < 4 and int(number) < len(self.roots)
        long = len(rest) > _LONGEST_PATH or any(len(part.encode(errors="replace")) > _LONGEST_PART for part in parts)
        odd = any(part in ("..", ".", "/") for part in parts) or "\\" in rest or "\0" in rest
        if not known or not parts or long or odd or PurePosixPath(rest).is_absolute():
            raise outside
        root = self.roots[int(number)]
        try:
            path = root.joinpath(*parts).resolve()
        except (OSError, RuntimeError, ValueError):
            raise outside from None
        if not path.is_relative_to(root) or path == root:
            raise outside
        return path

    def film(self, name: str) -> Path:
        """A film that is there. Raises Refused or InputError."""
        path = self.path(name)
        if not path.exists():
            raise InputError(f"there is no {path.name}", hint="it was moved or removed: reload the page")
        return path

    def name(self, path: Path) -> str | None:
        """The name of something inside; None for what is outside."""
        for number, root in enumerate(self.roots):
            if path.is_relative_to(root) and path != root:
                return f"{number}/{path.relative_to(root).as_posix()}"
        return None

    def beside(self, film: Path, filename: str) -> Path:
        """The place of an output beside its film. Raises Refused for a name that is none."""
        if (
            filename != Path(filename).name
            or filename.startswith(".")
            or not filename.isprintable()
            or any(letter in filename for letter in '/\\:*?"<>|')
            or len(filename) > _LONGEST_NAME
        ):
            raise Refused(400, f"{filename!r} is not the name of a file", "such as film.3D.SBS.mkv")
        place = film.with_name(filename)
        if place.is_symlink() or self.name(place.resolve()) is None:
            raise Refused(403, "this is not in the folders of the page", "choose another name")
        return place

    def films(self) -> list[Path]:
        """The films inside, by name, without what we wrote; those that a link leads out to are left out."""
        found = [film.source for film in films_of(self.roots, recursive=True) if not film.error]
        inside = (film for film in found if film not in self.roots and self.name(film.resolve()) is not None)
        return [film for film, _ in zip(inside, range(_MOST_FILES), strict=False)]

    def outputs(self) -> Iterator[Path]:
        """What is finished, or worked on, or was begun, in the order of the folders."""
        for root in self.roots:
            for folder, names, files in os.walk(root):
                begun = {n.removesuffix(".stereo3d") for n in names if n.endswith(".stereo3d")}
                done = {n.removesuffix(".report.json") for n in files if n.endswith(".report.json")}
                names[:] = sorted(n for n in names if not n.startswith(".") and not n.endswith(".stereo3d"))
                yield from (Path(folder, name) for name in sorted(begun | (done & set(files))) if name)
