"""Damaged files by the hundred: no crash, no hang, and nothing called complete that is not.

File n is always the same, and there are 2,000; the first hundred are among the fast tests.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import av
import pytest

from tests.films import REPO, environment
from tests.sources import Source

BATCH = 100
BATCHES = 20
SECONDS = 20
FRAMES = 50
RATE = 25
BASES = [
    Source("h264", "mkv", "25", "8 bit 709"),
    Source("h264", "mp4", "25", "8 bit 709"),
    Source("h264", "ts", "25", "8 bit 709"),
    Source("h264", "avi", "25", "8 bit 709"),
    Source("hevc", "mp4", "VFR", "10 bit PQ"),
    Source("vp9", "webm", "VFR", "8 bit 709"),
    Source("mpeg2", "ts", "25", "8 bit 709"),
    Source("prores", "mov", "25", "10 bit 709"),
]
# Converts one file after the other, in one process and without a watcher: a crash takes all of it down.
WORKER = """
import contextlib, io, json, sys, time
from pathlib import Path
from stereo3d.cli import main
for line in sys.stdin:
    path = Path(line.strip())
    print(json.dumps({"begins": path.name}), flush=True)
    errors, began = io.StringIO(), time.monotonic()
    with contextlib.redirect_stderr(errors):
        code = main(["convert", str(path), "-o", str(path) + ".out.mkv", "--model", "classic", "--encoder-preset", "ultrafast",
                     "--progress", "plain", "--report", "none", "--no-watch"])
    print(json.dumps({"name": path.name, "code": code, "seconds": time.monotonic() - began, "says": errors.getvalue()}), flush=True)
"""


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A file that something went wrong with."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        at = dice.randrange(len(out))
        length = min(dice.choice((1, 4, 64, 1024)), len(out) - at)
        match dice.randrange(6):
            case 0:
                for _ in range(dice.choice((1, 3, 20))):
                    out[dice.randrange(len(out))] = dice.randrange(256)
            case 1:
                del out[max(16, at) :]
            case 2:
                out[at : at + length] = bytes(length)
            case 3:
                del out[at : at + length]
            case 4:
                out[at:at] = out[at : at + length]
            case _:
                out[at : at + length] = dice.randbytes(length)
        if len(out) < 16:
            break
    return bytes(out)


def _frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def _check(path: Path, result: dict[str, object]) -> None:
    out = Path(f"{path}.out.mkv")
    says = str(result["says"])
    assert result["code"] in (0, 1, 2, 3), result
    assert "internal error" not in says, result
    assert float(str(result["seconds"])) < SECONDS, result
    if result["code"] in (1, 2):
        assert not out.exists(), result
        assert "error: " in says
        return
    claimed = re.search(r"^  (\d+) frames? in \d+ segments?", says, re.MULTILINE)
    assert claimed, result
    assert _frames(out) == int(claimed[1]), result
    assert (result["code"] == 3) == ("lost or replaced: " in says), result
    if result["code"] == 0:
        # What lacks more than a second is not called complete; of a transport stream nobody can know where it should end.
        assert path.suffix == ".ts" or int(claimed[1]) > FRAMES - 1.1 * RATE, result


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("batch", [pytest.param(n, marks=pytest.mark.long if n else ()) for n in range(BATCHES)])
def test_damaged_files(tmp_path: Path, batch: int) -> None:
    whole = [source.make(tmp_path, FRAMES) for source in BASES]
    originals = [path.read_bytes() for path in whole]
    warm = [next(p for p, s in zip(whole, BASES, strict=True) if s.colour[:2] == bits) for bits in ("8 ", "10")]
    paths = list(warm)  # undamaged, and converted first: compiling kernels is no hang
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        base = number % len(BASES)
        paths.append(tmp_path / f"{number}.{BASES[base].container}")
        paths[-1].write_bytes(mutated(originals[base], random.Random(number)))
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=SECONDS * BATCH / 2,
        cwd=REPO,
        env=environment(),
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    results = {line["name"]: line for line in lines if "name" in line}
    assert [results[path.name]["code"] for path in warm] == [0, 0]
    for path in paths[len(warm) :]:
        _check(path, results[path.name])
