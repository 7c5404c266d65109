"""How true estimates are: each clip is estimated and then converted by the real program, back to back, some times.

    python -m tests.bench.estimate CLIP.. [--rounds 2] [-- options of convert]

On a quiet machine; other programs that come and go between the two are in the figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from stereo3d.table import table
from tests.films import run_program


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", metavar="CLIP", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", default="classic")
    words, options = sys.argv[1:], []
    if "--" in words:
        words, options = words[: words.index("--")], words[words.index("--") + 1 :]
    arguments = parser.parse_args(words)
    rows = []
    for number in range(arguments.rounds):
        for clip in arguments.clips:
            said = run_program("estimate", clip, "--models", arguments.model, "--json", *options, timeout=3600)
            found = json.loads(said.stdout)["models"][0]
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "out.mkv"
                began = time.monotonic()
                more = ("--model", arguments.model, "--progress", "none", *options)
                run_program("convert", clip, "-o", out, *more, timeout=36_000)
                took, size = time.monotonic() - began, out.stat().st_size
            off = 100 * (found["seconds"] / took - 1)
            sizes = f"{found['output_bytes'] / 1e6:.1f} / {size / 1e6:.1f} MB"
            rows.append(
                (clip.name, str(number + 1), f"{found['seconds']:.1f} s", f"{took:.1f} s", f"{off:+.0f} %", sizes)
            )
            print(*rows[-1], file=sys.stderr, flush=True)
    print(table(("clip", "round", "estimate", "conversion", "off", "size: estimate / film"), rows))


if __name__ == "__main__":
    main()
