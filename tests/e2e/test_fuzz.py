"""Damaged files by the hundred: no crash, no hang, and nothing called complete that is not.

``STEREO3D_FUZZ=2000`` sets how many; the seed is fixed, so file n is always the same.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import av
import pytest

from tests.films import REPO, environment
from tests.sources import Source

COUNT = int(os.environ.get("STEREO3D_FUZZ", "200"))
BATCH = 25
SECONDS = 20
FRAMES = 75
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
# Converts one file after the other; says when each begins, and what became of it.
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
                     "--progress", "plain"])
    print(json.dumps({"name": path.name, "code": code, "seconds": time.monotonic() - began,
                      "says": errors.getvalue()[-2000:]}), flush=True)
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
    claimed = int(says.rsplit("\n  ", 1 + says.count("lost or replaced"))[1].split(" frames")[0])
    assert _frames(out) == claimed, result
    if result["code"] == 0:
        assert "lost or replaced" not in says
        # What lacks more than a second is not called complete; of a transport stream nobody can know where it should end.
        assert path.suffix == ".ts" or claimed > FRAMES - 1.1 * RATE, result


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("batch", range(-(-COUNT // BATCH)))
def test_damaged_files(tmp_path: Path, batch: int) -> None:
    originals = [source.make(tmp_path, FRAMES).read_bytes() for source in BASES]
    paths = []
    for number in range(batch * BATCH, min(COUNT, (batch + 1) * BATCH)):
        base = number % len(BASES)
        path = tmp_path / f"{number}.{BASES[base].container}"
        path.write_bytes(mutated(originals[base], random.Random(number)))
        paths.append(path)
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=SECONDS * BATCH,
        cwd=REPO,
        env=environment(),
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    results = {line["name"]: line for line in lines if "name" in line}
    assert len(results) == len(paths)
    for path in paths:
        _check(path, results[path.name])
