"""Frame packing said inside the pictures: an SEI message before the first slice of a keyframe, where televisions look.

H.264: ITU-T H.264, D.1.26 and D.2.26; HEVC: ITU-T H.265, D.2.16 and D.3.16. No encoder here writes it for HEVC, and x264 knows
only left eyes that come first, so it is put into the packets, the same way for all. Pure.
"""

from __future__ import annotations

import re

__all__ = ["PACKINGS", "said_packing", "with_frame_packing"]

PACKINGS = {"left_right": (3, 1), "right_left": (3, 2), "top_bottom": (4, 1), "bottom_top": (4, 2)}
"""frame_packing_arrangement_type and content_interpretation_type (1: the left eye is first, 2: the right one)."""

_PAYLOAD = 45
_START = re.compile(b"\0\0\x01")


class _Bits:
    def __init__(self) -> None:
        self._bits = ""

    def put(self, value: int, count: int) -> None:
        self._bits += f"{value:0{count}b}"

    def put_ue(self, value: int) -> None:
        """Exponential Golomb code."""
        text = f"{value + 1:b}"
        self._bits += "0" * (len(text) - 1) + text

    def done(self) -> bytes:
        """The bits, filled up as an SEI payload ends: a 1, then zeros, unless they end at a byte."""
        text = self._bits + "1" * bool(len(self._bits) % 8)
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8)


def _message(codec: str, mode: str) -> bytes:
    """The whole NAL unit."""
    arrangement, first = PACKINGS[mode]
    bits = _Bits()
    bits.put_ue(0)  # arrangement id
    bits.put(0, 1)  # not cancelled
    bits.put(arrangement, 7)
    bits.put(0, 1)  # no quincunx sampling
    bits.put(first, 6)
    bits.put(0, 6)  # not flipped, not fields, whole pictures; the eyes refer to one another
    bits.put(0, 16)  # grid positions of both eyes
    bits.put(0, 8)  # reserved
    if codec == "hevc":
        bits.put(1, 1)  # holds until the next one
        bits.put(0, 1)  # the aspect ratio is not that of an eye enlarged
    else:
        bits.put_ue(1)  # holds until the next one
        bits.put(0, 1)  # no extension
    payload = bits.done()
    header = bytes([39 << 1, 1]) if codec == "hevc" else bytes([6])
    return header + _escaped(bytes([_PAYLOAD, len(payload)]) + payload + b"\x80")


def _escaped(body: bytes) -> bytes:
    """With the bytes that keep a start code from appearing inside."""
    return re.sub(b"\0\0(?=[\x00-\x03])", b"\0\0\x03", body)


def with_frame_packing(packet: bytes, codec: str, mode: str) -> bytes:
    """An Annex B access unit of ``codec`` (h264 or hevc) with the message for ``mode`` (a key of :data:`PACKINGS`) before its
    first slice. Raises ValueError where there is no slice."""
    for match in _START.finditer(packet):
        header = packet[match.end()] if match.end() < len(packet) else 0
        slice_ = header >> 1 & 63 < 32 if codec == "hevc" else 1 <= header & 31 <= 5
        if slice_:
            return packet[: match.start()] + b"\0\0\x01" + _message(codec, mode) + packet[match.start() :]
    raise ValueError(f"a packet of {codec} without a slice")


def said_packing(packet: bytes, codec: str) -> str:
    """The mode that a packet says with our message, however its units are marked off; "" for none."""
    if codec not in ("h264", "hevc"):
        return ""
    return next((mode for mode in PACKINGS if _message(codec, mode) in packet), "")
