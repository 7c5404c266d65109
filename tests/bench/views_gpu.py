"""What both views cost on a CUDA device: ``python -m tests.bench.views_gpu``. Not run on a GPU yet.

Frames of the demo film (8-bit 4:2:0, 1080p and 4K), depth 924x518, strength 2.5 %; CUDA events, the median of 50. Three lines a
size: bringing the depth to the picture (``refine``), the views (the kernels), both. Beside the time: bytes
that have to move (each input and output once) over the time, in GB/s, and the bytes :mod:`stereo3d.render.views_triton` computes.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

import cv2
import numpy as np
import torch

from stereo3d.demo import DemoFilm
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.render import views
from stereo3d.render.comfort_screen import subject_depth
from stereo3d.render.disparity import disparity_px

SIZES, DEPTH_SIZE, STRENGTH = ((1920, 1080), (3840, 2160)), (924, 518), 2.5
YUV = PixelFormat("yuv420p", 8, 1, 1, Colour())
RUNS, WARM = 50, 5
LEAST, MOVED = 4 + 1.5 + 3, 60.5
"""Bytes a luma pixel from the shift at full size: that have to move, and that the kernels load and store."""


def frame(width: int, height: int) -> tuple[FrameBatch, torch.Tensor]:
    """A frame on the device, and its depth there."""
    film = DemoFilm(width, height, frames_per_shot=1)
    number = film.shots[0].start
    planes = cv2.cvtColor(film.rgb(number), cv2.COLOR_RGB2YUV_I420)
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    parts = (planes[None, :height], chroma[None, 0], chroma[None, 1])
    batch = FrameBatch(tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in parts), (0,), 0, YUV)
    depth = cv2.GaussianBlur(cv2.resize(film.depth(number), DEPTH_SIZE), (0, 0), 1.0)
    device = torch.device("cuda")
    return batch.to(device), torch.from_numpy(depth)[None, None].to(device)


def milliseconds(work: Callable[[], object]) -> float:
    for _ in range(WARM):
        work()
    times = []
    for _ in range(RUNS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def main() -> int:
    if not torch.cuda.is_available():
        print("views_gpu: no CUDA device here")
        return 1
    print(torch.cuda.get_device_name())
    for width, height in SIZES:
        frames, depth = frame(width, height)
        zero = statistics.median(subject_depth(depth))
        disparity = disparity_px(depth, width=width, strength=STRENGTH, zero_parallax=zero) / 2
        shift = views.picture_shift(frames, disparity)
        parts: dict[str, Callable[[], object]] = {
            "depth to picture": lambda f=frames, d=disparity: views.picture_shift(f, d),
            "both views": lambda f=frames, s=shift: views.both_eyes(f, s, (1, -1)),
            "all": lambda f=frames, d=depth, z=zero: views.render_views(f, d, strength=STRENGTH, zero_parallax=z),
        }
        for name, work in parts.items():
            took = milliseconds(work)
            print(f"{width}x{height} {name}: {took:.3f} ms", end="")
            if name == "both views":
                least, moved = (width * height * share / took / 1e6 for share in (LEAST, MOVED))
                print(f", {least:.0f} GB/s of what has to move, {moved:.0f} GB/s of what the kernels move", end="")
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
