"""Memory over a long film: a conversion of 20,000 small frames, watched from outside.

    python -m tests.bench.long_film [--frames 20000] [--size 192x108] [--plot FILE]

Counted is the resident memory of all processes of the command, each time it says how far it is. What grows with the number of frames
shows at a small size as well as at a large one, and sooner; buffers of frames are small then and hide nothing. The slope is that of a
straight line through all samples after the first tenth (least squares).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import psutil

from tests.films import command, environment, make_film

_MIB = 1 << 20
_SHOTS = (130, 47, 310, 24, 900, 89)  # the longest is divided


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--size", default="192x108")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write (frames, MiB) as CSV")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory(prefix="stereo3d-long-") as folder:
        shots = _SHOTS * (arguments.frames // sum(_SHOTS) + 1)
        place = Path(folder)
        film = make_film(place / "film.mkv", _cut(shots, arguments.frames), size=(width, height), sound=False)
        samples = watch(film, place / "film.3d.mkv")
    if arguments.plot is not None:
        np.savetxt(arguments.plot, samples, "%.1f", ",", header="frames,MiB")
    show(samples, arguments.frames)


def _cut(shots: tuple[int, ...], frames: int) -> tuple[int, ...]:
    """The shots of the first so many frames."""
    ends = np.minimum(np.cumsum(shots), frames)
    return tuple(int(count) for count in np.diff(ends, prepend=0) if count)


def watch(film: Path, output: Path) -> np.ndarray:
    """Convert, and see how much memory that takes: [n, 2] of (frames done, MiB)."""
    words = command("convert", film, "-o", output, "--model", "classic", "--progress", "json", "--report", "none")
    samples: list[tuple[float, float]] = []
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment()
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            event = json.loads(line)
            if event["event"] == "tick":
                samples.append((event["frames_done"], resident(run.pid) / _MIB))
    if run.returncode:
        raise SystemExit(f"the conversion ended with {run.returncode}")
    return np.array(samples)


def resident(pid: int) -> int:
    """Bytes of a process and all that it started."""
    total = 0
    for process in (root := psutil.Process(pid), *root.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def show(samples: np.ndarray, frames: int) -> None:
    """Figures: memory around some places, and its slope."""
    print(f"{frames} frames, {len(samples)} samples, load {os.getloadavg()[0]:.1f}")
    for place in (frames // 10, frames // 2, frames):
        around = samples[np.abs(samples[:, 0] - place) <= frames / 40, 1]
        print(f"around frame {place:6}: median {np.median(around):6.0f} MiB, most {around.max():6.0f} MiB")
    settled = samples[samples[:, 0] >= frames / 10]
    slope = np.polyfit(settled[:, 0], settled[:, 1], 1)[0]
    print(
        f"from frame {frames // 10} on: {1000 * slope:+.2f} MiB a thousand frames; most of all {samples[:, 1].max():.0f} MiB"
    )


if __name__ == "__main__":
    main()
