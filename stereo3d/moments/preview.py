"""``stereo3d preview``: moments of a film as one page, each with the settings given, or with several strengths beside one another."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stereo3d import __version__
from stereo3d.errors import InputError
from stereo3d.frames import FrameBatch
from stereo3d.job.page.charts import clock
from stereo3d.media.still import jpeg
from stereo3d.moments.choose import chosen, sampled
from stereo3d.moments.look import Look, look
from stereo3d.moments.moments import Moments
from stereo3d.pages import render
from stereo3d.settings import Settings

__all__ = ["Picked", "film_bounds", "pick", "preview_page"]

_WIDTH = 640  # pixels of an eye on the page
_SCALE = 4  # of the JPEG's quantiser


@dataclass(frozen=True, slots=True)
class Picked:
    """A time to look at, in seconds since the first frame, and why: near, far, dark, fast, or ""."""

    time: Fraction
    kind: str = ""


@dataclass(frozen=True, slots=True)
class _View:
    """Pictures with one strength, as JPEGs in base64. ``about``: what the strength came to."""

    strength: float
    sbs: str
    anaglyph: str
    about: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One moment of the page."""

    time: str
    kind: str
    aspect: str
    source: str
    depth: str
    card: bool
    views: tuple[_View, ...]


def film_bounds(moments: Moments) -> tuple[Fraction, Fraction]:
    """[start, end) seconds of what would be converted. Raises InputError where nothing is left."""
    times = moments.settings.time
    start, end = times.start or Fraction(0), times.end or moments.seconds
    end = min(end, moments.seconds) if moments.seconds else end
    if end <= start and moments.info.kind != "picture":
        raise InputError(
            f"no frame of {moments.info.path.name} lies in the range asked for",
            hint="choose --start and --end within the film, or --at",
        )
    return start, max(start, end)


def pick(moments: Moments, times: Sequence[Fraction], count: int) -> list[Picked]:
    """The moments at ``times``, or ``count`` that stand for the film where none are given."""
    if times or moments.info.kind == "picture":
        return [Picked(time) for time in times or (Fraction(0),)]
    start, end = film_bounds(moments)
    return [Picked(found.time, kind) for found, kind in chosen(list(sampled(moments, count, start, end)), count)]


def preview_page(
    moments: Moments, picked: Sequence[Picked], strengths: Sequence[float], tell: Callable[[str], None]
) -> str:
    """The page (HTML, whole in itself). ``strengths``: to put beside one another, at least one. ``tell``: hears of each moment."""
    rows = []
    for number, each in enumerate(picked, 1):
        tell(f"{number} of {len(picked)}: {clock(float(each.time))}{' (' + each.kind + ')' if each.kind else ''}")
        rows.append(_row(moments, each, strengths))
    settings = moments.settings
    return render(
        "preview.html.jinja",
        name=moments.info.path.name,
        length=clock(float(moments.seconds)) if moments.seconds and moments.info.kind != "picture" else "",
        size=f"{moments.info.video.out_width} x {moments.info.video.out_height}",
        rows=rows,
        strengths=[f"{strength:g}" for strength in strengths],
        changed=_changed(settings),
        model=moments.model()[0].info,
        version=__version__,
    )


def _row(moments: Moments, picked: Picked, strengths: Sequence[float]) -> _Row:
    moment = moments.at(picked.time)
    views, small = [], None
    for strength in strengths:
        settings = Settings.from_flat({**moments.settings.to_flat(), "strength": strength})
        seen = look(moment, settings)
        small = seen.smaller(_WIDTH)
        views.append(
            _View(strength, _base64(small.picture("sbs-full")), _base64(small.picture("anaglyph")), _about(seen))
        )
    assert small is not None
    return _Row(
        clock(float(moment.time)),
        picked.kind,
        f"{small.left.width} / {small.left.height}",
        _base64(small.picture("source")),
        _base64(small.picture("depth")),
        moment.card,
        tuple(views),
    )


def _about(seen: Look) -> str:
    depth = seen.moment.depth
    far, near = float(depth.amin()), float(depth.amax())
    behind, front = (max(0.0, seen.strength * part) for part in (seen.screen - far, near - seen.screen))
    return f"{front:.1f} % in front, {behind:.1f} % behind"


def _base64(picture: FrameBatch) -> str:
    return base64.b64encode(jpeg(picture, _SCALE)).decode()


def _changed(settings: Settings) -> list[tuple[str, str]]:
    """The options that are not as they are by default."""
    plain = Settings().to_flat()
    return [
        (name.replace("_", "-"), Path(value).name if name == "weights" else str(value))
        for name, value in settings.to_flat().items()
        if value != plain[name] and name not in ("strength", "sdr", "progress")
    ]
