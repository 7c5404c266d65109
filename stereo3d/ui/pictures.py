"""Pictures for the page: single moments of films, rendered as a conversion renders them, with what is dear kept.

Decoding and depth are kept by moment, views by moment and settings: while only the strength moves only the view is rendered.
One thread does everything, for the network and the renderer use all cores; whoever asks again before a turn has come takes
the turn, so a slider that moves never waits for where it has been.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stereo3d.depth.registry import MODELS
from stereo3d.errors import Stereo3DError, UsageError
from stereo3d.facts.models import weights_of
from stereo3d.settings import DepthSettings, Settings
from stereo3d.ui.folders import Refused

if TYPE_CHECKING:
    from stereo3d.moments import Look, Moment, Moments
    from stereo3d.moments.choose import Candidate
    from stereo3d.moments.moments import Scene

__all__ = ["SHOWN", "Studio", "Wish", "model_settings"]

SHOWN = ("source", "depth", "left", "right", "anaglyph", "sbs-full")
"""The pictures that the page asks for, of :data:`stereo3d.moments.LOOKS`."""

_MOST_LANES = 256
_FILMS, _SCENES, _MOMENTS, _LOOKS, _CHOICES = 2, 16, 32, 4, 8
_QUIET = 1.2  # seconds without a wish, or work at one, before anything is done that nobody waits for

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """A picture: ``shown`` (of :data:`SHOWN`) at ``time`` seconds, with ``settings``, of about ``height`` rows at most. ``fetch``: get
    the weights of its model where they are not here."""

    film: Path
    time: Fraction
    settings: Settings
    shown: str
    height: int
    fetch: bool = False


class _Kept(OrderedDict[Hashable, Any]):
    """The few things used last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def get_or(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self:
            self[key] = make()
        self.move_to_end(key)
        while len(self) > self._most:
            _, old = self.popitem(last=False)
            if hasattr(old, "close"):
                old.close()
        value: T = self[key]
        return value


class Studio:
    """Makes pictures, one after the other. ``base``: settings of all that the page does not decide."""

    def __init__(self, base: Settings) -> None:
        self._base = base
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="studio")
        self._tickets = count()
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._asked = 0.0
        self._choices = _Kept(_CHOICES)
        self._films, self._scenes, self._moments, self._looks = map(_Kept, (_FILMS, _SCENES, _MOMENTS, _LOOKS))

    def warm_up(self) -> None:
        """Load what the first picture needs, beside whatever else."""
        self._thread.submit(__import__, "stereo3d.moments")

    def close(self) -> None:
        """Give up what waits; what is being made is finished first."""
        for task in self._choices.values():
            task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def picture(self, lane: str, wish: Wish) -> tuple[bytes, float]:
        """(JPEG, milliseconds it took to make). Of the wishes of one ``lane`` only the newest is fulfilled. Raises Refused,
        UsageError, InputError and WeightsError."""

        def made() -> tuple[bytes, float]:
            began = time.perf_counter()
            return self._picture(wish), 1000 * (time.perf_counter() - began)

        return await self._turn(lane, made)

    async def about(self, film: Path) -> dict[str, Any]:
        """What a film is, JSON-ready. Raises InputError."""
        return await self._turn(f"about {film}", lambda: self._about(film))

    async def moments(self, film: Path, count: int) -> list[dict[str, Any]]:
        """``count`` moments that stand for a film (fewer where it has no more): seconds and kind, JSON-ready. They are looked for one
        candidate at a time, while nobody asks for pictures. Raises InputError, and Refused where other films were opened meanwhile."""
        loop = asyncio.get_running_loop()
        key, moments = await loop.run_in_executor(self._thread, lambda: self._opened(film, self._base))
        task = self._choices.get_or((key, count), lambda: loop.create_task(self._choose(key, moments, count)))
        try:
            found: list[dict[str, Any]] = await asyncio.shield(task)
        except (Refused, Stereo3DError):
            self._choices.pop((key, count), None)
            raise
        return found

    async def _choose(self, key: Hashable, moments: Moments, count: int) -> list[dict[str, Any]]:
        from stereo3d.moments.choose import chosen, sampled
        from stereo3d.moments.preview import film_bounds

        candidates = sampled(moments, count, *film_bounds(moments))
        found: list[Candidate] = []

        def following() -> Candidate | None:
            if self._films.get(key) is not moments:
                raise Refused(409, "other films were opened meanwhile")
            return next(candidates, None)

        while True:
            while (rest := self._asked + _QUIET - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            candidate = await asyncio.get_running_loop().run_in_executor(self._thread, following)
            if candidate is None:
                return [{"time": float(each.time), "kind": kind} for each, kind in chosen(found, count)]
            found.append(candidate)

    async def _turn(self, lane: str, make: Callable[[], T]) -> T:
        ticket = self._newest[lane] = next(self._tickets)
        self._newest.move_to_end(lane)
        while len(self._newest) > _MOST_LANES:
            self._newest.popitem(last=False)

        self._asked = time.monotonic()

        def in_turn() -> T:
            if self._newest.get(lane) != ticket:
                raise Refused(409, "a newer picture was asked for")
            try:
                return make()
            finally:
                self._asked = time.monotonic()

        return await asyncio.get_running_loop().run_in_executor(self._thread, in_turn)

    def _opened(self, film: Path, settings: Settings) -> tuple[Hashable, Moments]:
        from stereo3d.moments import open_moments

        status = film.stat()
        key = (film, status.st_mtime_ns, status.st_size, settings.picture.bars, settings.picture.deinterlace)
        return key, self._films.get_or(key, lambda: open_moments(film, settings))

    def _about(self, film: Path) -> dict[str, Any]:
        _, moments = self._opened(film, self._base)
        video = moments.info.video
        rate = float(video.shown_rate or 24)
        facts = {"width": video.out_width, "height": video.out_height, "rate": rate, "seconds": float(moments.seconds)}
        return {**facts, "kind": moments.info.kind}

    def _picture(self, wish: Wish) -> bytes:
        from stereo3d.media.still import quick_jpeg
        from stereo3d.render.shrink import shrunk

        film, moments = self._opened(wish.film, self._base)
        if wish.shown != "source":
            return quick_jpeg(self._look(film, moments, wish).picture(wish.shown))
        known = self._scenes.get((film, wish.time))
        # Its neighbours, which depth needs, would cost several times as much: not while somebody scrubs.
        alone = partial(moments.scene, wish.time, beside=0)
        source = (known or self._scenes.get_or((film, wish.time, "alone"), alone)).source
        width = round(source.width * wish.height / source.height)
        return quick_jpeg(shrunk(source, width) if width < source.width else source)

    def _scene(self, film: Hashable, moments: Moments, time: Fraction) -> Scene:
        return self._scenes.get_or((film, time), lambda: moments.scene(time))

    def _look(self, film: Hashable, moments: Moments, wish: Wish) -> Look:
        from stereo3d.moments import look

        depth = wish.settings.depth
        if not wish.fetch and (film, wish.time, depth) not in self._moments:
            _refuse_missing(depth)
        scene = self._scene(film, moments, wish.time)
        moment: Moment = self._moments.get_or((film, wish.time, depth), lambda: moments.moment(scene, depth))
        key = (film, wish.time, depth, wish.settings.view, wish.settings.picture, wish.height)
        return self._looks.get_or(key, lambda: look(moment, wish.settings, height=wish.height))


def _refuse_missing(depth: DepthSettings) -> None:
    """Raise Refused where a model would first have to be fetched: a look at a picture must not begin a gigabyte of download."""
    entry = MODELS.get(depth.model)
    if entry is None or entry.hub_id is None or depth.weights is not None or weights_of(entry) is not None:
        return
    size = 4 * entry.parameters_millions
    raise Refused(424, f"the weights of {entry.title} are not here", f"about {size:.0f} MB to download")


def model_settings(base: DepthSettings, model: str) -> DepthSettings:
    """The base's way to compute depth, with another model. Raises UsageError for one without a name."""
    if model == base.model:
        return base
    if model not in MODELS:
        raise UsageError(f"{model!r} is not a known model", hint=f"one of {', '.join(MODELS)}")
    return base.model_copy(update={"model": model, "weights": None})
