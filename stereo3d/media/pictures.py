"""Folders of numbered pictures, and single pictures, as sources."""

from __future__ import annotations

import re
from pathlib import Path

from stereo3d.errors import InputError

__all__ = ["PICTURE_SUFFIXES", "is_picture", "numbered_pictures"]

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})
_DIGITS = re.compile(r"(\d+)")


def is_picture(path: Path) -> bool:
    """True where the name says that the file is a still picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def natural_key(name: str) -> tuple[tuple[str, int, str], ...]:
    """Sort key in which ``frame9`` comes before ``frame10``; ``frame010`` and ``frame10`` are told apart by their text."""
    parts = _DIGITS.split(name.lower())
    return tuple((text, int(number), number) for text, number in zip(parts[::2], [*parts[1::2], "0"], strict=True))


def numbered_pictures(folder: Path) -> tuple[Path, ...]:
    """The pictures of a folder whose names carry a number, in natural order. Raises InputError where there are none.

    Where several kinds lie side by side, the most frequent suffix is the sequence (a stray cover.jpg among PNG frames is not).
    """
    found = [p for p in folder.iterdir() if is_picture(p) and _DIGITS.search(p.stem) and p.is_file()]
    if not found:
        raise InputError(
            f"{folder} is a folder without numbered pictures",
            hint="name a film, a picture, or a folder of pictures such as frame_0001.png, frame_0002.png",
        )
    suffixes = [p.suffix.lower() for p in found]
    main = max(sorted(set(suffixes)), key=suffixes.count)
    return tuple(sorted((p for p in found if p.suffix.lower() == main), key=lambda p: natural_key(p.stem)))
