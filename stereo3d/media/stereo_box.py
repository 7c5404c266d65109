"""MP4's boxes for stereo (st3d) and half spheres (sv3d), from the Spherical Video V2 description, written into a finished file.

github.com/google/spatial-media/blob/master/docs/spherical-video-v2-rfc.md. FFmpeg writes st3d only together with a second box that
readers take for "unspecified".

Players begin sooner where the movie header lies before the samples, but then it must not grow: every sample would move. So room
is asked for when the file is made, as dots behind the name of the first video track's handler (:func:`handler_name`), and the
boxes take that room. A header at the end of a file just grows.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from stereo3d import __version__
from stereo3d.errors import OutputError
from stereo3d.media.join import Sink

__all__ = ["BOX_MODES", "MarkedMovie", "handler_name", "header_first", "read_stereo_box", "write_stereo_boxes"]

BOX_MODES = {"top_bottom": 1, "left_right": 2, "right_left": 4}
"""st3d's numbers. There is none for the right eye above the left, for turns and for colours."""

QUARTER = 1 << 30
"""A quarter of the whole turn, as a 0.32 fixed-point number: what a half sphere lacks at either side."""

_STSD_HEADER = 8
_VISUAL_HEADER = 78
_HANDLER = b"VideoHandler"
_HANDLER_HEADER = 32


def write_stereo_boxes(path: Path, mode: str = "", *, sphere: bool = False) -> None:
    """Mark the first video track of ``path``, an MP4: the stereo mode where it has a number, and each eye as half a sphere.

    Raises OutputError for a foreign file, and for a header before the samples without room for the boxes.
    """
    boxes = _boxes(mode, sphere)
    if not boxes:
        return
    with path.open("rb+") as file:
        start, moov, last = _movie_header(file, path)
        data = bytearray(moov)
        if not _take_room(data, len(boxes)) and not last:
            raise OutputError(f"{path}: its header has no room for the stereo box")
        _add_boxes(data, boxes)
        file.seek(start)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


class MarkedMovie:
    """Passes an MP4 on to ``out`` as it is written, its header first and its samples in fragments, each eye marked as half a sphere."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._head = bytearray()
        self._marked = False

    def write(self, data: bytes) -> int:
        """More of the file. Returns how much was taken: all of it."""
        if self._marked:
            self._out.write(data)
            return len(data)
        self._head += data
        moov = self._head.find(b"moov") - 4  # only the box of the file's kind is before it
        if moov >= 0 and len(self._head) >= (end := moov + struct.unpack_from(">I", self._head, moov)[0]):
            header = self._head[moov:end]
            _add_boxes(header, _boxes("", True))
            self._out.write(bytes(self._head[:moov] + header + self._head[end:]))
            self._head.clear()
            self._marked = True
        return len(data)


def handler_name(mode: str = "", *, sphere: bool = False) -> str:
    """The name for the first video track's handler that leaves room for just these boxes."""
    return _HANDLER.decode() + "." * len(_boxes(mode, sphere))


def header_first(path: Path) -> bool:
    """Whether an MP4's movie header lies before its samples."""
    with path.open("rb") as file:
        kinds = [kind for _, _, kind in _top_boxes(file.fileno(), file.seek(0, os.SEEK_END))]
    return b"moov" in kinds and b"mdat" not in kinds[: kinds.index(b"moov")]


def _boxes(mode: str, sphere: bool) -> bytes:
    boxes = _full(b"st3d", bytes([BOX_MODES[mode]])) if mode in BOX_MODES else b""
    if sphere:
        tool = f"stereo3d {__version__}".encode() + b"\0"
        bounds = struct.pack(">4I", 0, 0, QUARTER, QUARTER)  # cut off: top, bottom, left, right
        pose = bytes(12)
        boxes += _box(b"sv3d", _full(b"svhd", tool), _box(b"proj", _full(b"prhd", pose), _full(b"equi", bounds)))
    return boxes


def read_stereo_box(path: Path) -> str:
    """The stereo mode that an MP4's first video track is marked with; "" for none. Raises OutputError for a foreign file."""
    with path.open("rb") as file:
        _, moov, _ = _movie_header(file, path)
    data = bytearray(moov)
    _, entry = _visual_entry(data)
    for at in _children(data, entry, 8 + _VISUAL_HEADER, b"st3d"):
        return next((mode for mode, number in BOX_MODES.items() if number == data[at + 12]), "")
    return ""


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, *parts: bytes) -> bytes:
    """A box with version and flags, all 0."""
    return _box(kind, bytes(4), *parts)


def _movie_header(file: BinaryIO, path: Path) -> tuple[int, bytes, bool]:
    """(offset, bytes, whether nothing follows) of the moov box."""
    top = list(_top_boxes(file.fileno(), file.seek(0, os.SEEK_END)))
    start, size = next(((s, n) for s, n, kind in top if kind == b"moov"), (0, 0))
    if not size:
        raise OutputError(f"{path} has no MP4 header")
    file.seek(start)
    return start, file.read(size), start + size == top[-1][0] + top[-1][1]


def _top_boxes(handle: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """(offset, size, kind) of the outermost boxes."""
    at = 0
    while at + 8 <= end:
        size, kind = struct.unpack(">I4s", os.pread(handle, 8, at))
        if size == 1:
            (size,) = struct.unpack(">Q", os.pread(handle, 8, at + 8))
        elif size == 0:
            size = end - at
        if size < 8:
            return
        yield at, size, kind
        at += size


def _add_boxes(data: bytearray, boxes: bytes) -> None:
    """Add ``boxes`` to the first visual sample entry of a movie header; every box around it grows."""
    around, entry = _visual_entry(data)
    end = entry + struct.unpack_from(">I", data, entry)[0]
    _grow(data, (*around, entry), len(boxes))
    data[end:end] = boxes


def _take_room(data: bytearray, count: int) -> bool:
    """Take ``count`` bytes away from the handler of the first video track, if they are there for that."""
    around, _ = _visual_entry(data)
    handler = next(_children(data, around[2], 8, b"hdlr"))
    end = handler + struct.unpack_from(">I", data, handler)[0]
    if bytes(data[handler + _HANDLER_HEADER : end]) != _HANDLER + b"." * count + b"\0":
        return False
    _grow(data, (*around[:3], handler), -count)
    del data[end - 1 - count : end - 1]
    return True


def _grow(data: bytearray, boxes: Sequence[int], count: int) -> None:
    for at in boxes:
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + count)


def _visual_entry(data: bytearray) -> tuple[list[int], int]:
    """Offsets of the boxes around the first video track's sample entry, and of the entry."""
    for trak in _children(data, 0, 8, b"trak"):
        around = [0, trak]
        for kind in (b"mdia", b"minf", b"stbl", b"stsd"):
            child = next(iter(_children(data, around[-1], 8, kind)), None)
            if child is None:
                break
            around.append(child)
            if kind == b"minf" and not list(_children(data, child, 8, b"vmhd")):
                break
        else:
            return around, around[-1] + 8 + _STSD_HEADER
    raise OutputError("the MP4 header has no video track")


def _children(data: bytearray, parent: int, header: int, kind: bytes) -> Iterator[int]:
    at, end = parent + header, parent + struct.unpack_from(">I", data, parent)[0]
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        if name == kind:
            yield at
        if size < 8:
            return
        at += size
