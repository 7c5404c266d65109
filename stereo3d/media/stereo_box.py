"""MP4's stereo box (st3d, from the Spherical Video V2 description), written into a finished file.

FFmpeg writes it only together with a second box that readers take for "unspecified". Here the movie header lies at the end of
the file (no faststart), so growing it moves no sample.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from stereo3d.errors import OutputError

__all__ = ["write_stereo_box"]

# st3d knows no right-first modes: players would take a swapped picture for a proper one, so it is left unmarked.
_MODES = {"top_bottom": 1, "left_right": 2}
_STSD_HEADER = 8


def write_stereo_box(path: Path, mode: str) -> bool:
    """Mark the first video track of ``path``; False where the mode has no number. Raises OutputError for a foreign layout."""
    if mode not in _MODES:
        return False
    with path.open("rb+") as file:
        top = list(_top_boxes(file.fileno(), file.seek(0, os.SEEK_END)))
        start, size = next(((s, n) for s, n, kind in top if kind == b"moov"), (0, 0))
        if not size or start + size != top[-1][0] + top[-1][1]:
            raise OutputError(f"{path}: its header is not at its end, so the stereo box cannot be written")
        file.seek(start)
        moov = file.read(size)
        file.seek(start)
        file.write(_with_box(moov, struct.pack(">I4sIB", 13, b"st3d", 0, _MODES[mode])))
        file.flush()
        os.fsync(file.fileno())
    return True


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


def _with_box(moov: bytes, box: bytes) -> bytes:
    """``moov`` with ``box`` added to the first visual sample entry; every box around it grows."""
    data = bytearray(moov)
    around, entry = _visual_entry(data)
    end = entry + struct.unpack_from(">I", data, entry)[0]
    for at in (*around, entry):
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(box))
    data[end:end] = box
    return bytes(data)


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
