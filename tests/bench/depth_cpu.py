#!/usr/bin/env python3
"""Depth-Anything-V2 on a CPU: frames per core-second of the film path against the plain way, side by side.

    python tests/bench/depth_cpu.py [--model small] [--rounds 5] [--threads 0] [--size 1920x1080]

The reference row is how the original scripts run: float32, attention with explicit score matrices, one decoded RGB frame
a call, resized with OpenCV. The other rows start from 4:2:0 planes, as films do. Rows take turns, so that other load on
the machine hits all of them; the median round counts. Weights are seeded (speed does not depend on them).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from stereo3d.depth import load_model
from stereo3d.depth.registry import MODELS
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from tests.depth import stand_in

YUV = PixelFormat("yuv420p", 8, 1, 1, Colour(matrix=1))


def upstream(encoder: str, rgb: np.ndarray) -> Callable[[], torch.Tensor]:
    """One frame as the original scripts do it, on the library's network with explicit attention."""
    import transformers

    arch = next(e.architecture for e in MODELS.values() if e.architecture and e.architecture.name == encoder)
    backbone = transformers.Dinov2Config(
        hidden_size=arch.width, num_hidden_layers=arch.layers, num_attention_heads=arch.heads, image_size=518, patch_size=14,
        out_indices=[t + 1 for t in arch.taps], reshape_hidden_states=False,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=arch.width, neck_hidden_sizes=list(arch.neck),
        fusion_hidden_size=arch.fusion,
    )  # fmt: skip
    net = transformers.DepthAnythingForDepthEstimation._from_config(config, attn_implementation="eager").eval()
    assert net.backbone.config._attn_implementation == "eager"
    height, width = rgb.shape[:2]
    size = (round(width * 518 / min(height, width) / 14) * 14, round(height * 518 / min(height, width) / 14) * 14)

    def run() -> torch.Tensor:
        small = cv2.resize(rgb / np.float32(255), size, interpolation=cv2.INTER_CUBIC)
        small = (small - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
        pixels = torch.from_numpy(small.transpose(2, 0, 1)[None].copy())
        with torch.no_grad():
            depth = net(pixel_values=pixels).predicted_depth[:, None]
        return torch.nn.functional.interpolate(depth, (height, width), mode="bilinear", align_corners=True)

    return run


def film_path(name: str, path: Path, dtype: str, frame: FrameBatch) -> Callable[[], torch.Tensor]:
    model = load_model(name, weights=path, device="cpu", dtype=dtype)

    def run() -> torch.Tensor:
        estimator = model.begin_shot()
        return torch.cat([part for part in (estimator.push(frame), estimator.finish()) if len(part)])

    return run


def planes_of(rgb: np.ndarray) -> FrameBatch:
    height, width = rgb.shape[:2]
    yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1)
    cuts = np.split(yuv, [height * width, height * width * 5 // 4])
    sizes = [(1, height, width)] + [(1, height // 2, width // 2)] * 2
    return FrameBatch(
        tuple(torch.from_numpy(c.reshape(s).copy()) for c, s in zip(cuts, sizes, strict=True)), (0,), 0, YUV
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="small", choices=["small", "base", "large"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: one a processor")
    parser.add_argument("--size", default="1920x1080")
    options = parser.parse_args()
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    width, height = map(int, options.size.split("x"))
    encoder = MODELS[options.model].architecture.name
    rgb = np.ascontiguousarray(stand_in.picture(height, width)[0].permute(1, 2, 0).numpy())
    frame = planes_of(rgb)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        torch.save(stand_in.state_dict(encoder), path)
        rows = {"upstream style, fp32 eager": upstream(encoder, rgb)}
        for dtype in ("fp32", "bf16"):
            rows[f"film path, {dtype}"] = film_path(options.model, path, dtype, frame)
        spent: dict[str, list[tuple[float, float]]] = {row: [] for row in rows}
        for number in range(options.rounds + 1):
            for row, run in rows.items():
                core, wall = time.process_time(), time.perf_counter()
                run()
                if number:  # the first round warms up
                    spent[row].append((time.process_time() - core, time.perf_counter() - wall))
    report(options, rows, spent)


def report(options: argparse.Namespace, rows: dict, spent: dict[str, list[tuple[float, float]]]) -> None:
    print(f"{options.model}, {options.size}, batch 1, {torch.get_num_threads()} threads, torch {torch.__version__},")
    print(f"{torch.backends.cpu.get_cpu_capability()}, median of {options.rounds} rounds after 1 of warm-up\n")
    print("| way | core-seconds a frame | frames a core-second | seconds a frame | times upstream (per core) |")
    print("|---|---|---|---|---|")
    base = None
    for row in rows:
        core, wall = (statistics.median(column) for column in zip(*spent[row], strict=True))
        base = base or core
        print(f"| {row} | {core:.2f} | {1 / core:.3f} | {wall:.2f} | {base / core:.2f} |")


if __name__ == "__main__":
    main()
