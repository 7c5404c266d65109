"""All jobs in the folders of the page, looked up once for everybody who watches."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from stereo3d.ui.folders import Folders
from stereo3d.ui.jobs import JobView, begun_outputs, view_of

__all__ = ["Board"]

_WALK_SECONDS = 6.0
_LOOK_SECONDS = 0.7


class Board:
    """May be asked from any thread."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._lock = threading.Lock()
        self._places: list[Path] = []
        self._views: list[JobView] = []
        self._walked = self._looked = float("-inf")
        self.told = 0
        self.starting = asyncio.Lock()
        """Held by who begins something that no two may do at once."""

    def tell(self) -> None:
        """Something that tabs show beside the jobs was changed by one of them: all others look again when this number moves."""
        self.told += 1

    def outputs(self) -> list[Path]:
        """Every output in the folders that is finished, worked on, or was begun."""
        with self._lock:
            self._walk()
            return list(self._places)

    def views(self, *, fresh: bool = False) -> list[JobView]:
        """What is known of them, those at work first. ``fresh``: something was just changed."""
        with self._lock:
            if fresh:
                self._walked = self._looked = float("-inf")
            if time.monotonic() - self._looked > _LOOK_SECONDS:
                self._walk()
                named = ((place, self._folders.name(place)) for place in self._places)
                found = (view_of(place, name) for place, name in named if name is not None)
                order = ("running", "pausing", "failed", "paused", "done")
                self._views = sorted((v for v in found if v is not None), key=lambda view: order.index(view.state))
                self._looked = time.monotonic()
            return list(self._views)

    def _walk(self) -> None:
        if time.monotonic() - self._walked > _WALK_SECONDS:
            begun = (place for place in begun_outputs() if self._folders.name(place) is not None)
            self._places = list(dict.fromkeys([*self._folders.outputs(), *begun]))
            self._walked = time.monotonic()
