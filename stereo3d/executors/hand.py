"""A worker, wherever it runs: builds the segments that it asks for and is given, one overlapped pipeline for all of them."""

from __future__ import annotations

import platform
import queue
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from stereo3d import __version__
from stereo3d.executors.messages import Broken, Ended, Event, Made, Order, Ready, Said, Task, Wants, Worked
from stereo3d.files import file_sha256
from stereo3d.media.capabilities import library_versions
from stereo3d.memory import return_freed_memory
from stereo3d.pipeline.build import PIPELINE_VERSION, build_segments
from stereo3d.pipeline.ends import find_ends
from stereo3d.pipeline.feed import Feed
from stereo3d.pipeline.meter import Memory, Meter, Spent
from stereo3d.pipeline.models import load_models
from stereo3d.pipeline.recipe import Models, Places, Recipe

__all__ = ["Hand", "device_kind", "program"]

_TELL_SECONDS = 0.25


def program() -> str:
    """What a worker must have in common with its job: another version makes other pictures from the same plan."""
    return f"stereo3d {__version__}, pipeline {PIPELINE_VERSION}"


def device_kind(device: torch.device) -> tuple[str, ...]:
    """What two workers must have in common to compute the same numbers bit for bit: device, libraries."""
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} {platform.machine()}"
    return what, f"torch {torch.__version__}", f"FFmpeg {library_versions()[0]}"


@dataclass(slots=True)
class _Loaded:
    """Models stay from run to run where the recipe asks for the same."""

    wanted: tuple[object, ...]
    models: Models


class Hand:
    """The life of one worker: :meth:`begin` a run, answer each :class:`Wants` with :meth:`give`, and read :meth:`event` until it has
    :class:`Ended` or is :class:`Broken`. Calls may come from different threads."""

    def __init__(self) -> None:
        self._feed = Feed(self._want)
        self._events: queue.Queue[Event] = queue.Queue()
        self._places: dict[int, Task] = {}
        self._loaded: _Loaded | None = None

    def begin(self, order: Order) -> None:
        self._feed = Feed(self._want)
        threading.Thread(target=self._work, args=(order,), name="hand", daemon=True).start()

    def give(self, task: Task | None) -> None:
        if task is not None:
            self._places[task.segment.number] = task
        self._feed.put(None if task is None else task.segment)

    def _want(self) -> None:
        self._events.put(Wants())

    def event(self, seconds: float | None = None) -> Event | None:
        """What happened next; waits for it, None if nothing happens for so long."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def _work(self, order: Order) -> None:
        teller = _Teller(self._events, order)
        try:
            self._build(self._prepared(order.recipe), teller)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who gave the order
            teller.tell()
            self._events.put(Broken(" ".join(str(error).split()) or type(error).__name__))
        else:
            self._events.put(Ended())

    def _prepared(self, recipe: Recipe) -> Recipe:
        """Load what it needs and see which ends share memory with the device."""
        torch.set_num_threads(recipe.numerics.threads)
        wanted = (recipe.settings.depth, recipe.numerics, recipe.overrides.models(), recipe.device)
        if self._loaded is None or self._loaded.wanted != wanted:
            self._loaded = None  # never are two of them alive
            self._loaded = _Loaded(wanted, load_models(recipe, lambda line: self._events.put(Said(line))))
        models = self._loaded.models
        identities = {name: model.info.identity for name, model in {"": models.film, **models.others}.items()}
        found = find_ends(recipe)
        for note in found.notes:
            self._events.put(Said(note))
        self._events.put(Ready(program(), identities, device_kind(recipe.place), found.ends))
        return replace(recipe, ends=found.ends)

    def _build(self, recipe: Recipe, teller: _Teller) -> None:
        assert self._loaded is not None
        places = Places(lambda s: self._places[s.number].picture, lambda s: self._places[s.number].depth)
        keeps = recipe.keep is not None
        models = self._loaded.models
        for result in build_segments(self._feed, recipe, models, places, teller.meter, teller.add_frames):
            task = self._places.pop(result.segment.number)
            teller.tell()
            return_freed_memory()
            files: tuple[Path, ...] = (task.picture, task.depth) if keeps else (task.picture,)
            self._events.put(Made(result, tuple((path, file_sha256(path)) for path in files)))


class _Teller:
    """Says how far a run is, a few times a second."""

    def __init__(self, events: queue.Queue[Event], order: Order) -> None:
        self.meter = Meter(self._sometimes, traces=order.traces)
        self._events, self._place = events, order.recipe.place
        self._frames = 0
        self._told: dict[str, Spent] = {}
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def add_frames(self, count: int) -> None:
        with self._lock:
            self._frames += count

    def _sometimes(self) -> None:
        if time.monotonic() - self._last >= _TELL_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Now, all of it."""
        with self._lock:
            self._last = time.monotonic()
            frames, self._frames = self._frames, 0
            spent = self.meter.spent()
            changed = {name: value - self._told.get(name, Spent()) for name, value in spent.items()}
            self._told = spent
            memory = Memory.now(self._place)
            self._events.put(Worked(frames, changed, self.meter.take_spans(), memory))
