"""What all the checking costs of a conversion: ``python tests/bench/checking.py [WxH] [SECONDS]``.

Timed from outside, by wrapping the functions that check: the hashes of segments, the look at kept ones, the packets' hash, and the
comparison of the output with segments and source.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stereo3d.job import build, finish
from stereo3d.job.convert import convert_film
from stereo3d.job.job import Job
from stereo3d.progress import Silent
from stereo3d.settings import Settings
from tests.films import make_film

spent: dict[str, float] = defaultdict(float)


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            spent[name] += time.perf_counter() - began

    return wrapped


def main() -> None:
    size = tuple(int(n) for n in (sys.argv[1] if len(sys.argv) > 1 else "1280x720").split("x"))
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    build.file_sha256 = timed("segment hashes", build.file_sha256)  # type: ignore[attr-defined]
    build.packets_sha256 = timed("packet hashes", build.packets_sha256)  # type: ignore[attr-defined]
    finish.verify_output = timed("reading back", finish.verify_output)  # type: ignore[attr-defined]
    Job.find = timed("look at kept segments", Job.find)  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        film = make_film(Path(folder) / "film.mkv", (120,) * (seconds // 5), size=(size[0], size[1]))
        settings = Settings.from_flat({"model": "classic"})
        began = time.perf_counter()
        report = convert_film(film, Path(folder) / "out.mkv", settings, Silent(), threading.Event())
        whole = time.perf_counter() - began
    print(f"{report.frames} frames of {size[0]}x{size[1]}, classic: {whole:.1f} s")
    for name, part in spent.items():
        print(f"  {name}: {part:.2f} s, {100 * part / whole:.2f} %")
    print(f"  all checking: {100 * sum(spent.values()) / whole:.2f} %")


if __name__ == "__main__":
    main()
