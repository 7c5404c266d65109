"""What frames carry beside their pixels: orientation, HDR10 metadata, stereo packing, and what cannot be passed on."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import av
from av.sidedata.sidedata import SideData, Type

from stereo3d.media.info import HdrInfo

__all__ = ["hdr10", "is_half_sphere", "lost_metadata", "said_turn", "stereo_packing", "turn"]

# Signs of the upper left 2x2 of a display matrix (a, b, c, d: x' = a x + c y, y' = b x + d y, y down) -> (rotation, hflip).
_TURNS = {
    (1, 0, 0, 1): (0, False), (0, -1, 1, 0): (90, False), (-1, 0, 0, -1): (180, False), (0, 1, -1, 0): (270, False),
    (-1, 0, 0, 1): (0, True), (0, 1, 1, 0): (90, True), (1, 0, 0, -1): (180, True), (0, -1, -1, 0): (270, True),
}  # fmt: skip
_LOST = {
    Type.DOVI_RPU_BUFFER: "Dolby Vision",
    Type.DOVI_METADATA: "Dolby Vision",
    Type.DYNAMIC_HDR_PLUS: "HDR10+",
    Type.A53_CC: "closed captions inside the picture",
}
# AVStereo3DType and whether it is inverted, by Matroska's names
_PACKINGS = {
    (1, 0): "left_right", (1, 1): "right_left", (2, 0): "top_bottom", (2, 1): "bottom_top",
    (4, 0): "checkerboard_lr", (4, 1): "checkerboard_rl", (6, 0): "row_interleaved_lr", (6, 1): "row_interleaved_rl",
}  # fmt: skip
_TILE = 2  # AVSphericalProjection: a part of an equirectangular picture
_QUARTER = 1 << 30  # of a whole turn, 0.32 fixed point


def _entries(frame: av.VideoFrame) -> list[SideData]:
    try:
        # Iterating gives the entries; the annotations of PyAV, where it is a mapping, promise names.
        return cast(list[SideData], list(frame.side_data))
    except ValueError:  # one entry of a kind that PyAV has no name for (EXIF in pictures) hides all
        return []


def _bytes(frame: av.VideoFrame, kind: Type) -> bytes | None:
    return next((bytes(memoryview(entry)) for entry in _entries(frame) if entry.type is kind), None)


def turn(frame: av.VideoFrame) -> tuple[int, bool]:
    """(rotation, hflip) that turn a frame upright: mirrored first, then turned counterclockwise by 0, 90, 180 or 270 degrees."""
    return said_turn(frame) or (frame.rotation % 360 // 90 * 90, False)


def said_turn(frame: av.VideoFrame) -> tuple[int, bool] | None:
    """The same from its display matrix, None where it has none; angles between the quarter turns count as no turn."""
    data = _bytes(frame, Type.DISPLAYMATRIX)
    if data is None:
        return None
    a, b, _, c, d = struct.unpack_from("5i", data)
    signs = tuple((v > 0) - (v < 0) for v in (a, b, c, d))
    return next((found for key, found in _TURNS.items() if key == signs), (0, False))


def hdr10(frame: av.VideoFrame) -> HdrInfo | None:
    """A frame's HDR10 metadata (FFmpeg's AVMasteringDisplayMetadata is 10 rationals and two flags)."""
    mastering: tuple[Fraction, ...] = ()
    data = _bytes(frame, Type.MASTERING_DISPLAY_METADATA)
    if data is not None:
        values = struct.unpack_from("22i", data)
        if values[20] and values[21] and all(values[1:20:2]):
            mastering = tuple(Fraction(values[i], values[i + 1]) for i in range(0, 20, 2))
    light = _bytes(frame, Type.CONTENT_LIGHT_LEVEL)
    cll, fall = struct.unpack_from("2I", light) if light is not None else (0, 0)
    return HdrInfo(mastering, cll, fall) if mastering or cll or fall else None


def lost_metadata(frames: Iterable[av.VideoFrame]) -> tuple[str, ...]:
    """Names of what the frames carry and the output will not."""
    return tuple(
        dict.fromkeys(_LOST[entry.type] for frame in frames for entry in _entries(frame) if entry.type in _LOST)
    )


def stereo_packing(frame: av.VideoFrame) -> str:
    """What a frame says of its two eyes, as one of Matroska's stereo modes; "" for nothing, or nothing known here."""
    data = _bytes(frame, Type.STEREO3D)
    return _PACKINGS.get(struct.unpack_from("2i", data), "") if data is not None else ""


def is_half_sphere(frame: av.VideoFrame) -> bool:
    """Whether a frame says that it is the front half of an equirectangular picture (FFmpeg's AVSphericalMapping)."""
    data = _bytes(frame, Type.SPHERICAL)
    if data is None:
        return False
    projection, _yaw, _pitch, _roll, left, top, right, bottom = struct.unpack_from("4i4I", data)
    # A quarter may have been written one less than it is.
    return projection == _TILE and not top and not bottom and all(0 <= _QUARTER - side <= 1 for side in (left, right))
