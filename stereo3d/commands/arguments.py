"""What several commands need to read their arguments and to tell what they do."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Container
from fractions import Fraction
from pathlib import Path
from typing import Any

from stereo3d.errors import OutputError, UsageError
from stereo3d.settings import Settings, parse_time

__all__ = [
    "Add",
    "add_moments",
    "add_preset",
    "moments_at",
    "number",
    "page_place",
    "parts",
    "seconds",
    "settings_given",
    "size",
    "tell",
]

Add = Callable[..., argparse.ArgumentParser]


def add_preset(parser: argparse.ArgumentParser) -> None:
    """``--preset``."""
    parser.add_argument("--preset", metavar="NAME|FILE", default=None, help="options from a preset; others override it")


def add_moments(parser: argparse.ArgumentParser, *, page: str, count: str) -> None:
    """The arguments of who shows moments of a film on a page. ``page``: what is to be said of it; ``count``: how many moments
    without ``--count``."""
    parser.add_argument("input", metavar="INPUT", type=Path, help="a film, a picture or a folder of numbered pictures")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        default=None,
        help=f"the page, .html (default: beside INPUT); {page}",
    )
    parser.add_argument(
        "--at", metavar="T,..", default=None, help="moments: seconds or [HH:]MM:SS[.mmm], several with commas"
    )
    parser.add_argument("--count", metavar="N", type=number, default=None, help=f"how many moments (default {count})")


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


def seconds(text: str, option: str) -> Fraction:
    """A time, ``10s`` and ``10`` alike. Raises UsageError."""
    try:
        return parse_time(re.sub(r"s$", "", text))
    except ValueError as error:
        raise UsageError(f"--{option} {text!r}: {error}", hint="such as 90, 1:30 or 0:01:30.5") from None


def moments_at(text: str | None) -> list[Fraction]:
    """The times of ``--at``. Raises UsageError."""
    return [seconds(part, "at") for part in parts(text, "at")]


def page_place(source: Path, output: Path | None, kind: str, suffix: str = ".html") -> Path:
    """Where a page goes, ``Film.KIND.html`` beside the source unless it was said; with ``suffix`` "" a folder. Raises UsageError,
    OutputError."""
    stem = source.name if source.is_dir() else source.stem
    place = output or source.resolve().with_name(f"{stem}.{kind}{suffix}")
    if suffix and place.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a page cannot be written to {place}", hint="name an .html file with -o")
    if not place.parent.is_dir():
        raise OutputError(f"there is no folder {place.parent}", hint="choose another place with -o")
    return place


def settings_given(arguments: argparse.Namespace, *besides: str) -> dict[str, Any]:
    """The settings that were given, by name, but for those that the command reads in its own way (``besides``)."""
    ours = Settings.home().keys() - set(besides)
    return {name: value for name, value in vars(arguments).items() if name in ours}


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
