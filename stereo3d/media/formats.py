"""Pixel formats: which ones frames travel in as they are, and what the others become; colour of untagged sources."""

from __future__ import annotations

import re
from dataclasses import replace

import av

from stereo3d.frames import Colour, PixelFormat

__all__ = ["carried_format", "is_full_range_name", "plain_name"]

_UNSPECIFIED = 2
_YUV = re.compile(r"yuv(420|422|444)p(10le|12le)?$")
_BITS = (8, 10, 12)


def is_full_range_name(name: str) -> bool:
    """True for the yuvj* formats, FFmpeg's old names for full-range YUV."""
    return name.startswith("yuvj")


def plain_name(name: str) -> str:
    """The same memory layout under its plain name: yuvj420p is yuv420p with full range."""
    return name.replace("yuvj", "yuv", 1) if is_full_range_name(name) else name


def carried_format(name: str, colour: Colour, *, height: int, still: bool) -> PixelFormat:
    """The format in which frames of FFmpeg's pixel format ``name`` travel.

    Planar YUV of 8, 10 or 12 bit stays as it is. Everything else goes to the nearest planar layout: RGB to gbrp*, grey to
    gray*, semi-planar, packed and exotic YUV to planar YUV of the nearest subsampling and depth. ``colour`` holds the tags of
    the source; unspecified ones are filled in: RGB is matrix 0 and full range, YUV of 720 rows and more BT.709, else BT.601.
    ``still``: a picture, where the size says nothing (BT.601, as JPEG and WebP have it).
    """
    plain = plain_name(name)
    source = av.VideoFormat(plain)
    depth = max(component.bits for component in source.components)
    bits = next((b for b in _BITS if b >= depth), _BITS[-1])
    full = colour.full_range or is_full_range_name(name)
    suffix = "" if bits == 8 else f"{bits}le"
    if source.is_rgb or source.has_palette or source.is_bayer:
        return PixelFormat(f"gbrp{suffix}", bits, 0, 0, _fill(replace(colour, matrix=0, full_range=True), 0))
    guess = 1 if height >= 720 and not still else 6
    if len([c for c in source.components if not c.is_alpha]) == 1:
        return PixelFormat(f"gray{suffix}", bits, 0, 0, _fill(replace(colour, full_range=full), guess))
    chroma = 420 if not _YUV.match(plain) else int(plain[3:6])
    if not _YUV.match(plain):
        chroma = _nearest_chroma(source)
    x, y = {420: (1, 1), 422: (1, 0), 444: (0, 0)}[chroma]
    return PixelFormat(f"yuv{chroma}p{suffix}", bits, x, y, _fill(replace(colour, full_range=full), guess))


def _nearest_chroma(source: av.VideoFormat) -> int:
    """420, 422 or 444. 4:1:1 and 4:1:0 become 4:2:0: players know no other layout with so little chroma."""
    x = (64 // max(source.chroma_width(64), 1)).bit_length() - 1
    y = (64 // max(source.chroma_height(64), 1)).bit_length() - 1
    if x == 1 and y == 0:
        return 422
    if x == 0:
        return 444
    return 420


def _fill(colour: Colour, guess: int) -> Colour:
    """Replace unspecified tags: the matrix by ``guess``, primaries and transfer by those that usually come with it."""
    matrix = guess if colour.matrix == _UNSPECIFIED else colour.matrix
    primaries, transfer = {0: (1, 13), 1: (1, 1), 5: (5, 6), 6: (6, 6), 9: (9, 14)}.get(matrix, (2, 2))
    return replace(
        colour,
        matrix=matrix,
        primaries=primaries if colour.primaries in (0, _UNSPECIFIED) else colour.primaries,
        transfer=transfer if colour.transfer in (0, _UNSPECIFIED) else colour.transfer,
    )
