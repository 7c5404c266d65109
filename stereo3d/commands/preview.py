"""preview: moments of a film as a page, or short films of it, before the night."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from stereo3d.commands.arguments import Add, number, parts, tell
from stereo3d.errors import OutputError, UsageError
from stereo3d.settings import Settings, parse_time

__all__ = ["add_preview"]

_STILLS, _CLIPS = 8, 3


def add_preview(add: Add, add_settings: Callable[..., None]) -> None:
    """Add preview. ``add_settings``: gives a parser the options of a conversion."""
    preview = add(
        "preview",
        help="moments of a film as a page: source, depth, both eyes, in seconds; or short films of it",
        description="Makes one page (HTML) of moments of the film with the settings given: source, depth in colours, side by side, "
        "anaglyph and a wiggle. Without --at the moments are spread over the film and its kinds of shots: near, far, dark, fast. "
        "--strength may be several values, which are put beside one another. --clip makes short films instead.",
    )
    preview.add_argument("input", metavar="INPUT", type=Path, help="a film, a picture or a folder of numbered pictures")
    preview.add_argument(
        "-o", "--output", metavar="FILE", type=Path, default=None,
        help="the page, .html (default: beside INPUT); with --clip a folder",
    )  # fmt: skip
    preview.add_argument(
        "--at", metavar="T,..", default=None, help="moments: seconds or [HH:]MM:SS[.mmm], several with commas"
    )
    preview.add_argument(
        "--count", metavar="N", type=number, default=None, help=f"how many moments (default {_STILLS}; {_CLIPS} clips)"
    )
    preview.add_argument(
        "--clip", metavar="T", default=None, help="short films of so many seconds instead, such as 10s"
    )
    preview.add_argument(
        "--preset", metavar="NAME|FILE", default=None, help="options from a preset; others override it"
    )
    add_settings(preview, "preview")
    preview.set_defaults(run=_preview)


def _preview(arguments: argparse.Namespace) -> int:
    from stereo3d.moments.moments import open_moments
    from stereo3d.moments.preview import pick, preview_page
    from stereo3d.presets import settings_from

    own = {"command", "run", "input", "output", "at", "count", "clip", "preset", "strength"}
    options: dict[str, Any] = {name: value for name, value in vars(arguments).items() if name not in own}
    words = parts(getattr(arguments, "strength", None), "strength")
    several = [settings_from(arguments.preset, {**options, "strength": word}) for word in words]
    several = several or [settings_from(arguments.preset, options)]
    times = [_time(text, "at") for text in parts(arguments.at, "at")]
    clip = _time(arguments.clip, "clip") if arguments.clip is not None else None
    if clip is not None and clip <= 0:
        raise UsageError(f"--clip {arguments.clip!r}: nothing is left of it", hint="give seconds, such as 10s")
    place = _place(arguments.input, arguments.output, clip=clip is not None)
    with open_moments(arguments.input, several[0], tell) as moments:
        count = arguments.count or (_STILLS if clip is None else _CLIPS)
        picked = pick(moments, times, count)
        if clip is None:
            page = preview_page(moments, picked, [settings.view.strength for settings in several], tell)
    if clip is None:
        _write(place, page)
        print(place)
        return 0
    return _clips(arguments.input, place, [each.time for each in picked], clip, several)


def _time(text: str, option: str) -> Fraction:
    try:
        return parse_time(re.sub(r"s$", "", text))
    except ValueError as error:
        raise UsageError(f"--{option} {text!r}: {error}", hint="such as 90, 1:30 or 0:01:30.5") from None


def _place(source: Path, output: Path | None, *, clip: bool) -> Path:
    stem = source.name if source.is_dir() else source.stem
    place = output or source.resolve().with_name(f"{stem}.preview{'' if clip else '.html'}")
    if not clip and place.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a preview is a page: {place}", hint="name an .html file with -o")
    if not place.parent.is_dir():
        raise OutputError(f"there is no folder {place.parent}", hint="choose another place with -o")
    return place


def _write(place: Path, page: str) -> None:
    from stereo3d.files import write_text

    write_text(place, page)


def _clips(source: Path, folder: Path, times: Sequence[Fraction], length: Fraction, several: Sequence[Settings]) -> int:
    from stereo3d.moments.clips import make_clip

    folder.mkdir(exist_ok=True)
    code = 0
    for time in times:
        for settings in several:
            made = make_clip(source, folder, time, length, settings)
            print(made.output)
            code = max(code, made.exit_code)
    return code
