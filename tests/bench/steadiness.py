"""How steady depth is, by method: ``python tests/bench/steadiness.py [--clip FILE ... --model NAME --weights FILE]``.

Without clips: the synthetic shot, whose truth is known, spoiled in several ways. With clips: raw maps of a model (any
that ``stereo3d.depth.load_model`` knows), motion estimated; this is the command for a person who has real weights.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from stereo3d.depth.base import DepthModel
from stereo3d.depth.steadiness import Flow, drift, estimate_flow, flicker
from stereo3d.depth.temporal import ShotStabiliser
from stereo3d.depth.temporal_anchor import Anchor, anchor_from
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from tests.depth.synthetic_shots import spoil, synthetic_shot

Method = Callable[[np.ndarray], np.ndarray]


def per_frame_maximum(raw: np.ndarray) -> np.ndarray:
    return raw / raw.max(axis=(1, 2), keepdims=True)


def per_frame_minimum_maximum(raw: np.ndarray) -> np.ndarray:
    low, high = raw.min(axis=(1, 2), keepdims=True), raw.max(axis=(1, 2), keepdims=True)
    return (raw - low) / (high - low)


def per_frame_percentiles(raw: np.ndarray) -> np.ndarray:
    low, high = np.quantile(raw, (0.02, 0.98), axis=(1, 2), keepdims=True)
    return ((raw - low) / (high - low)).clip(0, 1).astype(np.float32)


def smoothed_percentiles(raw: np.ndarray) -> np.ndarray:
    ends = np.quantile(raw, (0.02, 0.98), axis=(1, 2)).T
    for i in range(1, len(ends)):
        ends[i] = 0.9 * ends[i - 1] + 0.1 * ends[i]
    low, high = ends[:, 0, None, None], ends[:, 1, None, None]
    return ((raw - low) / (high - low)).clip(0, 1).astype(np.float32)


def one_range(raw: np.ndarray) -> np.ndarray:
    low, high = np.quantile(raw[:: max(1, len(raw) // 100)], (0.01, 0.99))
    return ((raw - low) / (high - low)).clip(0, 1).astype(np.float32)


def chained_least_squares(raw: np.ndarray) -> np.ndarray:
    out = [(raw[0] - raw[0].min()) / np.ptp(raw[0])]
    for frame in raw[1:]:
        x, y = frame - frame.mean(), out[-1] - out[-1].mean()
        slope = (x * y).mean() / np.square(x).mean()
        out.append(out[-1].mean() + slope * x)
    return np.stack(out).astype(np.float32)


def stabilised(raw: np.ndarray, anchor: Anchor | None = None) -> np.ndarray:
    stabiliser = ShotStabiliser(300, anchor)
    maps = torch.from_numpy(raw)[:, None]
    parts = [stabiliser.push(chunk) for chunk in maps.split(8)]
    return torch.cat([*parts, *stabiliser.finish()])[:, 0].numpy()


def anchored(raw: np.ndarray) -> np.ndarray:
    probes = raw[np.linspace(0, len(raw) - 1, 16).round().astype(int)]
    return stabilised(raw, anchor_from(torch.from_numpy(probes)[:, None]))


METHODS: dict[str, Method] = {
    "depth / max per frame": per_frame_maximum,
    "min-max per frame": per_frame_minimum_maximum,
    "p2-p98 per frame": per_frame_percentiles,
    "EMA 0.9 of p2-p98": smoothed_percentiles,
    "raw, untouched": lambda raw: raw,
    "one range per shot": one_range,
    "least squares, chained": chained_least_squares,
    "stereo3d": stabilised,
    "stereo3d, anchored": anchored,
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


def load_clip(path: Path, start: int, count: int) -> np.ndarray:
    """Frames start..start + count, [N, H, W, 3] uint8 RGB."""
    import av

    with av.open(str(path)) as container:
        frames = (frame for number, frame in enumerate(container.decode(video=0)) if number >= start)
        return np.stack([f.to_ndarray(format="rgb24") for f, _ in zip(frames, range(count), strict=False)])


def clip_flows(rgb: np.ndarray, size: tuple[int, int]) -> list[Flow]:
    import cv2

    small = [cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), size[::-1], interpolation=cv2.INTER_AREA) for f in rgb]
    return [estimate_flow(a, b) for a, b in pairwise(small)]


def shot_maps(model: DepthModel, rgb: np.ndarray) -> np.ndarray:
    """Raw maps as the film path gets them: one estimator for the shot, the model's own size, [N, h, w]."""
    estimator, maps = model.begin_shot(), []
    form = PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0, full_range=True))
    for index, frame in enumerate(torch.from_numpy(rgb)):
        planes = tuple(frame[None, :, :, channel].contiguous() for channel in (1, 2, 0))
        maps.append(estimator.push(FrameBatch(planes, (index,), index, form)))
    return torch.cat([*maps, estimator.finish()])[:, 0].float().cpu().numpy()


def on_clip(path: Path, options: argparse.Namespace) -> None:
    from stereo3d.depth import load_model

    rgb = load_clip(path, options.start, options.frames)
    model = load_model(options.model, weights=options.weights, depth_size=options.depth_size)
    raw = shot_maps(model, rgb)
    flows = clip_flows(rgb, raw.shape[1:])
    alone = torch.cat([model.infer_raw(torch.from_numpy(f).permute(2, 0, 1)[None]).cpu() for f in rgb])
    alone = torch.nn.functional.interpolate(alone, raw.shape[1:], mode="bilinear", antialias=True)[:, 0].numpy()
    if options.jitter:
        raw = spoil(raw / raw.std(), jitter=options.jitter, noise=0.0)
    print(f"\n{path.name}, frames {options.start}..{options.start + len(rgb) - 1} taken as one shot,", end=" ")
    print(f"model {model.info.name}, affine jitter of {options.jitter:g} injected, flicker in % of the extent")
    reference = flicker(per_frame_minimum_maximum(alone), flows)
    print(f"{'pictures alone, min-max':24}{reference:8.2f}    1.00 (the reference)")
    for name, method in METHODS.items():
        score = flicker(method(raw), flows)
        print(f"{name:24}{score:8.2f}   {score / reference:5.2f}")


def speed() -> None:
    torch.set_num_threads(1)
    raw = torch.rand(1, 1, 37, 66, generator=torch.Generator().manual_seed(1))
    raw = torch.nn.functional.interpolate(raw, (518, 924), mode="bilinear").repeat(96, 1, 1, 1)
    raw += 0.01 * torch.rand(raw.shape, generator=torch.Generator().manual_seed(2))
    begin = time.process_time()
    stabiliser = ShotStabiliser()
    count = sum(len(stabiliser.push(chunk)) for chunk in raw.split(8)) + sum(len(d) for d in stabiliser.finish())
    print(f"\n{1000 * (time.process_time() - begin) / count:.1f} ms of one core a frame at 518 x 924")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=480, help="frames of the synthetic shot, or of each clip")
    parser.add_argument("--clip", type=Path, nargs="*", default=[])
    parser.add_argument("--start", type=int, default=0, help="first frame of the clip; choose a range without a cut")
    parser.add_argument("--model", default="small")
    parser.add_argument("--weights", type=Path, help="checkpoint for --model small, base or large")
    parser.add_argument("--depth-size", help="as load_model takes it")
    parser.add_argument("--jitter", type=float, default=0.0, help="affine jitter to inject into the model's maps")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for clip in options.clip:
        on_clip(clip, options)
    if not options.clip:
        simulated(options.frames)
        speed()


if __name__ == "__main__":
    main()
