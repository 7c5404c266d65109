"""Whether torch.compile is worth its warm-up for a film, on this machine: measured, not guessed."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import torch

from stereo3d.depth.base import DepthModel
from stereo3d.errors import Stereo3DError
from stereo3d.frames import Colour, FrameBatch, PixelFormat

__all__ = ["WORTH", "load_fastest", "return_device_memory", "seconds_a_frame"]

WORTH = 600.0
"""Seconds of depth below which a film is not compiled for: compiling takes about one minute and saves a fifth or so."""

_LEAST_GAIN = 1.03  # below this the difference is noise
_FRAMES = 32  # a full window of the temporal networks
_GREY = PixelFormat("gray", 8, 0, 0, Colour())


def load_fastest(
    load: Callable[[bool], DepthModel],
    measure: Callable[[DepthModel], float],
    frames: int,
    tell: Callable[[str], None],
) -> tuple[DepthModel, bool]:
    """The model as it runs fastest, and whether that is compiled.

    ``load``: compiled or not -> model; never are two of them alive. ``measure``: model -> seconds a frame (:func:`seconds_a_frame`).
    ``frames``: how many are to come (0: unknown, taken as few). ``tell``: one line where a compiler
    fails; the film does without it then.
    """
    model = load(False)
    if frames == 0:
        return model, False
    plain = measure(model)
    if plain * frames < WORTH:
        return model, False
    del model
    return_device_memory()
    try:
        model = load(True)
        compiled = measure(model)
    except Stereo3DError as error:
        tell(f"{error}; the network runs uncompiled")
        return load(False), False
    if plain / compiled >= _LEAST_GAIN:
        return model, True
    del model
    return_device_memory()
    return load(False), False


def seconds_a_frame(model: DepthModel, size: tuple[int, int], device: torch.device) -> float:
    """Seconds for one frame of ``size`` (height, width) that lies on the device: the second of two runs of 32 frames."""
    noise = torch.randint(256, (_FRAMES, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    film = FrameBatch((noise,), tuple(range(_FRAMES)), 0, _GREY).to(device)
    spent = 0.0
    for _ in range(2):  # the first compiles, chooses kernels, records graphs
        began = time.perf_counter()
        estimator = model.begin_shot()
        batch = model.batch_for(*size)
        for start in range(0, _FRAMES, batch):
            last = estimator.push(film.cut(start, min(start + batch, _FRAMES)))
        last = estimator.finish() if not len(last) else last
        float(last.sum())  # waits for the device
        spent = time.perf_counter() - began
    return spent / _FRAMES


def return_device_memory() -> None:
    """Give the memory of a dropped model back before the next one comes."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
