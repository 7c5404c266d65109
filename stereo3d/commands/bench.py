"""bench, bench depth, bench steadiness: how fast and how steady."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stereo3d.commands.arguments import Add, add_preset, number, parts, settings_given, size, tell
from stereo3d.errors import OutputError, UsageError

if TYPE_CHECKING:
    import torch

    from stereo3d.bench.depth import Grid
    from stereo3d.depth.registry import ModelEntry

__all__ = ["PARTS", "add_bench"]

PARTS = ("depth", "steadiness")


def add_bench(add: Add, add_settings: Callable[..., None]) -> None:
    """Add bench and its parts. ``add_settings``: gives a parser the options of a conversion."""
    bench = add(
        "bench",
        usage="stereo3d bench [INPUT] [options]",
        help="how fast a film is converted here, stage by stage; 'bench depth': the networks alone; 'bench steadiness'",
        description="Measures each stage alone and the whole conversion, on INPUT or on a small film made for it. The model is "
        "classic unless another is asked for. 'stereo3d bench depth --help': the depth networks alone; 'stereo3d bench steadiness --help': "
        "how steady depth is.",
    )
    bench.add_argument("input", metavar="INPUT", type=Path, nargs="?", help="a film (default: a generated one)")
    add_preset(bench)
    bench.add_argument("--frames", metavar="N", type=number, default=24, help="frames of the film to use (default 24)")
    bench.add_argument(
        "--size", metavar="WxH", type=size, default="1280x720", help="of the generated film (default 1280x720)"
    )
    bench.add_argument(
        "--rounds", metavar="N", type=number, default=3, help="measured rounds after one of warm-up (default 3)"
    )
    _add_reference(bench)
    add_settings(bench, "bench")  # how to run is the benchmark's own business
    bench.set_defaults(run=_bench)
    _add_bench_depth(add)
    _add_bench_steadiness(add, add_settings)
    bench.add_argument("--json", action="store_true", help="as JSON on stdout")


def _add_bench_depth(add: Add) -> None:
    depth = add(
        "bench-depth",
        prog="stereo3d bench depth",
        usage="stereo3d bench depth [options]",
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
    _add_reference(depth)
    depth.add_argument(
        "--frame", metavar="WxH", type=size, default="1920x1080", help="the film's frames (default 1920x1080)"
    )
    depth.add_argument(
        "--rounds", metavar="N", type=number, default=None, help="measured rounds (default 3; on a GPU 20)"
    )
    depth.add_argument(
        "--threads", metavar="N", type=number, default=None, help="of torch on the processor (default: all cores)"
    )
    depth.add_argument("--device", metavar="D", default="auto", help="auto, cpu, mps, cuda or cuda:N")
    depth.add_argument("--json", action="store_true", help="as JSON on stdout")
    depth.set_defaults(run=_bench_depth)


def _add_reference(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reference", action=argparse.BooleanOptionalAction, default=True, help="networks: the tutorial's way beside"
    )


def _add_bench_steadiness(add: Add, add_settings: Callable[..., None]) -> None:
    steadiness = add(
        "bench-steadiness",
        prog="stereo3d bench steadiness",
        usage="stereo3d bench steadiness [INPUT] [options]",
        description="Measures how depth flickers from frame to frame on a film, by method: each picture scaled on its own, and what "
        "--steady off, range and motion make of it. Without INPUT: the true depth of the demo film, spoiled as a network "
        "spoils it, so that drift and error are known, too.",
    )
    steadiness.add_argument("input", metavar="INPUT", type=Path, nargs="?", help="a film or a folder of pictures")
    steadiness.add_argument(
        "--frames", metavar="N", type=number, default=96, help="frames of the film to use, without --end (default 96)"
    )
    add_settings(steadiness, "bench-steadiness")
    steadiness.add_argument("--json", action="store_true", help="as JSON on stdout")
    steadiness.set_defaults(run=_bench_steadiness)


def _bench(arguments: argparse.Namespace) -> int:
    from stereo3d.bench.film import bench_film, render_demo
    from stereo3d.files import cache_folder
    from stereo3d.presets import settings_from

    options = settings_given(arguments)
    if arguments.preset is None:
        options.setdefault("model", "classic")
    settings = settings_from(arguments.preset, options)
    source, name = arguments.input, ""
    if source is None:
        width, height = arguments.size
        name = "the demo film"
        tell("making a small film to measure with, unless it is there from before")
        place = cache_folder() / f"bench-{width}x{height}-{arguments.frames}.mkv"
        source = render_demo(place, arguments.size, arguments.frames)
    result = bench_film(
        source,
        settings,
        frames=arguments.frames,
        rounds=arguments.rounds,
        tell=tell,
        name=name,
        reference=arguments.reference,
    )
    print(json.dumps(result.to_json()) if arguments.json else result.text())
    return 0


def _bench_depth(arguments: argparse.Namespace) -> int:
    import torch

    from stereo3d.bench.depth import bench_depth
    from stereo3d.bench.measurements import keep
    from stereo3d.depth.precision import choose_device

    device = choose_device(arguments.device)
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    result = bench_depth(_grid(arguments, device), device, tell)
    print(json.dumps(result.to_json()) if arguments.json else result.text())
    try:
        tell(f"kept for 'stereo3d models' in {keep(result.measurements(platform.node()))}")
    except OutputError as error:  # the figures are what was asked for, and they are there
        tell(f"warning: not kept for 'stereo3d models': {error.message}")
    return 0


def _bench_steadiness(arguments: argparse.Namespace) -> int:
    from stereo3d.bench.steadiness import ClipBench, TruthBench, bench_clip, bench_truth
    from stereo3d.presets import settings_from

    options = settings_given(arguments)
    result: ClipBench | TruthBench
    if arguments.input is None:
        if options:
            raise UsageError("without INPUT the demo film's true depth is measured", hint="leave the options out")
        result = bench_truth(tell)
    else:
        result = bench_clip(arguments.input, settings_from(None, options), frames=arguments.frames, tell=tell)
    print(json.dumps(result.to_json()) if arguments.json else result.text())
    return 0


def _grid(arguments: argparse.Namespace, device: torch.device) -> Grid:
    """What was asked for; else a small grid on a processor, which ends within minutes, and a large one on a GPU."""
    from stereo3d.bench.depth import Grid, usual_grid
    from stereo3d.depth.precision import DTYPES
    from stereo3d.depth.preprocess import parse_depth_size

    usual = usual_grid(device)
    batches = parts(arguments.batches, "batches") or usual.batches
    if not all(str(batch).isdecimal() and 1 <= int(batch) <= 256 for batch in batches):
        raise UsageError(f"--batches {arguments.batches!r}: not all are numbers", hint="give 1..256, such as 1,8")
    sizes = parts(arguments.sizes, "sizes") or usual.sizes
    for each in sizes:
        parse_depth_size(each)  # refused before anything is measured
    return Grid(
        models=tuple(_entry(name) for name in parts(arguments.models, "models")) or usual.models,
        sizes=sizes,
        batches=tuple(int(batch) for batch in batches),
        dtypes=parts(arguments.dtypes, "dtypes", DTYPES) or usual.dtypes,
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
