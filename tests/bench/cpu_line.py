"""How near a conversion with depth from a file comes to FFmpeg alone, side by side, on the processor.

FFmpeg decodes, stacks two copies and encodes with the same settings; the conversion decodes the film and its depth, makes two views,
fills the holes, packs and encodes (``pipeline``: without the scan, the join and the check, which FFmpeg does not have either).
They take turns; medians count; per cents are of FFmpeg's. On a machine that others use compare the core-seconds: what the processor
did for each, whoever had to wait. Two copies are easier to encode than two views (of a made film above all, which pans as one); what
FFmpeg needs for the views that we made, decoded from our output, is told beside it. Where ours went is told by thread.

    python -m tests.bench.cpu_line --size 1920x1080 --frames 240 --rounds 1

A case is options of the conversion: by default the program's own with the depth of a network (holes filled over time), with
classic's (holes filled within the frame), and with half the width. ``--case codec=hevc`` measures others.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import psutil
import torch

from stereo3d.bench.machine import describe
from stereo3d.bench.reference import TWO_COPIES, run_ffmpeg
from stereo3d.job.convert import convert_film
from stereo3d.job.encoder import encoder_for, with_fixed_threads
from stereo3d.job.numerics import load_with_numerics
from stereo3d.layouts import LAYOUTS
from stereo3d.media.probe import probe
from stereo3d.plan.bars import Framing
from stereo3d.presets import settings_from
from stereo3d.progress import Event, Phase, Silent
from stereo3d.settings import Settings
from tests.films import make_film

CASES = ["fill=temporal", "fill=spatial", "fill=temporal,layout=sbs-half"]
COMMON = {"device": "cpu", "report": "none", "watch": False, "overwrite": True}
_EVERY = 0.25  # seconds between looks at the threads: those of an encoder end with its segment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", nargs="?", type=Path, help="default: one of panning textures, made for it")
    parser.add_argument("--depth", type=Path, help="the film's depth; default: classic's, made for it")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--case", action="append", metavar="NAME=VALUE,..", help="options of a conversion; repeatable")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    print(describe(torch.device("cpu")).text(), flush=True)
    with tempfile.TemporaryDirectory(prefix="stereo3d-line-") as name:
        folder = Path(name)
        film = arguments.film or make_film(folder / "film.mkv", (arguments.frames,), size=(width, height))
        end = {"end": f"{arguments.frames * 1001 / 24000:.3f}"}
        depth = arguments.depth or folder / "depth.mkv"
        if arguments.depth is None:
            grey = settings_from(None, {**COMMON, **end, "model": "classic", "colormap": "none"})
            convert_film(film, depth, grey, Silent(), threading.Event())
        given = {**COMMON, **end, "restart": True, "depth_from": str(depth)}
        for case in arguments.case or CASES:
            options = dict(option.split("=", 1) for option in case.split(","))
            measure(film, case, settings_from(None, {**given, **options}), arguments.rounds, folder)


class Cores(Silent):
    """Processor seconds of this process while segments are built, in all and by thread."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._by_thread: dict[int, tuple[str, float]] = {}
        self._before: dict[int, tuple[str, float]] = {}
        self._over = threading.Event()

    def emit(self, event: Event) -> None:
        if isinstance(event, Phase) and event.name == "convert":
            self.seconds = -time.process_time()
            self._before = dict(_threads())
            threading.Thread(target=self._look, name="this bench", daemon=True).start()
        elif isinstance(event, Phase) and event.name == "join":
            self._over.set()
            self._by_thread |= _threads()
            self.seconds += time.process_time()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            self._by_thread |= _threads()

    def by_kind(self) -> dict[str, float]:
        """Seconds by what the threads are for, most first; what no look saw is missing."""
        kinds: defaultdict[str, float] = defaultdict(float)
        for number, (kind, seconds) in self._by_thread.items():
            kinds[kind] += max(0.0, seconds - self._before.get(number, ("", 0.0))[1])
        return dict(sorted(kinds.items(), key=lambda item: -item[1]))


def _threads() -> dict[int, tuple[str, float]]:
    """What each thread of this process is for, and its processor seconds."""
    ours = {thread.native_id: thread.name for thread in threading.enumerate()}
    return {t.id: (_kind(t.id, ours.get(t.id)), t.user_time + t.system_time) for t in psutil.Process().threads()}


def _kind(number: int, name: str | None) -> str:
    if name == "MainThread":
        return "handing to the encoder"
    if name is not None:
        return name.split("_")[0]
    comm = Path(f"/proc/self/task/{number}/comm")  # only Linux tells: FFmpeg's decoders name their threads
    try:
        native = comm.read_text()
    except OSError:
        native = ""
    return f"decoder {native.split(':')[1]}" if native.startswith("av:") else "encoder's own"


def children() -> float:
    """Processor seconds of processes that we started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(film: Path, case: str, settings: Settings, rounds: int, folder: Path) -> None:
    info, stop = probe(film), threading.Event()
    size = info.video.out_width, info.video.out_height
    _, numerics = load_with_numerics(
        settings.depth, size, lambda: 0, None, download=lambda _done, _total: None, report=lambda _line: None
    )
    spec = with_fixed_threads(encoder_for(info, settings.encode, settings, Framing()), numerics)
    squeeze = "scale=iw/2:ih," if LAYOUTS[settings.picture.layout].squeeze == (2, 1) else ""
    output, cores = folder / "film.3d.mkv", Cores()
    convert_film(film, output, warmed(settings), Silent(), stop)
    rows: dict[str, list[tuple[float, float]]] = {"ffmpeg": [], "ffmpeg, given our views": [], "pipeline": []}
    for _ in range(rounds):
        cores = Cores()
        report = convert_film(film, output, settings, cores, stop)
        rows["pipeline"].append((1 / report.fps, cores.seconds / report.frames))
        for name, source, graph in (
            ("ffmpeg", info, squeeze + TWO_COPIES),
            ("ffmpeg, given our views", probe(output), "null"),
        ):
            began, before = time.perf_counter(), children()
            run_ffmpeg(source, spec, report.frames, folder / "ffmpeg.mkv", graph=graph)
            wall = (time.perf_counter() - began) / report.frames
            rows[name].append((wall, (children() - before) / report.frames))
    print(
        f"\n{case}: {size[0]}x{size[1]}, {report.frames} frames, {spec.encoder} {spec.preset} crf {spec.crf}, ", end=""
    )
    print(f"{spec.threads} threads, {rounds} rounds; {settings.picture.layout}")
    for name, values in rows.items():
        seconds, core = (statistics.median(column) for column in zip(*values, strict=True))
        speed, work = (
            statistics.median(theirs[k] / ours[k] for theirs, ours in zip(rows["ffmpeg"], values, strict=True))
            for k in (0, 1)
        )
        print(
            f"{name:23} {1 / seconds:7.2f} fps, {100 * speed:4.0f} %; {1000 * core:6.1f} core-ms a frame, {100 * work:4.0f} %"
        )
    parts = (f"{kind} {1000 * s / report.frames:.1f}" for kind, s in cores.by_kind().items() if s > 0)
    print("of the pipeline's core-ms a frame:", ", ".join(parts))
    print("\n".join(report.load.lines()), flush=True)


def warmed(settings: Settings) -> Settings:
    """The same for a second of the film, so that kernels are compiled and caches are full."""
    return settings.model_copy(update={"time": settings.time.model_copy(update={"end": Fraction(1)})})


if __name__ == "__main__":
    main()
