"""A film that lies on another machine: what is read of it comes over when it is read.

A segment's decoder reads the container's header and index and the bytes of its own stretch. So that is what a worker gets, whatever the
container is: no knowledge of formats, the same bytes at the same offsets, and so the same pictures.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stereo3d.errors import InputError
from stereo3d.media.closing import Closing

__all__ = ["FarFile", "Piece", "piece_of"]

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file, with their SHA-256."""

    data: bytes
    sha256: bytes


def piece_of(path: Path, offset: int, count: int) -> Piece:
    """Read on the machine that has the file; shorter only at its end. Raises OSError."""
    with open(path, "rb") as stream:
        stream.seek(offset)
        data = stream.read(count)
    return Piece(data, hashlib.sha256(data).digest())


class FarFile(Closing):
    """``path``, ``size``: of the file on its own machine. ``read``: (offset, count) -> bytes of it. ``place``: a file for what came over,
    with holes for what did not. Any number of threads."""

    def __init__(self, path: Path, size: int, read: Callable[[int, int], Piece], place: Path) -> None:
        self._path, self.size, self._read = path, size, read
        self._here: set[int] = set()
        self._lock = threading.Lock()
        self._kept = open(place, "w+b", buffering=0)  # noqa: SIM115 - until it is closed

    def close(self) -> None:
        """Nothing can be read any more."""
        self._kept.close()

    @property
    def fetched(self) -> int:
        """Bytes that came over."""
        return sum(min(_PIECE, self.size - number * _PIECE) for number in self._here)

    def open(self) -> io.RawIOBase:
        """A stream of its own place in the file."""
        return _Stream(self, str(self._path))

    def read(self, offset: int, count: int) -> bytes:
        """Like a file's. Raises InputError where the bytes that came are not those of the file."""
        count = max(0, min(count, self.size - offset))
        with self._lock:
            for number in range(offset // _PIECE, -(-(offset + count) // _PIECE)):
                if number not in self._here:
                    self._fetch(number)
            self._kept.seek(offset)
            return self._kept.read(count)

    def _fetch(self, number: int) -> None:
        offset = number * _PIECE
        piece = self._read(offset, _PIECE)
        whole = len(piece.data) == min(_PIECE, self.size - offset)
        if not whole or hashlib.sha256(piece.data).digest() != piece.sha256:
            raise InputError(f"{self._path} did not arrive as it was sent", hint="has it changed since the job began?")
        self._kept.seek(offset)
        self._kept.write(piece.data)
        self._here.add(number)


class _Stream(io.RawIOBase):
    """What FFmpeg reads. ``name``: it looks at the extension."""

    def __init__(self, file: FarFile, name: str) -> None:
        self._file, self.name = file, name
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._position, self._file.size if size < 0 else size)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = max(0, offset + (0, self._position, self._file.size)[whence])
        return self._position

    def tell(self) -> int:
        return self._position
