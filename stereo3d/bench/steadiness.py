"""``stereo3d bench steadiness``: how depth flickers from frame to frame, by method.

On a film the motion is estimated and the truth unknown: what counts is the change of depth along the motion. On the demo film's
true depth, spoiled, it is known what is error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from stereo3d.bench.film import first_frames
from stereo3d.bench.steady_methods import PER_FRAME, Maps, averaged, minimum_maximum, spoil, stabilised
from stereo3d.demo.film import DemoFilm
from stereo3d.depth.base import DepthModel
from stereo3d.depth.motion import Grey, thumbnails
from stereo3d.depth.network_model import FrameEstimator
from stereo3d.depth.steadiness import Flow, drift, estimate_flow, extent, fidelity, flicker
from stereo3d.errors import InputError, UsageError
from stereo3d.frames import Colour, FrameBatch, PixelFormat, Shot
from stereo3d.job.numerics import load_with_numerics
from stereo3d.job.survey import survey_source
from stereo3d.media.decode import Decoder
from stereo3d.media.probe import probe
from stereo3d.settings import Settings
from stereo3d.table import amount, table

__all__ = ["ClipBench", "ClipRow", "TruthBench", "TruthRow", "bench_clip", "bench_truth"]

_LONGEST = 300  # frames of one shot, at most: maps of a shot are held in memory
_DEMO = DemoFilm(320, 180, scenes=("courtyard", "tabletop", "meadow"), frames_per_shot=48)


@dataclass(frozen=True, slots=True)
class ClipRow:
    """``flicker``: mean change along the motion, in % of the depth's own extent, over all shots. ``times_reference``: over that of
    each picture scaled alone. ``contrast``: mean extent of depth."""

    method: str
    flicker: float
    times_reference: float
    contrast: float


@dataclass(frozen=True, slots=True)
class ClipBench:
    """The outcome on a film."""

    source: str
    model: str
    identity: str
    depth_size: tuple[int, int]
    frames: int
    shots: int
    rows: tuple[ClipRow, ...]

    def to_json(self) -> dict[str, Any]:
        return {"kind": "steadiness", **asdict(self)}

    def text(self) -> str:
        """A table for people."""
        width, height = self.depth_size
        about = f"{self.source}: {self.frames} frames, {self.shots} shot(s); depth {self.model}, {width}x{height}"
        rows = [(r.method, amount(r.flicker), amount(r.times_reference), amount(r.contrast)) for r in self.rows]
        return f"{about}\n\n{table(('method', 'flicker %', 'x reference', 'contrast'), rows)}"


@dataclass(frozen=True, slots=True)
class TruthRow:
    """See :class:`stereo3d.depth.steadiness.Fidelity` and :class:`~stereo3d.depth.steadiness.Drift`; means over the shots."""

    method: str
    flicker: float
    error: float
    edge_error: float
    sharpness: float
    drift: float
    contrast: float


@dataclass(frozen=True, slots=True)
class TruthBench:
    """The outcome on the demo film's spoiled depth."""

    source: str
    rows: tuple[TruthRow, ...]

    def to_json(self) -> dict[str, Any]:
        return {"kind": "steadiness-truth", **asdict(self)}

    def text(self) -> str:
        """A table for people."""
        head = ("method", "flicker %", "error %", "at outlines %", "sharpness", "drift %", "contrast kept")
        rows = [(r.method, *(amount(v) for v in list(asdict(r).values())[1:])) for r in self.rows]
        return f"{self.source}\n\n{table(head, rows)}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A shot: the estimator's maps, those of each picture alone, the frames' thumbnails and the motion between maps."""

    raw: Maps
    alone: Maps
    pictures: list[Grey]
    flows: list[Flow]


def bench_clip(source: Path, settings: Settings, *, frames: int, tell: Callable[[str], None]) -> ClipBench:
    """Measure a model's depth of the first ``frames`` frames of a film (or from ``--start`` to ``--end``), shot by shot.

    Raises the errors of a conversion.
    """
    info = probe(source)
    if info.kind == "picture":
        raise UsageError(f"{source} is a picture", hint="bench steadiness takes a film")
    settings = first_frames(settings, frames, info.video.average_rate or Fraction(24))
    tell(f"scanning {source.name}")
    survey = survey_source(info, settings.time, lambda _done: None)
    shots = [Shot(s.start, min(s.end, s.start + _LONGEST)) for s in survey.shots if len(s) > 1]
    if not shots:
        raise InputError(f"{source.name} has no shot of two frames there", hint="choose --start and --end")
    tell(f"loading depth model {settings.depth.model}")
    size = (info.video.width, info.video.height)
    model, numerics = load_with_numerics(
        settings.depth, size, lambda: 0, None, download=lambda _done, _total: None, report=tell
    )
    rows: dict[str, list[tuple[float, float]]] = {}
    with Decoder(info, survey.timeline, seekable=survey.seekable) as decoder:
        for shot in shots:
            tell(f"frames {shot.start} to {shot.end - 1}")
            seen = _look(model, list(decoder.batches(shot.start, shot.end, batch=numerics.batch)))
            for method, depth in _methods(seen, calibrated=model.info.calibrated).items():
                rows.setdefault(method, []).append((flicker(depth, seen.flows), extent(depth)))
    weights = np.array([len(shot) - 1 for shot in shots])
    means = {method: np.average(scores, axis=0, weights=weights) for method, scores in rows.items()}
    reference = max(float(next(iter(means.values()))[0]), 1e-12)
    height, width = seen.raw.shape[1:]
    return ClipBench(
        source=source.name,
        model=model.info.name,
        identity=model.info.identity,
        depth_size=(width, height),
        frames=sum(map(len, shots)),
        shots=len(shots),
        rows=tuple(ClipRow(name, float(f), float(f) / reference, float(c)) for name, (f, c) in means.items()),
    )


def _look(model: DepthModel, batches: Sequence[FrameBatch]) -> _Seen:
    estimator = model.begin_shot()
    maps = torch.cat([m for m in (*map(estimator.push, batches), estimator.finish()) if len(m)])
    raw = maps[:, 0].float().cpu().numpy()
    size = raw.shape[2], raw.shape[1]
    grey = [picture for batch in batches for picture in thumbnails(batch, size[0] * size[1])]
    flows = [
        estimate_flow(*(cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pair)) for pair in pairwise(grey)
    ]
    return _Seen(raw, _alone(model, batches, raw), [p for batch in batches for p in thumbnails(batch)], flows)


def _alone(model: DepthModel, batches: Sequence[FrameBatch], raw: Maps) -> Maps:
    """The maps of the pictures, each as if there were no other."""
    if isinstance(model.begin_shot(), FrameEstimator):
        return raw
    maps = []
    for batch in batches:
        for number in range(len(batch)):
            estimator = model.begin_shot()
            maps += [estimator.push(batch.cut(number, number + 1)), estimator.finish()]
    return np.asarray(torch.cat([m for m in maps if len(m)])[:, 0].float().cpu().numpy(), np.float32)


def _methods(seen: _Seen, *, calibrated: bool) -> dict[str, Maps]:
    """The reference first."""
    depth = {"each picture alone, min-max": minimum_maximum(seen.alone)}
    depth |= {name: method(seen.raw) for name, method in PER_FRAME.items()}
    if calibrated:
        return depth | {"stereo3d": seen.raw, "averaged along the motion": averaged(seen.raw, seen.pictures)}
    steady = stabilised(seen.raw)
    depth |= {"--steady off": stabilised(seen.raw, align=False), "--steady range": steady}
    return depth | {"--steady motion": averaged(steady, seen.pictures)}


def bench_truth(tell: Callable[[str], None], film: DemoFilm = _DEMO) -> TruthBench:
    """Measure on the demo film's true depth, spoiled as networks do (:func:`stereo3d.bench.steady_methods.spoil`)."""
    rows: dict[str, list[tuple[float, ...]]] = {}
    for name, shot in zip(film.scenes, film.shots, strict=True):
        tell(f"rendering {name}")
        numbers = range(shot.start, shot.end)
        truth = np.stack([film.depth(number) for number in numbers])
        pictures = [picture for number in numbers for picture in thumbnails(_frame(film.rgb(number), number))]
        raw = spoil(truth)
        steady = stabilised(raw)
        methods = {"untouched": raw} | {method: make(raw) for method, make in PER_FRAME.items()}
        methods |= {"--steady off": stabilised(raw, align=False), "--steady range": steady}
        methods |= {"--steady motion": averaged(steady, pictures)}
        for method, depth in methods.items():
            true, wander = fidelity(depth, truth), drift(depth, truth)
            scores = (true.flicker, true.error, true.edge_error, true.sharpness, wander.moved, wander.contrast)
            rows.setdefault(method, []).append(scores)
    source = (
        f"the demo film's true depth ({', '.join(film.scenes)}: {film.frames_per_shot} frames each, {film.width}x{film.height}), "
        "spoiled: outlines wobble, patches breathe, scale and shift jitter, re-scaled by 1.4 at half"
    )
    return TruthBench(source, tuple(TruthRow(name, *np.mean(s, axis=0).tolist()) for name, s in rows.items()))


def _frame(rgb: np.ndarray[Any, np.dtype[np.uint8]], number: int) -> FrameBatch:
    grey = torch.from_numpy(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))[None]
    return FrameBatch((grey,), (number,), number, PixelFormat("gray", 8, 0, 0, Colour(full_range=True)))
