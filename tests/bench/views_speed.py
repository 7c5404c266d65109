"""What rendering both views costs beside encoding them: ``python tests/bench/views_speed.py [--frames N --rounds N]``.

Frames of the demo film (1080p, 4:2:0), depth as large as a network's (924x518, its edges softened), strength 2.5 %. Rendering
and x264 veryfast (crf 18, the two views side by side) take turns on the same frames in one process; processor time of
all threads counts, the median of the rounds. ``--picture FILE --depth FILE`` takes a frame of yours, with its depth as a grey picture.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from stereo3d.demo import DemoFilm
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.render import render_views
from stereo3d.render.comfort_screen import subject_depth

SIZE, DEPTH_SIZE, STRENGTH = (1920, 1080), (924, 518), 2.5
YUV = PixelFormat("yuv420p", 8, 1, 1, Colour())

Shot = tuple[FrameBatch, torch.Tensor, float]


def batch(pictures: list[np.ndarray]) -> FrameBatch:
    """RGB [H, W, 3] pictures as one batch of 4:2:0."""
    width, height = SIZE
    planes = np.stack([cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420) for picture in pictures])
    chroma = planes[:, height:].reshape(len(pictures), 2, height // 2, width // 2)
    parts = (planes[:, :height], chroma[:, 0], chroma[:, 1])
    return FrameBatch(
        tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in parts), tuple(range(len(pictures))), 0, YUV
    )


def demo(frames: int) -> list[Shot]:
    film = DemoFilm(*SIZE, frames_per_shot=frames)
    shots = []
    for shot in film.shots:
        numbers = range(shot.start, shot.end)
        maps = [cv2.GaussianBlur(cv2.resize(film.depth(n), DEPTH_SIZE), (0, 0), 1.0) for n in numbers]
        depth = torch.from_numpy(np.stack(maps))[:, None]
        shots.append((batch([film.rgb(n) for n in numbers]), depth, statistics.median(subject_depth(depth))))
    return shots


def still(picture: Path, depth: Path) -> list[Shot]:
    colour = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)
    grey = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED)
    maps = torch.from_numpy(cv2.resize(grey.astype(np.float32) / np.iinfo(grey.dtype).max, DEPTH_SIZE))[None, None]
    return [
        (batch([cv2.resize(colour, SIZE, interpolation=cv2.INTER_CUBIC)]), maps, statistics.median(subject_depth(maps)))
    ]


def views(shots: list[Shot]) -> list[tuple[FrameBatch, FrameBatch]]:
    return [render_views(frames, depth, strength=STRENGTH, zero_parallax=screen) for frames, depth, screen in shots]


def side_by_side(left: FrameBatch, right: FrameBatch) -> FrameBatch:
    planes = (torch.cat(pair, 2) for pair in zip(left.planes, right.planes, strict=True))
    return FrameBatch(tuple(planes), left.pts, left.index, left.format)


def encode(packed: list[FrameBatch]) -> None:
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = packed[0].width, packed[0].height, "yuv420p"
    codec.framerate, codec.thread_count = 24, torch.get_num_threads()
    codec.options = {"preset": "veryfast", "crf": "18"}
    for frames in packed:
        for planes in zip(*(plane.numpy() for plane in frames.planes), strict=True):
            flat = np.concatenate([plane.reshape(-1) for plane in planes])
            codec.encode(av.VideoFrame.from_ndarray(flat.reshape(-1, frames.width), format="yuv420p"))
    codec.encode(None)


def spent(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2, help="of each shot of the demo film")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--depth", type=Path)
    options = parser.parse_args()
    shots = still(options.picture, options.depth) * 8 if options.picture else demo(options.frames)
    packed = [side_by_side(left, right) for left, right in views(shots)]
    rounds = [(spent(lambda: views(shots)), spent(lambda: encode(packed))) for _ in range(options.rounds)]
    frames = sum(len(frames) for frames, _, _ in shots)
    area = frames * 2 * SIZE[0] * SIZE[1] / 1e6
    render, x264 = (statistics.median(times) / area * 1000 for times in zip(*rounds, strict=True))
    ratio = statistics.median(one / two for one, two in rounds)
    print(
        f"{frames} frames, {torch.get_num_threads()} threads, core-ms per megapixel and view, median of {options.rounds}:"
    )
    print(f"render {render:.1f}, x264 veryfast {x264:.1f}, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
