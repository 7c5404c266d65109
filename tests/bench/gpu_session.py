"""What is to be measured on the day that a CUDA card is there, in order, in at most 25 minutes.

    python -m tests.bench.gpu_session --make film.mkv      # before, on any machine: a minute of 1080p
    python -m tests.bench.gpu_session film.mkv -o results  # on the card

Each step is a process with a limit of its own; one that fails or takes too long spoils no other. All they say is kept in
``results``; ``results/figures.md`` is for docs/benchmarks.md. ``--only STEP`` (repeatable) runs some of them. Networks have random
weights: speed does not depend on them. ``--tiny`` with ``--device cpu`` tries the session itself, in minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stereo3d.bench.film import render_demo
from stereo3d.bench.machine import describe
from stereo3d.bench.weights import write_random_checkpoint
from stereo3d.depth.registry import MODELS
from stereo3d.media.tools import ffmpeg_exe

MODEL_NAMES = ("large", "base", "small")
TARGETS = {"large": 130, "base": 300, "small": 400}
"""Frames a second end to end on an H100, 1080p."""
OUTPUTS = {
    "x264": ("--codec", "h264", "--encoder", "software"),
    "half-av1": ("--layout", "sbs-half", "--codec", "av1", "--encoder", "software", "--encoder-preset", "12"),
    "nvenc": ("--codec", "hevc", "--encoder", "nvenc"),
}
MADE, LOOPS = 240, 9  # frames of the film that is made, and how often it is repeated


@dataclass(frozen=True, slots=True)
class Step:
    """``words``: of the command, after Python. ``seconds``: its limit."""

    name: str
    words: tuple[str, ...]
    seconds: int


def steps(film: Path, out: Path, device: str, *, tiny: bool) -> list[Step]:
    """In the order of what is wanted most."""
    cli = ("-m", "stereo3d")
    size, rounds = ("128x72", "1") if tiny else ("1920x1080", "2")
    small = ("--depth-size", "112", "--dtype", "fp32") if tiny else ()
    models = ("small",) if tiny else MODEL_NAMES
    found = [
        Step("tests", ("-m", "pytest", "-q", "-m", "needs_cuda", "-p", "no:cacheprovider"), 300),
        Step("views", ("-m", "tests.bench.views_gpu"), 90),
    ]
    grid = ("--sizes", "112", "--rounds", "1", "--batches", "1") if tiny else ("--batches", "1,16", "--compiled")
    nets = (*cli, "bench", "depth", "--device", device, "--models", ",".join(models), *grid, "--json")
    found.append(Step("networks", nets, 420))
    for model in models:
        weights = out / f"{model}.pth"
        common = (*small, "--model", model, "--weights", str(weights), "--device", device)
        for name, words in OUTPUTS.items():
            target = out / f"{model}-{name}.mkv"
            job = (*cli, "convert", str(film), "-o", str(target), *common, *words, "--compile", "off" if tiny else "on")
            told = ("--report", "json", "--trace", str(out / f"{model}-{name}.trace.json"), "--overwrite", "--restart")
            found.append(Step(f"{model} {name}", (*job, *told, "--no-watch"), 180))
        two = f"{device},{device}" if device == "cpu" else "cuda:0,cuda:0"
        words = (*small, "--model", model, "--weights", str(weights), "--device", two, *OUTPUTS["half-av1"])
        job = (*cli, "convert", str(film), "-o", str(out / f"{model}-two.mkv"), *words, "--report", "json")
        found.append(Step(f"{model} two processes", (*job, "--overwrite", "--restart", "--no-watch"), 180))
        stages = ("--size", size, "--frames", "48", "--rounds", rounds, "--json")
        found.append(Step(f"{model} stages", (*cli, "bench", str(film), *common, *stages), 150))
    return found


def run(step: Step, out: Path, environment: dict[str, str]) -> tuple[str, float]:
    """(how it ended, seconds); what it says goes to files."""
    began, base = time.monotonic(), out / step.name.replace(" ", "-")
    with base.with_suffix(".out").open("w") as said, base.with_suffix(".err").open("w") as told:
        try:
            words = [sys.executable, *step.words]
            code = subprocess.run(words, stdout=said, stderr=told, env=environment, timeout=step.seconds).returncode
            ended = "done" if code == 0 else f"exit code {code}"
        except subprocess.TimeoutExpired:
            ended = f"stopped after {step.seconds} s"
    return ended, time.monotonic() - began


def figures(out: Path, device: str) -> str:
    """The results as a page of tables."""
    lines = ["# Measured on a card", "", describe(torch.device(device)).text(), "", "## End to end, 1080p", ""]
    lines += [
        "| model | output | frames/s | wanted | limited by | busy | device memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for model in MODEL_NAMES:
        for name in (*OUTPUTS, "two"):
            told = _json(out / f"{model}-{name}.mkv.report.json")
            if told:
                report, load = told["report"], told["report"]["load"]
                busy = ", ".join(f"{s['stage']} {100 * s['busy']:.0f} %" for s in load["stages"])
                memory = f"{load['device_memory'] / 2**30:.1f} GiB"
                lines.append(
                    f"| {model} | {name} | {report['fps']:.1f} | {TARGETS[model]} | {report['limited_by']} | {busy} | {memory} |"
                )
    for model in MODEL_NAMES:
        bench = _json(out / f"{model}-stages.out")
        if bench:
            rows = ", ".join(f"{row['stage']} {row['fps']:.1f}" for row in bench["rows"])
            times = f"; {bench['times_reference']:.1f} times the tutorial's way" if bench["times_reference"] else ""
            lines += ["", f"{model}, each stage alone, frames/s: {rows}{times}."]
    bench = _json(out / "networks.out")
    if bench:
        lines += [
            "",
            "## The networks alone",
            "",
            "| model | way | batch | type | frames/s | peak MB |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for row in bench["rows"]:
            way = f"{row['way']}{', compiled' if row['compiled'] else ''}"
            peak = (row["peak_memory"] or 0) / 1e6
            lines.append(
                f"| {row['model']} | {way} | {row['batch']} | {row['dtype']} | {row['fps']:.1f} | {peak:.0f} |"
            )
    for name in ("tests", "views"):
        path = out / f"{name}.out"
        if path.exists():
            lines += ["", f"## {name}", "", "```", *path.read_text().splitlines()[-12:], "```"]
    return "\n".join(lines) + "\n"


def _json(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return value


def make_film(path: Path, *, tiny: bool) -> None:
    """Two shots of the demo film, again and again: network, shots and encoder do not notice."""
    once = path.with_name(f"once-{path.name}")
    render_demo(once, (128, 72) if tiny else (1920, 1080), 16 if tiny else MADE)
    words = [
        ffmpeg_exe(),
        "-v",
        "error",
        "-y",
        "-stream_loop",
        str(1 if tiny else LOOPS),
        "-i",
        once,
        "-an",
        "-c",
        "copy",
        path,
    ]
    subprocess.run(list(map(str, words)), check=True)
    once.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", nargs="?", type=Path)
    parser.add_argument("--make", type=Path, metavar="FILM")
    parser.add_argument("-o", "--out", type=Path, default=Path("gpu-results"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", action="append", metavar="STEP")
    parser.add_argument("--minutes", type=float, default=25, help="no step begins after these")
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    if asked.make is not None:
        make_film(asked.make, tiny=asked.tiny)
        return 0
    if asked.film is None:
        parser.error("which film? --make FILM makes one")
    asked.out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **({} if asked.device == "cpu" else {"STEREO3D_REQUIRE_CUDA": "1"})}
    failed, began = 0, time.monotonic()
    for step in steps(asked.film, asked.out, asked.device, tiny=asked.tiny):
        model = step.name.split()[0]
        if asked.only and step.name not in asked.only and model not in asked.only:
            continue
        if time.monotonic() - began > 60 * asked.minutes:
            print(f"{step.name}: no time left", flush=True)
            continue
        if model in MODEL_NAMES and not (asked.out / f"{model}.pth").exists():
            architecture = MODELS[model].architecture
            assert architecture is not None
            write_random_checkpoint(architecture, asked.out / f"{model}.pth")
        ended, seconds = run(step, asked.out, environment)
        failed += ended != "done"
        print(f"{step.name}: {ended}, {seconds:.0f} s", flush=True)
        (asked.out / "figures.md").write_text(figures(asked.out, asked.device))
    print(asked.out / "figures.md")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
