"""A codec's headers inside a keyframe, as Matroska and MP4 hold it: what lets pictures of two encoders stand in one track. Pure.

NAL unit types: ITU-T H.264, table 7-1; ITU-T H.265, table 7-1. OBU types: AV1 bitstream specification, 6.2.2.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["carries_headers"]


def carries_headers(packet: bytes, codec: str) -> bool:
    """Whether a keyframe of ``codec`` (h264, hevc or av1; FFmpeg's names) can be decoded without the track's header."""
    if codec == "av1":
        return _has_sequence_header(packet)
    if codec not in ("h264", "hevc"):
        return False
    sps, slices = (33, range(32)) if codec == "hevc" else (7, range(1, 6))
    for unit in _units(packet):
        kind = unit >> 1 & 63 if codec == "hevc" else unit & 31
        if kind == sps or kind in slices:
            return kind == sps
    return False


def _units(packet: bytes) -> Iterator[int]:
    """The first byte of every NAL unit; each has its length before it, in four bytes."""
    place = 0
    while place + 4 < len(packet):
        yield packet[place + 4]
        place += 4 + int.from_bytes(packet[place : place + 4])


def _has_sequence_header(packet: bytes) -> bool:
    """Whether a sequence header comes before any frame."""
    place = 0
    while place < len(packet):
        kind, extended, sized = packet[place] >> 3 & 15, packet[place] >> 2 & 1, packet[place] >> 1 & 1
        if kind == 1:
            return True
        if kind not in (2, 5) or not sized:  # beside a temporal delimiter or metadata
            return False
        place += 1 + extended
        size = shift = 0
        while place < len(packet):
            byte = packet[place]
            size |= (byte & 127) << shift
            shift += 7
            place += 1
            if byte < 128:
                break
        place += size
    return False
