"""``stereo3d bench depth``: networks x sizes x batches x number formats, and the tutorial's way beside them.

Rows of one model and size take turns, so that whatever else the machine does hits all of them; medians count. The timed
unit is the film path: decoded 4:2:0 planes, on the device already, to the network's values.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stereo3d.bench.clock import MemoryWatch, Sample, matrix_peak, median, timed
from stereo3d.bench.flops import network_flops
from stereo3d.bench.machine import Machine, describe
from stereo3d.bench.measurements import Measurement
from stereo3d.bench.picture import frames_of, picture
from stereo3d.bench.reference import tutorial_depth
from stereo3d.bench.weights import weights_for
from stereo3d.depth import load_model
from stereo3d.depth.precision import DTYPES, choose_precision
from stereo3d.depth.preprocess import parse_depth_size
from stereo3d.depth.registry import MODELS, ModelEntry
from stereo3d.table import amount, table

__all__ = ["DepthBench", "DepthRow", "Grid", "bench_depth", "usual_grid"]


@dataclass(frozen=True, slots=True)
class Grid:
    """What is measured. ``sizes``: as ``load_model`` takes them, of a film of ``frame`` (width, height). ``compiled``: rows
    through torch.compile, too. ``reference``: the tutorial's way, too."""

    models: tuple[ModelEntry, ...]
    sizes: tuple[str, ...]
    batches: tuple[int, ...]
    dtypes: tuple[str, ...]
    compiled: bool
    reference: bool
    rounds: int
    frame: tuple[int, int] = (1920, 1080)


def usual_grid(device: torch.device) -> Grid:
    """What is measured unless something else is asked for: some minutes on a GPU, about two on two cores of a processor."""
    if device.type == "cuda":
        networks = tuple(entry for entry in MODELS.values() if entry.released and entry.architecture)
        return Grid(networks, ("518x924",), (1, 8), ("fp16", "bf16"), compiled=True, reference=True, rounds=20)
    best = next(name for name, dtype in DTYPES.items() if dtype == choose_precision("auto", device).encoder)
    dtypes = tuple(dict.fromkeys(("fp32", best)))
    return Grid((MODELS["small"],), ("252x448", "518x924"), (1,), dtypes, compiled=False, reference=True, rounds=3)


@dataclass(frozen=True, slots=True)
class DepthRow:
    """One way to run one network. ``way``: 'film' or 'reference'. ``height``, ``width``: what the network sees.

    ``peak_memory``: bytes, weights included. ``peak_share``: of the device's measured matrix peak in this number format.
    ``times_reference``: frames a second over those of the reference row; ``times_reference_core``: the same a core-second.
    """

    model: str
    way: str
    weights: str
    height: int
    width: int
    batch: int
    dtype: str
    compiled: bool
    fps: float
    core_seconds_per_frame: float
    peak_memory: int
    gflop_per_frame: float | None
    tflops: float | None
    peak_share: float | None
    times_reference: float | None
    times_reference_core: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DepthBench:
    """The outcome. ``peaks``: measured TFLOP/s of a large matrix product, by number format."""

    machine: Machine
    frame: tuple[int, int]
    rounds: int
    warm_up: int
    peaks: dict[str, float]
    rows: tuple[DepthRow, ...]

    def to_json(self) -> dict[str, Any]:
        return {"kind": "depth", **asdict(self)}

    def text(self) -> str:
        """A table for people."""
        head = (
            "model", "way", "weights", "input", "batch", "type", "fps", "core-s/frame", "peak MB", "GFLOP", "TFLOP/s",
            "of peak", "x fps", "x per core",
        )  # fmt: skip
        peaks = ", ".join(f"{name} {amount(value)} TFLOP/s" for name, value in self.peaks.items())
        about = (
            f"{self.frame[0]}x{self.frame[1]} frames, median of {self.rounds} rounds after {self.warm_up} of warm-up"
        )
        notes = [f"{row.model} {row.dtype}: {note}" for row in self.rows for note in row.notes]
        lines = [
            self.machine.text(),
            f"{about}; matrix peak: {peaks or 'not measured'}",
            "",
            table(head, map(_cells, self.rows)),
        ]
        return "\n".join([*lines, "", _LEGEND, *notes])

    def measurements(self, host: str) -> list[Measurement]:
        """What ``stereo3d models`` shows of it."""
        return [
            Measurement(
                model=row.model, device=self.machine.device, height=row.height, width=row.width, batch=row.batch,
                dtype=row.dtype, compiled=row.compiled, fps=row.fps, peak_memory=row.peak_memory, date=self.machine.date,
                random_weights=row.weights == "random", host=host,
            )
            for row in self.rows
            if row.way == "film"
        ]  # fmt: skip


_LEGEND = (
    "reference: the tutorial's way, eager fp32, one frame a call; x: times the reference of the same model and input"
)


def _cells(row: DepthRow) -> tuple[str, ...]:
    return (
        row.model,
        "film, compiled" if row.compiled else row.way,
        row.weights,
        f"{row.height}x{row.width}",
        str(row.batch),
        row.dtype,
        amount(row.fps),
        amount(row.core_seconds_per_frame),
        str(round(row.peak_memory / 1e6)),
        amount(row.gflop_per_frame),
        amount(row.tflops),
        "-" if row.peak_share is None else f"{100 * row.peak_share:.0f} %",
        amount(row.times_reference),
        amount(row.times_reference_core),
    )


@dataclass(slots=True)
class _Way:
    """A row that is being measured: how to run it once, and what came of it so far."""

    name: str
    batch: int
    dtype: str
    compiled: bool
    size: tuple[int, int]
    load: Callable[[Callable[[str], None]], Callable[[], object]]
    run: Callable[[], object] = lambda: None
    peak_memory: int = 0
    samples: list[Sample] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def bench_depth(grid: Grid, device: torch.device, tell: Callable[[str], None]) -> DepthBench:
    """Measure the whole grid. ``tell``: one line about each part as it begins. Raises UsageError, WeightsError."""
    machine = describe(device)
    warm_up = 1 if device.type == "cpu" else 3  # on a GPU: compile or choose kernels, record the graph, run it once
    wanted = {*grid.dtypes, "fp32"} if grid.reference else set(grid.dtypes)
    networks = any(entry.architecture for entry in grid.models)
    tell(f"measuring the matrix peak of {device}")
    peaks = {name: matrix_peak(device, DTYPES[name]) / 1e12 for name in DTYPES if name in wanted and networks}
    rows: list[DepthRow] = []
    for entry in grid.models:
        with tempfile.TemporaryDirectory(prefix="stereo3d-bench-", ignore_cleanup_errors=True) as folder:
            path, kind = weights_for(entry, Path(folder))
            for ways in _groups(grid, entry, path, device):
                tell(f"{entry.name} at {ways[0].size[0]}x{ways[0].size[1]}, {kind} weights: {len(ways)} ways")
                _measure(ways, device, grid.rounds, warm_up)
                rows += _rows(entry, kind, ways, peaks)
    return DepthBench(machine, grid.frame, grid.rounds, warm_up, peaks, tuple(rows))


def _groups(grid: Grid, entry: ModelEntry, path: Path | None, device: torch.device) -> Iterator[list[_Way]]:
    """The ways to run a model, those of one size together."""
    width, height = grid.frame
    rgb = picture(height, width)
    if entry.architecture is None:
        way = _film(entry, path, device, rgb, None, 1, "fp32", False)
        yield [way]
        return
    for text in grid.sizes:
        size = parse_depth_size(text).size(height, width)
        ways = [_reference(entry, rgb, size, device)] if grid.reference else []
        for batch in grid.batches:
            for dtype in grid.dtypes:
                ways += [
                    _film(entry, path, device, rgb, text, batch, dtype, compiled)
                    for compiled in ((False, True) if grid.compiled else (False,))
                ]
        yield ways


def _reference(entry: ModelEntry, rgb: np.ndarray[Any, Any], size: tuple[int, int], device: torch.device) -> _Way:
    arch = entry.architecture
    assert arch is not None

    def load(_report: Callable[[str], None]) -> Callable[[], object]:
        depth = tutorial_depth(arch, size, device)
        return lambda: depth(rgb)

    return _Way("reference", 1, "fp32", False, size, load)


def _film(
    entry: ModelEntry,
    path: Path | None,
    device: torch.device,
    rgb: np.ndarray[Any, Any],
    depth_size: str | None,
    batch: int,
    dtype: str,
    compiled: bool,
) -> _Way:
    frames = frames_of(rgb, batch).to(device)

    def load(report: Callable[[str], None]) -> Callable[[], object]:
        model = load_model(
            entry.name, weights=path, device=str(device), dtype=dtype, batch=batch, depth_size=depth_size,
            compiled=compiled, report=report,
        )  # fmt: skip

        def run() -> torch.Tensor:
            estimator = model.begin_shot()
            return torch.cat([part for part in (estimator.push(frames), estimator.finish()) if len(part)])

        return run

    size = parse_depth_size(depth_size).size(*rgb.shape[:2]) if entry.architecture else rgb.shape[:2]
    return _Way("film", batch, dtype, compiled, (int(size[0]), int(size[1])), load)


def _measure(ways: Sequence[_Way], device: torch.device, rounds: int, warm_up: int) -> None:
    """Load each way, warm it up, note its memory; then let them take turns."""
    torch.compiler.reset()  # compilations count for each function, and beyond eight it would run uncompiled, unseen
    for way in ways:
        watch = MemoryWatch(device)
        way.run = way.load(way.notes.append)
        for _ in range(warm_up):
            if not way.compiled:  # a recorded graph takes its memory once, while it is recorded
                watch.forget_peak()
            way.run()
        way.peak_memory = watch.stop()
    for _ in range(rounds):
        for way in ways:
            way.samples.append(timed(way.run, device))


def _rows(entry: ModelEntry, kind: str, ways: Sequence[_Way], peaks: dict[str, float]) -> Iterator[DepthRow]:
    reference = next((median(way.samples) for way in ways if way.name == "reference"), None)
    for way in ways:
        spent = median(way.samples)
        wall, core = spent.wall / way.batch, spent.core / way.batch
        flop = network_flops(entry.architecture, *way.size).total if entry.architecture else None
        tflops = flop / wall / 1e12 if flop else None
        yield DepthRow(
            model=entry.name,
            way=way.name,
            weights="random" if way.name == "reference" else kind,
            height=way.size[0],
            width=way.size[1],
            batch=way.batch,
            dtype=way.dtype,
            compiled=way.compiled,
            fps=1 / wall,
            core_seconds_per_frame=core,
            peak_memory=way.peak_memory,
            gflop_per_frame=flop / 1e9 if flop else None,
            tflops=tflops,
            peak_share=tflops / peaks[way.dtype] if tflops else None,
            times_reference=reference.wall / wall if reference else None,
            times_reference_core=reference.core / core if reference and core else None,
            notes=tuple(way.notes),
        )
