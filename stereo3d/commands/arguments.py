"""What several commands need to read their arguments and to tell what they do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Container

from stereo3d.errors import UsageError

__all__ = ["Add", "number", "parts", "size", "tell"]

Add = Callable[..., argparse.ArgumentParser]


def number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100000")
    return int(text)


def size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()) or min(int(width), int(height)) < 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not WxH with sides from 64, such as 1280x720")
    if int(width) % 2 or int(height) % 2 or max(int(width), int(height)) > 8192:
        raise argparse.ArgumentTypeError(f"{text!r}: sides must be even and at most 8192")
    return int(width), int(height)


def parts(text: str | None, option: str, known: Container[str] | None = None) -> tuple[str, ...]:
    """The parts of a comma-separated option. Raises UsageError for one that is not known."""
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text else ()
    wrong = [part for part in parts if not part or (known is not None and part not in known)]
    if wrong:
        hint = f"--help says what --{option} takes"
        raise UsageError(f"--{option} {text!r}: {wrong[0]!r} is not known", hint=hint)
    return parts


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
