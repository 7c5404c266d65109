"""preview: moments of a film as a page, or short films of it, before the night."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from stereo3d.commands.arguments import (
    Add,
    add_moments,
    add_preset,
    moments_at,
    page_place,
    parts,
    seconds,
    settings_given,
    tell,
)
from stereo3d.errors import UsageError
from stereo3d.files import write_text
from stereo3d.settings import Settings

__all__ = ["add_preview"]

_STILLS, _CLIPS = 8, 3


def add_preview(add: Add, add_settings: Callable[..., None]) -> None:
    """Add preview. ``add_settings``: gives a parser the options of a conversion."""
    preview = add(
        "preview",
        usage="stereo3d preview INPUT [options]",
        help="moments of a film as a page: source, depth, both eyes, in seconds; or short films of it",
        description="Makes one page (HTML) of moments of the film with the settings given: source, depth in colours, side by side, "
        "anaglyph and a wiggle. Without --at the moments are spread over the film and its kinds of shots: near, far, dark, fast. "
        "--strength may be several values, which are put beside one another. --clip makes short films instead.",
    )
    add_moments(preview, page="with --clip a folder", count=f"{_STILLS}; {_CLIPS} clips")
    preview.add_argument(
        "--clip", metavar="T", default=None, help="short films of so many seconds instead, such as 10s"
    )
    add_preset(preview)
    add_settings(preview, "preview")
    preview.set_defaults(run=_preview)


def _preview(arguments: argparse.Namespace) -> int:
    from stereo3d.moments.moments import open_moments
    from stereo3d.moments.preview import pick, preview_page
    from stereo3d.presets import settings_from

    options = settings_given(arguments, "strength")
    words = parts(getattr(arguments, "strength", None), "strength")
    several = [settings_from(arguments.preset, {**options, "strength": word}) for word in words]
    several = several or [settings_from(arguments.preset, options)]
    times = moments_at(arguments.at)
    clip = seconds(arguments.clip, "clip") if arguments.clip is not None else None
    if clip is not None and clip <= 0:
        raise UsageError(f"--clip {arguments.clip!r}: nothing is left of it", hint="give seconds, such as 10s")
    place = page_place(arguments.input, arguments.output, "preview", ".html" if clip is None else "")
    with open_moments(arguments.input, several[0], tell) as moments:
        count = arguments.count or (_STILLS if clip is None else _CLIPS)
        picked = pick(moments, times, count)
        if clip is None:
            page = preview_page(moments, picked, [settings.view.strength for settings in several], tell)
    if clip is None:
        write_text(place, page)
        print(place)
        return 0
    return _clips(arguments.input, place, [each.time for each in picked], clip, several)


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
