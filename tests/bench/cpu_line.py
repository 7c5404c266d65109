"""How near a conversion with depth from a file comes to FFmpeg alone, side by side, on the processor.

FFmpeg decodes, stacks two copies and encodes with the same settings; the conversion decodes the film and its depth, makes two views,
fills the holes, packs, encodes, joins and checks. They take turns; medians count; ``pipeline`` is the conversion without the
scan, the join and the check, which FFmpeg does not have either.

    python -m tests.bench.cpu_line --size 1920x1080 --frames 240 --rounds 3 -- --codec h264
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

from stereo3d.bench.film import run_ffmpeg
from stereo3d.bench.machine import describe
from stereo3d.job.convert import convert_film
from stereo3d.job.numerics import load_with_numerics
from stereo3d.job.prepare import encoder_for, with_fixed_threads
from stereo3d.media.probe import probe
from stereo3d.plan.bars import Framing
from stereo3d.presets import settings_from
from stereo3d.progress import Silent
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


def measure(arguments: argparse.Namespace, options: dict[str, str], folder: Path) -> None:
    width, height = map(int, arguments.size.split("x"))
    film = arguments.film or make_film(folder / "film.mkv", (arguments.frames,), size=(width, height))
    common = {"device": "cpu", "report": "none", "watch": False, "overwrite": True, "restart": True, **options}
    common["end"] = str(Fraction(arguments.frames * 1001, 24000).limit_denominator(1000).__float__())
    depth = folder / "depth.mkv"
    stop = threading.Event()
    convert_film(film, depth, settings_from(None, {**common, "model": "classic", "colormap": "none"}), Silent(), stop)
    settings = settings_from(None, {**common, "depth_from": str(depth)})
    info = probe(film)
    _, numerics = load_with_numerics(
        settings.depth, (width, height), 0, None, download=lambda _done, _total: None, report=lambda _line: None
    )
    spec = with_fixed_threads(encoder_for(info, settings.encode, settings, Framing()), numerics)
    rows: dict[str, list[float]] = {"ffmpeg": [], "pipeline": [], "conversion": []}
    frames, load = arguments.frames, None
    for number in range(arguments.rounds + 1):
        began = time.perf_counter()
        run_ffmpeg(info, spec, frames, folder / "ffmpeg.mkv")
        ffmpeg = time.perf_counter() - began
        began = time.perf_counter()
        report = convert_film(film, folder / "film.3d.mkv", settings, Silent(), stop)
        conversion = time.perf_counter() - began
        frames, load = report.frames, report.load
        if number:
            for name, fps in (
                ("ffmpeg", frames / ffmpeg),
                ("pipeline", report.fps),
                ("conversion", frames / conversion),
            ):
                rows[name].append(fps)
    print(describe(__import__("torch").device("cpu")).text())
    print(
        f"{width}x{height}, {frames} frames, {spec.encoder} {spec.preset} crf {spec.crf}, {spec.threads} threads, {options}"
    )
    for name, values in rows.items():
        ratios = [value / ffmpeg for value, ffmpeg in zip(values, rows["ffmpeg"], strict=True)]
        print(
            f"{name:11} {statistics.median(values):7.2f} fps   {100 * statistics.median(ratios):5.1f} % of FFmpeg alone"
        )
    print("\n".join(load.lines()) if load else "")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
