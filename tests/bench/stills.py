"""Stills of the demo film for the guide: ``python tests/bench/stills.py [--width W] [--out docs/images]``.

``stills.jpg``: source, depth, left, right and anaglyph of one frame of each shot. ``fill.jpg``: where background appears, enlarged:
filled frame by frame, over time, and the true right view.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from stereo3d.demo import DemoFilm
from stereo3d.render import render_eyes
from stereo3d.render.anaglyph import mixed
from stereo3d.render.uncovered import REACH
from stereo3d.render.views import Eyes
from tests.bench.fill_over_time import STRENGTH, ZERO, batch, both_ways, rgb

FRAME = 12  # of each shot
SIZE = (320, 180)  # of a still
CROPS = {"courtyard": (0.10, 0.30), "colonnade": (0.62, 0.22), "tabletop": (0.12, 0.30), "meadow": (0.28, 0.70)}
CROP, ENLARGED = 0.10, 4  # of the width; times
QUALITY = 88


def frames(film: DemoFilm, start: int) -> Iterator[tuple[object, Eyes]]:
    """The frames that fill frame FRAME of a shot, and their views."""
    for index in range(start, start + FRAME + REACH + 1):
        frame, depth = batch(film.rgb(index), index - start), torch.from_numpy(film.depth(index))
        yield frame, render_eyes(frame, depth[None, None], strength=STRENGTH, zero_parallax=ZERO)


def shot(film: DemoFilm, name: str, start: int) -> tuple[np.ndarray, np.ndarray]:
    """A row of stills, and a row of crops, of one shot."""
    index = start + FRAME
    results, _, _ = both_ways(frames(film, start))
    left, right = (results[eye].temporal[FRAME] for eye in (0, 1))
    source, truth = film.rgb(index), film.rgb(index, -0.5, STRENGTH, ZERO)
    depth = np.repeat((255 * film.depth(index)).round().astype(np.uint8)[..., None], 3, 2)
    anaglyph = rgb(mixed(batch(left, 0), batch(right, 0), "red-cyan"))
    row = [
        cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA) for picture in (source, depth, left, right, anaglyph)
    ]
    side = round(CROP * film.width)
    x, y = round(CROPS[name][0] * film.width), round(CROPS[name][1] * film.height)
    part = (slice(y, y + side * 3 // 4), slice(x, x + side))
    crops = [
        cv2.resize(picture[part], None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_NEAREST)
        for picture in (source, results[1].spatial[FRAME], right, truth)
    ]
    return np.hstack(row), np.hstack(crops)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=960, help="of the demo film")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "docs" / "images")
    options = parser.parse_args()
    film = DemoFilm(options.width, options.width * 9 // 16, frames_per_shot=FRAME + REACH + 1)
    rows = [shot(film, name, shot_.start) for name, shot_ in zip(film.scenes, film.shots, strict=True)]
    for name, pictures in zip(("stills", "fill"), zip(*rows, strict=True), strict=True):
        picture = cv2.cvtColor(np.vstack(pictures), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(options.out / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main()
