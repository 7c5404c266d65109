"""How near a conversion with depth from a file comes to FFmpeg alone, side by side, on the processor.

FFmpeg decodes, stacks two copies and encodes with the same settings; the conversion decodes the film and its depth, makes two views,
fills the holes, packs and encodes (``pipeline``: without the scan, the join and the check, which FFmpeg does not have either).
They take turns; medians count. On a machine that others use compare the core-seconds.

    python -m tests.bench.cpu_line --size 1920x1080 --frames 240 --rounds 3 --option codec=hevc
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path

import torch

from stereo3d.bench.machine import describe
from stereo3d.bench.reference import run_ffmpeg
from stereo3d.job.convert import convert_film
from stereo3d.job.numerics import load_with_numerics
from stereo3d.job.prepare import encoder_for, with_fixed_threads
from stereo3d.media.probe import probe
from stereo3d.plan.bars import Framing
from stereo3d.presets import settings_from
from stereo3d.progress import Event, Phase, Silent
from tests.films import make_film


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", nargs="?", type=Path, help="default: one of panning textures, made for it")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the conversion")
    arguments = parser.parse_args()
    options = dict(option.split("=", 1) for option in arguments.option)
    with tempfile.TemporaryDirectory(prefix="stereo3d-line-") as folder:
        measure(arguments, options, Path(folder))


class Cores(Silent):
    """Processor seconds of this process while segments are built."""

    def __init__(self) -> None:
        self.seconds, self._began = 0.0, 0.0

    def emit(self, event: Event) -> None:
        if isinstance(event, Phase) and event.name == "convert":
            self._began = time.process_time()
        elif isinstance(event, Phase) and event.name == "join":
            self.seconds = time.process_time() - self._began


def children() -> float:
    """Processor seconds of processes that we started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(arguments: argparse.Namespace, options: dict[str, str], folder: Path) -> None:
    width, height = map(int, arguments.size.split("x"))
    film = arguments.film or make_film(folder / "film.mkv", (arguments.frames,), size=(width, height))
    common = {"device": "cpu", "report": "none", "watch": False, "overwrite": True, "restart": True, **options}
    common["end"] = f"{arguments.frames * 1001 / 24000:.3f}"
    depth, stop = folder / "depth.mkv", threading.Event()
    grey = {key: value for key, value in common.items() if key in ("device", "report", "watch", "overwrite", "end")}
    convert_film(film, depth, settings_from(None, {**grey, "model": "classic", "colormap": "none"}), Silent(), stop)
    settings = settings_from(None, {**common, "depth_from": str(depth)})
    info = probe(film)
    _, numerics = load_with_numerics(
        settings.depth, (width, height), 0, None, download=lambda _done, _total: None, report=lambda _line: None
    )
    spec = with_fixed_threads(encoder_for(info, settings.encode, settings, Framing()), numerics)
    rows: dict[str, list[tuple[float, float]]] = {"ffmpeg": [], "pipeline": []}
    frames, load = arguments.frames, None
    for number in range(arguments.rounds + 1):
        began, before = time.perf_counter(), children()
        run_ffmpeg(info, spec, frames, folder / "ffmpeg.mkv")
        ffmpeg = frames / (time.perf_counter() - began), (children() - before) / frames
        cores = Cores()
        report = convert_film(film, folder / "film.3d.mkv", settings, cores, stop)
        frames, load = report.frames, report.load
        if number:
            rows["ffmpeg"].append(ffmpeg)
            rows["pipeline"].append((report.fps, cores.seconds / frames))
    print(describe(torch.device("cpu")).text())
    print(f"{width}x{height}, {frames} frames, {spec.encoder} {spec.preset} crf {spec.crf}, {spec.threads} threads")
    for name, values in rows.items():
        speed = statistics.median(ours / theirs for (ours, _), (theirs, _) in zip(values, rows["ffmpeg"], strict=True))
        work = statistics.median(theirs / ours for (_, ours), (_, theirs) in zip(values, rows["ffmpeg"], strict=True))
        fps, core = (statistics.median(column) for column in zip(*values, strict=True))
        print(
            f"{name:9} {fps:7.2f} fps, {100 * speed:5.1f} % of FFmpeg alone; {core:.4f} core-s a frame, "
            f"so {100 * work:5.1f} % with all cores busy"
        )
    print("\n".join(load.lines()) if load else "")


if __name__ == "__main__":
    main()
