"""What the scan costs beside the decoding in it: ``python -m tests.bench.scan_speed FILM [TURNS]``.

Decoding alone, the scan, and the survey made from it, in turns: frames a second (the best turn), core-milliseconds a frame in all (the least),
and of the thread that looks at the pictures alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from stereo3d.job.survey import survey_source
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import probe
from stereo3d.media.reader import open_reader
from stereo3d.media.scan import scan
from stereo3d.memory import keep_freed_memory
from stereo3d.settings import TimeSettings


def decoded(info: MediaInfo) -> int:
    """Frames, only decoded."""
    with open_reader(info) as reader:
        return sum(1 for _ in reader.frames())


def scanned(info: MediaInfo) -> int:
    """Frames, with what the scan makes of each."""
    with scan(info) as frames:
        return sum(1 for _ in frames)


def surveyed(info: MediaInfo) -> int:
    """Frames, with cuts, bars and cards found."""
    return len(survey_source(info, TimeSettings(), lambda _: None).timeline)


def main() -> None:
    keep_freed_memory()
    info, turns = probe(Path(sys.argv[1])), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    kinds: tuple[Callable[[MediaInfo], int], ...] = (decoded, scanned, surveyed)
    rows: dict[str, list[tuple[float, float, float]]] = {kind.__name__: [] for kind in kinds}
    for _ in range(turns):
        for kind in kinds:
            began = time.perf_counter(), time.process_time(), time.thread_time()
            frames = kind(info)
            now = time.perf_counter(), time.process_time(), time.thread_time()
            wall, cores, thread = ((b - a) / frames for a, b in zip(began, now, strict=True))
            rows[kind.__name__].append((wall, cores, thread))
    for name, found in rows.items():
        wall, cores, thread = (min(column) for column in zip(*found, strict=True))
        print(f"{name:9} {1 / wall:6.0f} frames/s {1000 * cores:5.2f} core-ms {1000 * thread:5.2f} ms in this thread")


if __name__ == "__main__":
    main()
