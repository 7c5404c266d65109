"""Films on a CUDA device that is pretended: nothing is left on the wrong side, and the pictures are those of the CPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stereo3d.bench.weights import write_random_checkpoint
from stereo3d.depth.registry import VITS
from tests.films import environment, make_film, run
from tests.pretended.device import compile_guard

REPO = Path(__file__).parents[2]
NETWORK = ("--model", "small", "--depth-size", "112", "--dtype", "fp32", "--codec", "ffv1", "--report", "none")

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="the pretended device needs g++"),
    pytest.mark.skipif(torch.version.cuda is not None, reason="a torch with CUDA asks for the driver"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film, a network's weights and the guard."""
    folder = tmp_path_factory.mktemp("pretended")
    make_film(folder / "film.mkv", (4, 3), size=(96, 64), sound=False)
    write_random_checkpoint(VITS, folder / "small.pth")
    compile_guard(folder)
    return folder


def pretended(place: Path, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    # The guard's own warnings are no one's business
    program = [sys.executable, "-W", "ignore", "-m", "tests.pretended", place / "guard.so", *words]
    environ = {**environment(), **variables}
    del environ["PYTHONWARNINGS"]
    done = subprocess.run(map(str, program), cwd=REPO, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as film:
        return np.stack([frame.to_ndarray() for frame in film.decode(video=0)]).astype(np.int64)


def compare(place: Path, film: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Convert on the CPU and on the device: at most one code value apart, but for one sample in a thousand."""
    common = ("convert", film, *NETWORK, "--weights", place / "small.pth", "--overwrite", "--restart", *words)
    run(*common, "--device", "cpu", "-o", place / "cpu.mkv")
    done = pretended(place, *common, "--device", "cuda", "--no-watch", "-o", place / "cuda.mkv", **variables)
    apart = np.abs(pictures(place / "cpu.mkv") - pictures(place / "cuda.mkv"))
    assert (apart > 1).mean() < 0.001
    return done


def test_a_film_on_the_device(place: Path) -> None:
    done = compare(place, place / "film.mkv")
    assert "the encoder does not share memory with the device" in done.stderr
    assert "frames are copied through pinned memory" in done.stderr


def test_sides_are_kept_apart(place: Path) -> None:
    """The pretended device does find what a real one would refuse."""
    mixes = """
import sys, torch
from pathlib import Path
from tests.pretended.device import pretend
pretend(Path(sys.argv[1]))
there, here = torch.arange(6, device="cuda").view(2, 3) / 2, torch.ones(3)
assert there.is_cuda and (there + there.sum()).cpu().tolist() == [[7.5, 8.0, 8.5], [9.0, 9.5, 10.0]]
for wrong in (lambda: there + here, lambda: torch.cat([there, here[None]]), there.numpy, lambda: torch.add(here, here, out=there[0])):
    try:
        wrong()
    except (RuntimeError, TypeError):
        continue
    raise AssertionError("let through")
"""
    words = [sys.executable, "-c", mixes, str(place / "guard.so")]
    done = subprocess.run(words, cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


LAYOUTS = (
    "sbs-half",
    "ou-half",
    "anaglyph",
    "anaglyph-colour",
    "anaglyph-grey",
    "interlaced",
    "checkerboard",
    "vr180",
    "2d+depth",
)
WAYS = (
    ("--fill", "spatial", "--credits", "deep"),
    ("--strength", "0"),
    ("--synthetic-view", "right", "--swap-eyes"),
    ("--window", "float", "--zero-parallax", "0.2"),
    ("--window", "off", "--steady", "off"),
    ("--steady", "range", "--screen-width", "cinema"),
    ("--keep-depth", "--canvas", "16:9"),
)


@pytest.mark.long
@pytest.mark.parametrize("words", [*(("--layout", name) for name in LAYOUTS), *WAYS], ids=" ".join)
def test_every_way_through_the_renderer(place: Path, words: tuple[str, ...]) -> None:
    compare(place, place / "film.mkv", *words)


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ("-pix_fmt", "yuv444p"),
        ("-vf", "pad=96:96:0:16"),
        ("-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"),
    ],
    ids=["444", "bars", "hdr"],
)
def test_other_sources(place: Path, words: tuple[str, ...]) -> None:
    from stereo3d.media.tools import ffmpeg_exe

    film = place / "other.mkv"
    command = [ffmpeg_exe(), "-v", "error", "-y", "-i", place / "film.mkv", *words, "-c:v", "libx264", film]
    subprocess.run(map(str, command), check=True)
    compare(place, film)
    compare(place, film, "--sdr", "--layout", "anaglyph")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_film_by_the_kernels(place: Path) -> None:
    """The kernels that a real device runs, in Triton's interpreter."""
    if not find_spec("triton"):
        pytest.skip("triton is not installed")
    film = make_film(place / "tiny.mkv", (3, 1), size=(96, 48), sound=False)  # with holes that other frames show
    paths = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH")]))
    done = compare(place, film, "--fill", "temporal", "--strength", "6", TRITON_INTERPRET="1", PYTHONPATH=paths)
    views, filling = ("_snap", "_medians", "_put", "_cover", "_both", "_fill", "_blend"), ("look_for", "carry", "paste")
    assert all(f"'{name}'" in done.stdout for name in (*views, *filling, "remember"))


# Before the first frame, or for the few that show a decoder's or a compiler's worth.
ONCE = ("depth/runner.py:__init__", "depth/compiling.py:seconds_a_frame", "media/decode.py:copy_plane")


def test_the_device_is_waited_for_at_hand_overs_alone(place: Path) -> None:
    """All of the pipeline with kernels, filling over time: what the host waits for, and how often."""
    film, told = make_film(place / "waits.mkv", (12, 8), size=(96, 64), sound=False), place / "waits.json"
    words = (*NETWORK, "--weights", place / "small.pth", "--layout", "sbs-half", "--device", "cuda", "--no-watch")
    pretended(place, "convert", film, *words, "-o", place / "waits-out.mkv", STEREO3D_WAITS=str(told))
    found = json.loads(told.read_text())
    counted: Counter[str] = Counter()
    for what, where, times in found["waits"]:
        line = where.rpartition(":")[0]
        if line in ONCE or what == "hand-over":
            counted[what] += 0 if line in ONCE else times
        elif (what, line) in (("stream", "pipeline/lanes.py:finish"), ("nonzero", "render/sight.py:_borders")):
            counted[line] += times
        else:
            pytest.fail(f"{what}, {times} times, in {where}")
    # A frame comes back alone, four go to the views, eight to sixteen to the network; each stage hands over once, and asks once.
    assert 20 <= counted["pipeline/lanes.py:finish"] <= 4 * 20
    assert counted["hand-over"] <= 6 * 20
    assert counted["render/sight.py:_borders"] <= 20 // 2
    up = sum(size for way, where, size in found["bytes"] if way == "up" and where.startswith("frames.py"))
    assert up >= 2 * 20 * 96 * 64 * 3 // 2  # for depth and for the views
