"""How good views are on the demo film, whose truth is known: ``python tests/bench/views.py [--frames N --width W]``.

Per shot and as a mean: the right eye against the true right view. ``flat`` is the source itself for both eyes; ``soft``
renders from depth with edges as wide as a network's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from stereo3d import quality
from stereo3d.demo import DemoFilm
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.render import disparity_px, edges, render_view, render_views

STRENGTH, ZERO = 2.5, 0.4
RGB = PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0))
COLUMNS = ("PSNR", "holes", "SSIM", "SIoU", "hole %", "flicker")

Eye = Callable[[np.ndarray, np.ndarray], np.ndarray]


def rendered(picture: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The right eye, RGB [H, W, 3]."""
    planes = tuple(torch.from_numpy(np.ascontiguousarray(picture[None, :, :, k])) for k in (1, 2, 0))
    maps = torch.from_numpy(depth)[None, None]
    _, right = render_views(FrameBatch(planes, (0,), 0, RGB), maps, strength=STRENGTH, zero_parallax=ZERO)
    green, blue, red = (plane[0].numpy() for plane in right.planes)
    return np.stack([red, green, blue], -1)


def softened(picture: np.ndarray, depth: np.ndarray) -> np.ndarray:
    return rendered(picture, cv2.GaussianBlur(depth, (0, 0), 1.2 * picture.shape[1] / 1440 + 0.5))


METHODS: dict[str, Eye] = {"flat": lambda picture, depth: picture, "exact": rendered, "soft": softened}


def holes(depth: np.ndarray) -> np.ndarray:
    """What the right eye sees and the source does not, by the true depth: the same pixels for every method."""
    shift = disparity_px(
        torch.from_numpy(depth)[None, None], width=depth.shape[1], strength=STRENGTH, zero_parallax=ZERO
    )
    grey = torch.zeros(shift.shape, dtype=torch.uint8)
    _, gaps = render_view(grey, edges.cover(shift / 2, grey, -1), position=-1.0)
    return gaps[0, 0].numpy()


class Frame(NamedTuple):
    """What is known of a frame."""

    source: np.ndarray
    truth: np.ndarray
    depth: np.ndarray
    holes: np.ndarray


def frame(film: DemoFilm, index: int) -> Frame:
    depth = film.depth(index)
    return Frame(film.rgb(index), film.rgb(index, -0.5, STRENGTH, ZERO), depth, holes(depth))


def score(frames: list[Frame], eye: Eye) -> list[float]:
    views = [eye(frame.source, frame.depth) for frame in frames]
    values = [
        [
            quality.psnr(view, truth),
            quality.psnr(view, truth, gap),
            quality.ssim(view, truth),
            quality.siou(view, truth, source),
            100 * quality.hole_share(gap),
        ]
        for view, (source, truth, _, gap) in zip(views, frames, strict=True)
    ]
    errors = [view.astype(np.float32) - frame.truth for view, frame in zip(views, frames, strict=True)]
    return [*np.nanmean(values, 0), quality.flicker(np.stack(errors), np.stack([frame.holes for frame in frames]))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=6, help="of each shot")
    parser.add_argument("--width", type=int, default=640)
    options = parser.parse_args()
    film = DemoFilm(options.width, options.width * 9 // 16, frames_per_shot=options.frames)
    print(f"{'':18}" + "".join(f"{name:>9}" for name in COLUMNS))
    table: dict[str, list[list[float]]] = {name: [] for name in METHODS}
    for scene, shot in zip(film.scenes, film.shots, strict=True):
        frames = [frame(film, index) for index in range(shot.start, shot.end)]
        for name, eye in METHODS.items():
            table[name].append(score(frames, eye))
            report(name, scene, table[name][-1])
    for name, rows in table.items():
        report(name, "mean", np.mean(rows, 0).tolist())


def report(method: str, scene: str, row: list[float]) -> None:
    print(f"{method:6}{scene:12}" + "".join(f"{value:9.3f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
