"""Scale and shift on a simulated shot of 480 frames, by method, and what steadying costs: ``python tests/bench/steadiness.py``.

For films and for networks with real weights there is ``stereo3d bench steadiness``.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[2]))

from stereo3d.bench.steady_methods import PER_FRAME, stabilised
from stereo3d.depth.motion import link, ways
from stereo3d.depth.steadiness import drift, flicker
from stereo3d.depth.temporal import ShotStabiliser
from stereo3d.depth.temporal_anchor import anchor_from
from stereo3d.depth.temporal_motion import REACH, average_along
from tests.depth.synthetic_shots import spoil, synthetic_shot


def anchored(raw: np.ndarray) -> np.ndarray:
    probes = raw[np.linspace(0, len(raw) - 1, 16).round().astype(int)]
    return stabilised(raw, anchor_from(torch.from_numpy(probes)[:, None]))


def chained_least_squares(raw: np.ndarray) -> np.ndarray:
    out = [(raw[0] - raw[0].min()) / np.ptp(raw[0])]
    for frame in raw[1:]:
        x, y = frame - frame.mean(), out[-1] - out[-1].mean()
        out.append(out[-1].mean() + (x * y).mean() / np.square(x).mean() * x)
    return np.stack(out).astype(np.float32)


METHODS = {
    "depth / max per frame": lambda raw: raw / raw.max(axis=(1, 2), keepdims=True),
    **PER_FRAME,
    "least squares, chained": chained_least_squares,
    "--steady off": lambda raw: stabilised(raw, align=False),
    "--steady range": stabilised,
    "--steady range, divided": anchored,
}


def simulated(frames: int) -> None:
    for camera, pan, travel in (("sways", 0.5, 0.0), ("stands", 0.0, 0.0), ("travels", 0.0, 1.5)):
        shot = synthetic_shot(frames, pan=pan, travel=travel)
        half = frames // 2
        cases = {
            "affine jitter": spoil(shot.truth, jitter=0.02),
            "no jitter": spoil(shot.truth),
            "re-scaled at half": spoil(shot.truth, jitter=0.005, steps=((half, 1.4, 0.1),)),
            "slow drift 25 %": spoil(shot.truth, jitter=0.005, slow=0.25),
        }
        truth = flicker(shot.truth, shot.flows)
        print(f"\nsynthetic shot, {frames} frames, camera {camera}; the truth's own flicker {truth:.2f}")
        print(f"{'method':24}" + "".join(f"{name:>26}" for name in cases))
        print(f"{'':24}" + f"{'flicker  drift contrast':>26}" * len(cases))
        for name, method in METHODS.items():
            row = ""
            for raw in cases.values():
                depth = method(raw)
                wander = drift(depth, shot.truth)
                row += f"{flicker(depth, shot.flows):10.2f}{wander.moved:7.1f}{wander.contrast:9.2f}"
            print(f"{name:24}{row}")


def core_ms(work, frames: int) -> float:
    work()
    begin = time.process_time()
    work()
    return 1000 * (time.process_time() - begin) / frames


def speed() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    raw = F.interpolate(
        torch.rand(1, 1, 37, 66, generator=torch.Generator().manual_seed(1)), (518, 924), mode="bilinear"
    )
    raw = raw.repeat(16, 1, 1, 1)
    raw += 0.01 * torch.rand(raw.shape, generator=torch.Generator().manual_seed(2))
    noise = np.random.default_rng(3).standard_normal((144, 300)).astype(np.float32)
    wall = np.clip(128 + 400 * cv2.GaussianBlur(noise, (0, 0), 2), 0, 255).astype(np.uint8)
    greys = [np.ascontiguousarray(wall[:, 2 * i : 2 * i + 256]) for i in range(16)]
    film = np.random.default_rng(4).integers(0, 255, (1080, 1920), np.uint8)
    links = [link(a, b) for a, b in pairwise(greys)][: 2 * REACH]

    def range_only() -> None:
        stabiliser = ShotStabiliser()
        stabiliser.push(raw)
        list(stabiliser.finish())

    field = torch.from_numpy(ways(links[:REACH], links[REACH:]))
    others = raw[: 2 * REACH].clone()
    parts = {
        "scale, shift and range": core_ms(range_only, len(raw)),
        "thumbnail of 1080p": core_ms(lambda: cv2.resize(film, (256, 144), interpolation=cv2.INTER_AREA), 1),
        "flow to the next frame and back": core_ms(lambda: [link(a, b) for a, b in pairwise(greys)], len(greys) - 1),
        "ways to 6 frames": core_ms(lambda: ways(links[:REACH], links[REACH:]), 1),
        "average with 6 frames": core_ms(lambda: average_along(raw[:1], others, field), 1),
        "the same in torch (GPUs' way)": core_ms(lambda: _average(raw[:1], others, field), 1),
    }
    print("\nms of one core a frame at 518 x 924")
    for name, spent in parts.items():
        print(f"{name:34}{spent:7.1f}")


def _average(depth: torch.Tensor, others: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    from stereo3d.depth.temporal_motion import _average_along

    return _average_along(depth, others, field)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=480, help="frames of the simulated shot")
    parser.add_argument("--speed", action="store_true", help="the cost only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.speed:
        simulated(options.frames)
    speed()


if __name__ == "__main__":
    main()
