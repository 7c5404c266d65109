"""The commands beside convert: models, doctor, shots, bench. Arguments in, text or JSON out; light until one runs."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stereo3d.errors import OutputError, UsageError
from stereo3d.settings import Settings, TimeSettings

if TYPE_CHECKING:
    import torch

    from stereo3d.bench.depth import Grid
    from stereo3d.depth.registry import ModelEntry

__all__ = ["add_commands", "joined"]

Add = Callable[..., argparse.ArgumentParser]
_BENCH_PARTS = ("depth", "steadiness")


def joined(argv: Sequence[str]) -> list[str]:
    """``bench depth`` is a command of its own, and so is ``bench steadiness``: their options are others."""
    own = len(argv) > 1 and argv[0] == "bench" and argv[1] in _BENCH_PARTS
    return [f"bench-{argv[1]}", *argv[2:]] if own else list(argv)


def add_commands(add: Add, add_settings: Callable[..., None]) -> None:
    """Add the commands. ``add``: makes a parser; ``add_settings``: gives it the options of a conversion."""
    models = add("models", help="depth models: licence, where the weights are, speed here")
    models.set_defaults(run=_models)
    doctor = add("doctor", help="what this machine can do")
    doctor.set_defaults(run=_doctor)
    shots = add("shots", help="the shots of a film, with times")
    shots.add_argument(
        "input",
        metavar="INPUT|OUTPUT",
        type=Path,
        help="a film, a folder of numbered pictures, or what convert made of one",
    )
    shots.add_argument(
        "--thumbs", metavar="DIR", type=Path, default=None, help="a small picture of each shot goes there"
    )
    for name, field in TimeSettings.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        metavar = str(extra.get("metavar"))
        shots.add_argument("--" + name.replace("_", "-"), metavar=metavar, default=None, help=field.description)
    shots.set_defaults(run=_shots)
    bench = add(
        "bench",
        help="how fast a film is converted here, stage by stage; 'bench depth': the networks alone; 'bench steadiness'",
        description="Measures each stage alone and the whole conversion, on INPUT or on a small film made for it. The model is "
        "classic unless another is asked for. 'stereo3d bench depth --help': the depth networks alone; 'stereo3d bench steadiness --help': "
        "how steady depth is.",
    )
    bench.add_argument("input", metavar="INPUT", type=Path, nargs="?", help="a film (default: a generated one)")
    bench.add_argument("--preset", metavar="NAME|FILE", default=None, help="options from a preset; others override it")
    bench.add_argument("--frames", metavar="N", type=_number, default=24, help="frames of the film to use (default 24)")
    bench.add_argument(
        "--size", metavar="WxH", type=_size, default="1280x720", help="of the generated film (default 1280x720)"
    )
    bench.add_argument(
        "--rounds", metavar="N", type=_number, default=3, help="measured rounds after one of warm-up (default 3)"
    )
    add_settings(bench, "bench")  # how to run is the benchmark's own business
    bench.set_defaults(run=_bench)
    _add_bench_depth(add)
    _add_bench_steadiness(add, add_settings)
    for parser in (models, doctor, shots, bench):
        parser.add_argument("--json", action="store_true", help="as JSON on stdout")


def _add_bench_depth(add: Add) -> None:
    depth = add(
        "bench-depth",
        prog="stereo3d bench depth",
        description="Measures the depth networks alone, beside the way the tutorial scripts run them. Weights that are not here "
        "are replaced by random ones of the same shape: speed does not depend on them.",
    )
    depth.add_argument(
        "--models", metavar="M,..", help="of small, base, large, classic (default: small; on a GPU all networks)"
    )
    depth.add_argument(
        "--sizes", metavar="S,..", help="what the network sees: short side or HxW budget, such as 252,518x924"
    )
    depth.add_argument("--batches", metavar="N,..", help="frames a call (default 1; on a GPU 1,8)")
    depth.add_argument("--dtypes", metavar="D,..", help="of fp32, bf16, fp16 (default: what suits the device)")
    depth.add_argument(
        "--compiled", action=argparse.BooleanOptionalAction, default=None, help="rows through torch.compile, too"
    )
    depth.add_argument(
        "--reference", action=argparse.BooleanOptionalAction, default=True, help="the tutorial's way beside it"
    )
    depth.add_argument(
        "--frame", metavar="WxH", type=_size, default="1920x1080", help="the film's frames (default 1920x1080)"
    )
    depth.add_argument(
        "--rounds", metavar="N", type=_number, default=None, help="measured rounds (default 3; on a GPU 20)"
    )
    depth.add_argument(
        "--threads", metavar="N", type=_number, default=None, help="of torch on the processor (default: all cores)"
    )
    depth.add_argument("--device", metavar="D", default="auto", help="auto, cpu, mps, cuda or cuda:N")
    depth.add_argument("--json", action="store_true", help="as JSON on stdout")
    depth.set_defaults(run=_bench_depth)


def _add_bench_steadiness(add: Add, add_settings: Callable[..., None]) -> None:
    steadiness = add(
        "bench-steadiness",
        prog="stereo3d bench steadiness",
        description="Measures how depth flickers from frame to frame on a film, by method: each picture scaled on its own, and what "
        "--steady off, range and motion make of it. Without INPUT: the true depth of the demo film, spoiled as a network "
        "spoils it, so that drift and error are known, too.",
    )
    steadiness.add_argument("input", metavar="INPUT", type=Path, nargs="?", help="a film or a folder of pictures")
    steadiness.add_argument(
        "--frames", metavar="N", type=_number, default=96, help="frames of the film to use, without --end (default 96)"
    )
    add_settings(steadiness, "bench-steadiness")
    steadiness.add_argument("--json", action="store_true", help="as JSON on stdout")
    steadiness.set_defaults(run=_bench_steadiness)


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100000")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()) or min(int(width), int(height)) < 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not WxH with sides from 64, such as 1280x720")
    if int(width) % 2 or int(height) % 2 or max(int(width), int(height)) > 8192:
        raise argparse.ArgumentTypeError(f"{text!r}: sides must be even and at most 8192")
    return int(width), int(height)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _models(arguments: argparse.Namespace) -> int:
    from stereo3d.facts.models import model_facts, models_text

    models = model_facts()
    print(json.dumps({"models": [model.to_json() for model in models]}) if arguments.json else models_text(models))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from stereo3d.facts.doctor import examine, examine_text

    checks = list(examine())
    print(json.dumps({"checks": [check.to_json() for check in checks]}) if arguments.json else examine_text(checks))
    return 0


def _shots(arguments: argparse.Namespace) -> int:
    from stereo3d.facts.shots import list_shots, look_at, write_thumbs, written_survey
    from stereo3d.job.survey import survey_source
    from stereo3d.progress import Advance, Note, Phase, open_progress

    given = {name: value for name in TimeSettings.model_fields if (value := getattr(arguments, name)) is not None}
    times = Settings.from_flat(given).time
    written = written_survey(arguments.input) if not given else None
    source, survey, manifest = written or (arguments.input, None, None)
    info = look_at(source) if survey is None or arguments.thumbs else None
    progress = open_progress("auto")
    try:
        if survey is None and info is not None:
            progress.emit(Phase("scan", f"scanning {info.path.name} for shots", info.video.frames_hint))
            tell = lambda done: progress.emit(Advance(done)) if done % 24 == 0 else None  # noqa: E731
            survey = survey_source(info, times, tell)
        assert survey is not None
        thumbs = write_thumbs(info, survey, arguments.thumbs) if info is not None and arguments.thumbs else ()
        shots = list_shots(str(arguments.input), survey, manifest, thumbs)
        for fault in shots.faults:
            progress.emit(Note(fault, "warning"))
    finally:
        progress.close()
    print(json.dumps(shots.to_json()) if arguments.json else shots.text())
    return 3 if shots.faults else 0


def _bench(arguments: argparse.Namespace) -> int:
    from stereo3d.bench.film import bench_film, render_demo
    from stereo3d.files import cache_folder
    from stereo3d.presets import settings_from

    own = {"command", "run", "input", "preset", "frames", "size", "rounds", "json"}
    options: dict[str, Any] = {name: value for name, value in vars(arguments).items() if name not in own}
    if arguments.preset is None:
        options.setdefault("model", "classic")
    settings = settings_from(arguments.preset, options)
    source, name = arguments.input, ""
    if source is None:
        width, height = arguments.size
        name = "the demo film"
        _tell("making a small film to measure with, unless it is there from before")
        place = cache_folder() / f"bench-{width}x{height}-{arguments.frames}.mkv"
        source = render_demo(place, arguments.size, arguments.frames)
    result = bench_film(source, settings, frames=arguments.frames, rounds=arguments.rounds, tell=_tell, name=name)
    print(json.dumps(result.to_json()) if arguments.json else result.text())
    return 0


def _bench_depth(arguments: argparse.Namespace) -> int:
    import torch

    from stereo3d.bench.depth import bench_depth
    from stereo3d.bench.measurements import keep
    from stereo3d.depth.precision import choose_device

    device = choose_device(arguments.device)
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    result = bench_depth(_grid(arguments, device), device, _tell)
    print(json.dumps(result.to_json()) if arguments.json else result.text())
    try:
        _tell(f"kept for 'stereo3d models' in {keep(result.measurements(platform.node()))}")
    except OutputError as error:  # the figures are what was asked for, and they are there
        _tell(f"warning: not kept for 'stereo3d models': {error.message}")
    return 0


def _bench_steadiness(arguments: argparse.Namespace) -> int:
    from stereo3d.bench.steadiness import ClipBench, TruthBench, bench_clip, bench_truth
    from stereo3d.presets import settings_from

    own = {"command", "run", "input", "frames", "json"}
    options: dict[str, Any] = {name: value for name, value in vars(arguments).items() if name not in own}
    result: ClipBench | TruthBench
    if arguments.input is None:
        if options:
            raise UsageError("without INPUT the demo film's true depth is measured", hint="leave the options out")
        result = bench_truth(_tell)
    else:
        result = bench_clip(arguments.input, settings_from(None, options), frames=arguments.frames, tell=_tell)
    print(json.dumps(result.to_json()) if arguments.json else result.text())
    return 0


def _grid(arguments: argparse.Namespace, device: torch.device) -> Grid:
    """What was asked for; else a small grid on a processor, which ends within minutes, and a large one on a GPU."""
    from stereo3d.bench.depth import Grid, usual_grid
    from stereo3d.depth.precision import DTYPES
    from stereo3d.depth.preprocess import parse_depth_size

    usual = usual_grid(device)
    batches = _list(arguments.batches, "batches") or usual.batches
    if not all(str(batch).isdecimal() and 1 <= int(batch) <= 256 for batch in batches):
        raise UsageError(f"--batches {arguments.batches!r}: not all are numbers", hint="give 1..256, such as 1,8")
    sizes = _list(arguments.sizes, "sizes") or usual.sizes
    for size in sizes:
        parse_depth_size(size)  # refused before anything is measured
    return Grid(
        models=tuple(_entry(name) for name in _list(arguments.models, "models")) or usual.models,
        sizes=sizes,
        batches=tuple(int(batch) for batch in batches),
        dtypes=_list(arguments.dtypes, "dtypes", DTYPES) or usual.dtypes,
        compiled=usual.compiled if arguments.compiled is None else arguments.compiled,
        reference=arguments.reference,
        rounds=arguments.rounds or usual.rounds,
        frame=arguments.frame,
    )


def _entry(name: str) -> ModelEntry:
    """A model that is measured by name. Raises UsageError."""
    from stereo3d.depth.registry import choose

    entry = choose(name).entry
    if entry is None:
        raise UsageError(
            f"--models {name!r}: only models with a name are measured", hint="give small, base, large, classic"
        )
    return entry


def _list(text: str | None, option: str, known: Container[str] | None = None) -> tuple[str, ...]:
    """The parts of a comma-separated option. Raises UsageError for one that is not known."""
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text else ()
    wrong = [part for part in parts if not part or (known is not None and part not in known)]
    if wrong:
        hint = f"see stereo3d bench depth --help for what --{option} takes"
        raise UsageError(f"--{option} {text!r}: {wrong[0]!r} is not known", hint=hint)
    return parts
