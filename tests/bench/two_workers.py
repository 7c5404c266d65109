"""Two Ray workers, each on a core of its own, against one local run on one core; for a quiet machine with two cores or more.

    python -m tests.bench.two_workers [--frames 960] [--rounds 3]

The local run is pinned to core 0 and so computes with one thread. The cluster is a head without cores and two machines of one core each,
pinned to core 0 and core 1, whose workers therefore compute with one thread, too. Both write the same decoded pictures, which is
checked. Quoted: frames a second while segments are built (workers that are warm), and of the whole conversion.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.films import make_film, picture_hashes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=2880)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory(prefix="stereo3d-two-") as folder:
        place = Path(folder)
        film = make_film(place / "film.mkv", (240,) * (arguments.frames // 240), size=(width, height))
        nodes = _cluster()
        try:
            _measure(place, film, nodes, arguments.rounds)
        finally:
            for process in nodes:
                process.terminate()
            for process in nodes:
                process.wait()


def _cluster() -> list[subprocess.Popen[bytes]]:
    """A head and two pinned machines, as processes that end with us."""
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    ray = shutil.which("ray", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}") or "ray"
    common = ["--num-gpus=0", "--object-store-memory=100000000", "--disable-usage-stats", "--block"]
    head = [ray, "start", "--head", "--port=6399", "--num-cpus=0", "--include-dashboard=false", *common]
    started = [_quiet(head, environment)]
    _wait_for_head()
    for core in "01":
        join = ["taskset", "-c", core, ray, "start", "--address=127.0.0.1:6399", "--num-cpus=1", *common]
        started.append(_quiet(join, environment))
    return started


def _quiet(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for_head() -> None:
    import socket
    import time

    for _ in range(120):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 6399)) == 0:
                time.sleep(5)
                return
        time.sleep(0.5)
    raise SystemExit("the cluster did not start")


def _measure(place: Path, film: Path, nodes: list[subprocess.Popen[bytes]], rounds: int) -> None:
    del nodes  # they only have to live
    ways = {"one core, local": ["--device", "cpu"], "two Ray workers": ["--cluster", "127.0.0.1:6399"]}
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, options in ways.items():
            output = place / f"{way.replace(' ', '-')}.mkv"
            command = [sys.executable, "-m", "stereo3d", "convert", str(film), "-o", str(output), "--model", "classic"]
            command += [
                "--codec",
                "h264",
                "--no-watch",
                "--report",
                "none",
                "--progress",
                "json",
                "--overwrite",
                "--restart",
                *options,
            ]
            pinned = ["taskset", "-c", "0", *command] if "local" in way else command
            done = subprocess.run(pinned, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr[-2000:])
            report = json.loads(done.stdout.splitlines()[-1])
            if number:
                found[way].append((report["fps"], report["frames"] / report["seconds"]))
    hashes = [picture_hashes(place / f"{way.replace(' ', '-')}.mkv") for way in ways]
    assert hashes[0] == hashes[1], "the pictures differ"
    print("the same decoded pictures")
    for way, values in found.items():
        building, whole = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{way:16} {building:7.2f} fps while building, {whole:7.2f} fps in all   {values}")
    one, two = ([fps for fps, _ in found[way]] for way in ways)
    ratios = [b / a for a, b in zip(one, two, strict=True)]
    print(
        f"ratio while building: {statistics.median(ratios):.2f} (of {', '.join(f'{r:.2f}' for r in ratios)}); wanted: 1.7"
    )


if __name__ == "__main__":
    main()
