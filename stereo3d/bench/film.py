"""``stereo3d bench``: each stage of a film alone, the whole conversion, and FFmpeg alone beside it.

Stages run one after another on the same frames, held in memory, so that each has the machine to itself; the conversion is
the real one, from probe to verified file. Beside a network stands the way of the tutorial scripts. Rows take turns; medians count.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from stereo3d.bench.clock import Sample, median, timed
from stereo3d.bench.machine import Machine, describe
from stereo3d.bench.reference import run_ffmpeg, tutorial_film
from stereo3d.bench.weights import weights_for
from stereo3d.demo.film import DemoFilm
from stereo3d.depth.base import DepthModel
from stereo3d.depth.devices import devices_of
from stereo3d.depth.preprocess import parse_depth_size
from stereo3d.depth.registry import MODELS
from stereo3d.errors import OutputError, UsageError
from stereo3d.frames import FrameBatch, Shot
from stereo3d.job.convert import convert_film
from stereo3d.job.encoder import encoder_for, with_fixed_threads
from stereo3d.job.numerics import load_with_numerics
from stereo3d.job.survey import Survey, survey_source
from stereo3d.media.geometry import output_size
from stereo3d.media.probe import probe
from stereo3d.media.segment import SegmentWriter
from stereo3d.media.simple_writer import write_film
from stereo3d.pipeline.load import Load
from stereo3d.pipeline.recipe import Recipe
from stereo3d.pipeline.shot_depth import Depths, ShotDepth
from stereo3d.pipeline.shot_views import Rendered, filled_over_time, rendered
from stereo3d.plan.bars import NO_BARS, Framing
from stereo3d.plan.segments import Segment
from stereo3d.progress import Silent, counted
from stereo3d.render.pack import Packing, pack
from stereo3d.settings import Settings
from stereo3d.table import amount, table

__all__ = ["FilmBench", "StageRow", "bench_film", "first_frames", "render_demo", "with_weights"]

# Frames: the network runs as it would for a film, compiled where that is worth it.
_TWO_HOURS = 172_800
_STAGES = ("decode", "depth", "steady depth", "render", "encode")
# The scripts take frame after frame, so few tell how fast they are.
_REFERENCE_FRAMES = {"cpu": 4, "mps": 24, "cuda": 96}
_DEMO_SHOTS = ("courtyard", "tabletop")


@dataclass(frozen=True, slots=True)
class StageRow:
    """``stage``: decode, depth (the network alone), steady depth, render, encode; conversion (end to end), and of it pipeline (all but
    scan, join and check); ffmpeg (decode, stack, encode; no depth); reference (the tutorial scripts, from film to JPEGs).
    ``core_seconds_per_frame`` is None for what is not measured apart."""

    stage: str
    fps: float
    seconds: float
    core_seconds_per_frame: float | None


@dataclass(frozen=True, slots=True)
class FilmBench:
    """The outcome. ``share_of_slowest``: the pipeline's frames a second over those of the slowest stage alone; on a CPU the
    stages share its cores, so there it says less. ``times_reference``: the same over the reference's, None without one."""

    machine: Machine
    source: str
    frames: int
    source_size: tuple[int, int]
    output_size: tuple[int, int]
    model: str
    weights: str
    batch: int
    encoder: str
    rounds: int
    warm_up: int
    rows: tuple[StageRow, ...]
    slowest: str
    share_of_slowest: float
    times_reference: float | None
    load: Load

    def to_json(self) -> dict[str, Any]:
        return {"kind": "film", **asdict(self)}

    def text(self) -> str:
        """A table for people."""
        size, packed = ("x".join(map(str, s)) for s in (self.source_size, self.output_size))
        about = (
            f"{self.source}: {self.frames} frames, {size} to {packed}; depth {self.model} ({self.weights} weights), batch "
            f"{self.batch}; {self.encoder}; median of {counted(self.rounds, 'round')} after {self.warm_up} of warm-up"
        )
        rows = [(r.stage, amount(r.fps), amount(r.seconds), amount(r.core_seconds_per_frame)) for r in self.rows]
        rest = f"the pipeline runs at {100 * self.share_of_slowest:.0f} % of the slowest stage alone ({self.slowest})"
        parts = [self.machine.text(), about, "", table(("stage", "fps", "seconds", "core-s/frame"), rows), "", rest]
        if self.times_reference is not None:
            parts.append(f"and {amount(self.times_reference)} times as fast as the tutorial's way (reference)")
        parts += [f"in the conversion: {line}" for line in self.load.lines()]
        return "\n".join(parts)


def render_demo(path: Path, size: tuple[int, int], frames: int) -> Path:
    """Two shots of the demo film, ``frames`` in all (2 or more), as H.264, unless it is there. ``size``: (width, height), even.

    Raises OutputError.
    """
    if path.is_file():
        return path
    film = DemoFilm(*size, scenes=_DEMO_SHOTS, frames_per_shot=max(1, frames // 2))
    unfinished = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_film(unfinished, film.pictures(), film.rate, film.sound())
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", hint="set XDG_CACHE_HOME") from error
    return path


def bench_film(
    source: Path,
    settings: Settings,
    *,
    frames: int,
    rounds: int,
    tell: Callable[[str], None],
    name: str = "",
    reference: bool = True,
) -> FilmBench:
    """Measure with the first ``frames`` frames of a film (from ``settings.time.start``). ``name``: what to call it.
    ``reference``: the tutorial's way beside it, where a network with a name gives the depth.

    Weights that are not here are replaced by random ones, and the outcome says so. Raises the errors of a conversion.
    """
    with tempfile.TemporaryDirectory(prefix="stereo3d-bench-", ignore_cleanup_errors=True) as folder:
        settings, weights = with_weights(settings, Path(folder))
        bench = _Bench(source, settings, frames, Path(folder), tell, reference)
        spent = bench.run(rounds)
        return bench.outcome(spent, rounds, weights, name or source.name)


def with_weights(settings: Settings, folder: Path) -> tuple[Settings, str]:
    """The settings, and whether weights are 'given', 'real', 'random' or 'no'."""
    depth, entry = settings.depth, MODELS.get(settings.depth.model)
    if depth.weights or entry is None or not entry.released:  # an unreleased one is refused by load_model
        return settings, "given"
    path, kind = weights_for(entry, folder)
    if kind == "random":
        settings = settings.model_copy(update={"depth": depth.model_copy(update={"weights": str(path)})})
    return settings, kind


class _Bench:
    """One film, prepared: what each stage needs is in memory."""

    def __init__(
        self,
        source: Path,
        settings: Settings,
        frames: int,
        folder: Path,
        tell: Callable[[str], None],
        reference: bool,
    ) -> None:
        self.info = probe(source)
        if self.info.kind == "picture":
            raise UsageError(f"{source} is a picture", hint="bench takes a film, or nothing: it makes one then")
        self.folder, self.tell = folder, tell
        self.settings = first_frames(settings, frames, self.info.video.average_rate or Fraction(24))
        tell(f"scanning {source.name}")
        self.survey: Survey = survey_source(self.info, self.settings.time, lambda _done: None)
        tell(f"loading depth model {settings.depth.model}")
        size = output_size(self.info.video, settings.picture.height)
        self.model, numerics = self._load(size)
        encoder = with_fixed_threads(encoder_for(self.info, settings.encode, settings, Framing()), numerics)
        timeline = self.survey.timeline
        identity = self.model.info.identity
        self.recipe = Recipe(self.info, timeline, self.survey.seekable, self.settings, encoder, numerics, identity)
        self.recipe = replace(self.recipe, device=devices_of(settings.depth.device)[0])
        self.device = self.recipe.place
        self.machine = describe(self.device)
        self.frames: list[tuple[Shot, list[FrameBatch]]] = []
        self.raw: list[tuple[ShotDepth, list[tuple[FrameBatch | None, torch.Tensor]]]] = []
        self.depths: list[Depths] = []
        self.packed: list[FrameBatch] = []
        self.built: list[float] = []
        self.reference = self._reference() if reference else None
        self.load = Load()

    def _load(self, size: tuple[int, int]) -> tuple[DepthModel, Any]:
        return load_with_numerics(
            self.settings.depth, size, lambda: _TWO_HOURS, None, download=lambda _done, _total: None, report=self.tell
        )

    def run(self, rounds: int) -> dict[str, list[Sample]]:
        """All rows, ``rounds`` times and once before to warm up; the stages fill what the next one needs."""
        steps: dict[str, Callable[[], None]] = {
            stage: getattr(self, f"_{stage.replace(' ', '_')}") for stage in _STAGES
        }
        steps["conversion"] = self._convert
        if self._ffmpeg_can():
            steps["ffmpeg"] = self._ffmpeg
        if self.reference is not None:
            steps["reference"] = self.reference
        spent: dict[str, list[Sample]] = {step: [] for step in steps}
        for number in range(rounds + 1):
            self.tell(f"round {number} of {rounds}" if number else "warm-up")
            for step, work in steps.items():
                sample = timed(work, self.device)
                if number:
                    spent[step].append(sample)
        return spent

    def _decode(self) -> None:
        with self.recipe.decoder() as decoder:
            self.frames = [
                (shot, list(decoder.batches(shot.start, shot.end, batch=self.recipe.numerics.batch)))
                for shot in self.survey.shots
            ]

    def _depth(self) -> None:
        self.raw = []
        wanted = self.settings.view.zero_parallax
        for _, batches in self.frames:
            depth = ShotDepth(
                self.model,
                zero_parallax=None if wanted == "auto" else wanted,
                steady=self.settings.depth.steady,
            )
            self.raw.append((depth, [(batch, depth.estimate(batch)) for batch in (*batches, None)]))

    def _steady_depth(self) -> None:
        self.depths = []
        for depth, maps in self.raw:
            parts = [part for batch, raw in maps for part in depth.steadied(batch, raw)]
            screens = tuple(screen for part in parts for screen in part.zero_parallax)
            self.depths.append(Depths(torch.cat([part.codes for part in parts]), screens))

    def _render(self) -> None:
        packing = Packing.of(self.settings)
        views = filled_over_time(self._rendered(), lambda segment: segment)
        self.packed = [pack(*some.views(), packing) for some in views]

    def _rendered(self) -> Iterator[tuple[Segment, Rendered]]:
        view = self.settings.view
        for (shot, batches), depth in zip(self.frames, self.depths, strict=True):
            segment, fill = Segment(0, shot.start, shot.end, (shot,), 0), self.recipe.fills_over_time(shot.start)
            for batch in batches:
                first = batch.index - shot.start
                piece = depth.cut(first, first + len(batch))
                yield (
                    segment,
                    rendered(
                        batch.to(self.device),
                        NO_BARS,
                        piece.maps(self.device),
                        view,
                        strength=(view.strength,) * len(batch),
                        zero_parallax=piece.zero_parallax,
                        fill=fill,
                    ),
                )

    def _encode(self) -> None:
        first, timeline = self.packed[0], self.recipe.timeline
        with SegmentWriter(
            self.folder / "segment.mkv",
            self.recipe.encoder,
            first.format,
            first.width,
            first.height,
            time_base=timeline.time_base,
            rate=timeline.rate,
        ) as writer:
            for batch in self.packed:
                writer.write(batch)

    def _convert(self) -> None:
        run = self.settings.run.model_copy(update={"overwrite": True, "restart": True})
        settings = self.settings.model_copy(update={"run": run})
        report = convert_film(self.info.path, self.folder / "film.mkv", settings, Silent(), threading.Event())
        self.built.append(report.fps)
        self.load = report.load

    def _plain(self) -> bool:
        """Whether the film's own frames are converted, from the first on."""
        time = self.settings.time
        unscaled = self.info.kind == "film" and self.settings.picture.height is None
        return unscaled and time.start is None and time.max_fps is None

    def _reference(self) -> Callable[[], None] | None:
        entry, video = MODELS.get(self.settings.depth.model), self.info.video
        if entry is None or entry.architecture is None or not self._plain():
            return None
        size = parse_depth_size(self.settings.depth.depth_size).size(video.height, video.width)
        folder = self.folder / "reference"
        folder.mkdir()
        return tutorial_film(entry.architecture, self.info.path, folder, self._reference_frames(), size, self.device)

    def _reference_frames(self) -> int:
        return min(len(self.survey.timeline), _REFERENCE_FRAMES[self.device.type])

    def _ffmpeg_can(self) -> bool:
        """Whether FFmpeg's command can do the same without the depth."""
        picture = self.settings.picture
        return picture.layout == "sbs-full" and picture.canvas is None and self._plain()

    def _ffmpeg(self) -> None:
        run_ffmpeg(self.info, self.recipe.encoder, len(self.survey.timeline), self.folder / "ffmpeg.mkv")

    def outcome(self, spent: dict[str, list[Sample]], rounds: int, weights: str, name: str) -> FilmBench:
        count = len(self.survey.timeline)
        counts = {"reference": self._reference_frames()}
        middles = {stage: median(samples) for stage, samples in spent.items()}
        built = statistics.median(self.built[1:])
        rows = [
            StageRow(stage, n / m.wall, m.wall, m.core / n)
            for stage, m in middles.items()
            for n in (counts.get(stage, count),)
        ]
        rows.insert(len(_STAGES), StageRow("pipeline", built, count / built, None))
        slowest = max(_STAGES, key=lambda stage: middles[stage].wall)
        spec, first = self.recipe.encoder, self.packed[0]
        return FilmBench(
            machine=self.machine,
            source=name,
            frames=count,
            source_size=(self.info.video.width, self.info.video.height),
            output_size=(first.width, first.height),
            model=self.model.info.name,
            weights=weights,
            batch=self.recipe.numerics.batch,
            encoder=" ".join(part for part in (spec.encoder, spec.preset, f"crf {spec.crf}") if part),
            rounds=rounds,
            warm_up=1,
            rows=tuple(rows),
            slowest=slowest,
            share_of_slowest=built * middles[slowest].wall / count,
            times_reference=next((built / row.fps for row in rows if row.stage == "reference"), None),
            load=self.load,
        )


def first_frames(settings: Settings, frames: int, rate: Fraction) -> Settings:
    """The settings with an end after so many frames, where they have none."""
    if settings.time.end is not None:
        return settings
    end = Fraction(settings.time.start or 0) + Fraction(round(1000 * frames / rate), 1000)
    return settings.model_copy(update={"time": settings.time.model_copy(update={"end": end})})
