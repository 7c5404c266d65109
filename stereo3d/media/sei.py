"""What pictures say of themselves: SEI messages before the first slice of a keyframe. Frame packing, where televisions look.

H.264: ITU-T H.264, D.1.26 and D.2.26; HEVC: ITU-T H.265, D.2.16 and D.3.16. No encoder here writes it for HEVC, and x264 knows
only left eyes that come first, so it is put into the packets, the same way for all. Pure.
"""

from __future__ import annotations

import re
import struct

from stereo3d.media.info import HdrInfo

__all__ = ["PACKINGS", "hdr10_units", "said_packing", "with_frame_packing", "with_units"]

PACKINGS = {"left_right": (3, 1), "right_left": (3, 2), "top_bottom": (4, 1), "bottom_top": (4, 2)}
"""frame_packing_arrangement_type and content_interpretation_type (1: the left eye is first, 2: the right one)."""

_PAYLOAD, _MASTERING, _LIGHT = 45, 137, 144
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


def hdr10_units(hdr: HdrInfo) -> bytes:
    """HEVC's messages of the mastering display and the light level (ITU-T H.265, D.2.28 and D.2.35), Annex B, for encoders that
    cannot be told."""
    units = b""
    if hdr.mastering:
        r, g, b, white = (tuple(round(v * 50000) for v in hdr.mastering[i : i + 2]) for i in range(0, 8, 2))
        low, high = (round(v * 10000) for v in hdr.mastering[8:10])
        units += _unit(_MASTERING, struct.pack(">8H2I", *g, *b, *r, *white, high, low))
    if hdr.max_cll or hdr.max_fall:
        units += _unit(_LIGHT, struct.pack(">2H", hdr.max_cll, hdr.max_fall))
    return units


def _unit(kind: int, payload: bytes) -> bytes:
    return b"\0\0\x01" + bytes([39 << 1, 1]) + _escaped(bytes([kind, len(payload)]) + payload + b"\x80")


def with_frame_packing(packet: bytes, codec: str, mode: str) -> bytes:
    """An Annex B access unit of ``codec`` (h264 or hevc) with the message for ``mode`` (a key of :data:`PACKINGS`) before its
    first slice. Raises ValueError where there is no slice."""
    return with_units(packet, codec, b"\0\0\x01" + _message(codec, mode))


def with_units(packet: bytes, codec: str, units: bytes) -> bytes:
    """An Annex B access unit of ``codec`` with ``units`` before its first slice. Raises ValueError where there is no slice."""
    for match in _START.finditer(packet):
        header = packet[match.end()] if match.end() < len(packet) else 0
        slice_ = header >> 1 & 63 < 32 if codec == "hevc" else 1 <= header & 31 <= 5
        if slice_:
            return packet[: match.start()] + units + packet[match.start() :]
    raise ValueError(f"a packet of {codec} without a slice")


def said_packing(packet: bytes, codec: str) -> str:
    """The mode that a packet says with our message, however its units are marked off; "" for none."""
    if codec not in ("h264", "hevc"):
        return ""
    return next((mode for mode in PACKINGS if _message(codec, mode) in packet), "")
