"""What a segment's Matroska file holds, without what its pictures hold: for most of a film's bytes are in there.

IDs and the layout of elements and blocks: RFC 8794 (EBML), RFC 9559 (Matroska), sections 5 and 10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stereo3d.errors import VerificationError

__all__ = ["Blocks", "ranks", "read_blocks"]

_SEGMENT, _CLUSTER, _GROUP, _TRACKS, _TRACK = 0x18538067, 0x1F43B675, 0xA0, 0x1654AE6B, 0xAE
_ENTERED = {_SEGMENT, _CLUSTER, _GROUP, _TRACKS, _TRACK}
_HEADER, _TIME, _BLOCK, _SIMPLE_BLOCK = 0x63A2, 0xE7, 0xA1, 0xA3
_LONGEST_HEAD = 12  # bytes of an element's ID and size
_LACED = 0x06  # a flag of blocks


@dataclass(frozen=True, slots=True)
class Blocks:
    """``header``: the codec's, as the track has it. ``times``: of every packet, in file order, in the file's units."""

    header: bytes
    times: tuple[int, ...]


def ranks(times: Sequence[int]) -> list[int]:
    """For each packet of a run its place in display order."""
    places = {time: rank for rank, time in enumerate(sorted(times))}
    return [places[time] for time in times]


def read_blocks(path: Path) -> Blocks:
    """Look at a file with one track, a packet a block. Raises VerificationError where it is cut off or anything else."""
    header, times, base = b"", [], 0
    try:
        with path.open("rb", buffering=0) as file:
            for kind, size in _elements(file):
                if kind == _HEADER:
                    header = file.read(size)
                elif kind == _TIME:
                    base = int.from_bytes(file.read(size))
                elif kind in (_BLOCK, _SIMPLE_BLOCK):
                    head = file.read(4)  # track 1 is one byte, then 16 bits of time and the flags
                    if head[0] != 0x81 or head[3] & _LACED:
                        raise ValueError("not one track with a packet a block")
                    times.append(base + int.from_bytes(head[1:3], signed=True))
    except (OSError, ValueError, IndexError) as error:
        raise VerificationError(f"{path.name} cannot be read: {error}", hint="run again: it is built anew") from error
    if not times or len(set(times)) != len(times):
        raise VerificationError(
            f"{path.name} has {'frames without a time of their own' if times else 'no frames'}",
            hint="run again: it is built anew",
        )
    return Blocks(header, tuple(times))


def _elements(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """(ID, size) of every element that holds no others, the file standing at what it holds."""
    end = file.seek(0, 2)
    at = 0
    while at < end:
        file.seek(at)
        head = file.read(_LONGEST_HEAD)
        of_id = _length(head[0])
        of_size = _length(head[of_id])
        kind = int.from_bytes(head[:of_id])
        size = int.from_bytes(head[of_id : of_id + of_size]) & ((1 << 7 * of_size) - 1)
        at += of_id + of_size
        if kind in _ENTERED:
            continue
        if at + size > end:
            raise ValueError(f"it ends {at + size - end} bytes too early")
        file.seek(at)
        yield kind, size
        at += size


def _length(first: int) -> int:
    """Bytes of a number that begins with ``first``: one more than its leading zeros. Raises ValueError."""
    if not first:
        raise ValueError("no element where one should be")
    return 9 - first.bit_length()
