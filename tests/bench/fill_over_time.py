"""What filling over time gains: ``python tests/bench/fill_over_time.py [--width W --frames N] [--stereo DIR] [--clip FILE ...]``.

The demo film, whose truth is known: filled pixels of both eyes against the true views (PSNR), and their flicker: the change of the
error from frame to frame, and the change of the picture along the true view's motion, which has a floor: that of the true view
itself (``truth``, as a share of the spatial one's; light changes, and what moves is resampled). ``soft``: depth as wide at edges as a
network's. ``--stereo``: a folder of NAME_left.mp4 and NAME_right.mp4; disparity by matching the two. ``--clip``: films without
truth, depth by the embedded model, one shot from ``--start``; motion is estimated on the per-frame views.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from stereo3d import quality
from stereo3d.demo import DemoFilm
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.render import Uncovered, edges, render_eyes, warp
from stereo3d.render.views import Eyes, picture_shift

STRENGTH, ZERO = 2.5, 0.4
RGB = PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0))


def batch(picture: np.ndarray, index: int) -> FrameBatch:
    planes = tuple(torch.from_numpy(np.ascontiguousarray(picture[None, :, :, k])) for k in (1, 2, 0))
    return FrameBatch(planes, (index,), index, RGB)


def rgb(frame: FrameBatch) -> np.ndarray:
    green, blue, red = (plane[0].numpy() for plane in frame.planes)
    return np.stack([red, green, blue], -1)


class Result(NamedTuple):
    """[T, H, W, 3] views of an eye, filled frame by frame and over time, and its holes [T, H, W]."""

    spatial: np.ndarray
    temporal: np.ndarray
    holes: np.ndarray


def both_ways(frames: Iterator[tuple[FrameBatch, Eyes]]) -> tuple[dict[int, Result], float, float]:
    """The results of both eyes (0 left, 1 right), ms a frame of rendering, and of filling over time."""
    window, ready, spatial = Uncovered(), [], []
    holes: list[list[np.ndarray]] = [[], []]
    spent = [0.0, 0.0]
    began = time.process_time()
    for frame, eyes in frames:
        spent[0] += time.process_time() - began
        spatial.append((rgb(eyes.left), rgb(eyes.right)))
        for eye, seen in enumerate(eyes.seen):
            flat = torch.zeros(1, 1, frame.height, frame.width) if seen is None else seen
            holes[eye].append(torch.isinf(flat[0, 0]).numpy())
        began = time.process_time()
        ready += window.push(frame, eyes)
        spent[1] += time.process_time() - began
        began = time.process_time()
    ready += window.finish()
    spent[1] += time.process_time() - began
    results = {
        eye: Result(
            np.stack([pair[eye] for pair in spatial]),
            np.stack([rgb(pair[eye]) for pair in ready]),
            np.stack(holes[eye]),
        )
        for eye in (0, 1)
    }
    return results, 1000 * spent[0] / len(spatial), 1000 * spent[1] / len(spatial)


def flows(pictures: np.ndarray) -> np.ndarray:
    """From each frame's pixels to their places in the frame before."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    return np.stack([search.calc(after, before, None) for before, after in pairwise(grey)])


def score(result: Result, truth: np.ndarray | None, source: np.ndarray) -> list[float]:
    """PSNR of flat, spatial, temporal; flicker of the error of spatial, temporal; flicker along the motion of both, and of the truth."""
    views = (result.spatial, result.temporal)
    motion = flows(result.spatial if truth is None else truth)
    along = [quality.flicker_along(view, motion, result.holes) for view in views]
    if truth is None:
        return [*[float("nan")] * 5, *along, float("nan")]
    good = [
        float(np.nanmean([quality.psnr(*three) for three in zip(view, truth, result.holes, strict=True)]))
        for view in (source, *views)
    ]
    restless = [quality.flicker(view.astype(np.float32) - truth, result.holes) for view in views]
    return [*good, *restless, *along, quality.flicker_along(truth, motion, result.holes)]


def report(name: str, row: list[float]) -> None:
    flat, spatial, temporal, one, two, three, four, floor = row
    print(
        f"{name:24}{flat:8.2f}{spatial:9.2f}{temporal:9.2f}{temporal - spatial:+7.2f}"
        f"{one:9.2f}{two:7.2f}{two / one:6.2f}{three:9.2f}{four:7.2f}{four / three:6.2f}{floor / three:7.2f}",
        flush=True,
    )


def headings() -> None:
    print(f"{'':24}{'PSNR dB of filled pixels':>33}{'flicker of the error':>22}{'along the motion':>29}")
    print(f"{'':24}" + "".join(f"{word:>{width}}" for word, width in COLUMNS))


COLUMNS = (
    *(("flat", 8), ("spatial", 9), ("temporal", 9), ("gain", 7)),
    *(("spatial", 9), ("temp.", 7), ("ratio", 6), ("spatial", 9), ("temp.", 7), ("ratio", 6), ("truth", 7)),
)


def demo(width: int, count: int, soft: bool) -> None:
    film = DemoFilm(width, width * 9 // 16, frames_per_shot=count)
    rows = []
    for scene, shot in zip(film.scenes, film.shots, strict=True):
        source = np.stack([film.rgb(i) for i in range(shot.start, shot.end)])

        def made(source: np.ndarray = source, start: int = shot.start) -> Iterator[tuple[FrameBatch, Eyes]]:
            for n, picture in enumerate(source):
                depth = film.depth(start + n)
                if soft:
                    depth = cv2.GaussianBlur(depth, (0, 0), 1.2 * width / 1440 + 0.5)
                frame = batch(picture, n)
                yield (
                    frame,
                    render_eyes(frame, torch.from_numpy(depth)[None, None], strength=STRENGTH, zero_parallax=ZERO),
                )

        results, rendering, filling = both_ways(made())
        for eye, position in ((0, 0.5), (1, -0.5)):
            truth = np.stack([film.rgb(i, position, STRENGTH, ZERO) for i in range(shot.start, shot.end)])
            rows.append(score(results[eye], truth, source))
            report(f"{scene} {'left' if eye == 0 else 'right'}", rows[-1])
        share = 100 * float(np.mean([results[eye].holes.mean() for eye in (0, 1)]))
        print(f"{'':24}holes {share:.1f} %, ms a frame: rendering {rendering:.0f}, filling over time {filling:.0f}")
    report("mean, right eye", np.mean(rows[1::2], 0).tolist())
    report("mean, both eyes", np.mean(rows, 0).tolist())


def pictures(path: Path, start: int, count: int) -> np.ndarray:
    import av

    with av.open(str(path)) as container:
        frames = (frame for number, frame in enumerate(container.decode(video=0)) if number >= start)
        return np.stack([f.to_ndarray(format="rgb24") for f, _ in zip(frames, range(count), strict=False)])


def matched(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Disparity of a pair by semi-global matching; what was not matched takes the farther side's."""
    low = -32
    matcher = cv2.StereoSGBM.create(low, 64, 5, 200, 800, 1, uniquenessRatio=5, speckleWindowSize=100, speckleRange=2)
    found = matcher.compute(left, right).astype(np.float32) / 16
    found[found < low] = np.nan
    columns = np.arange(found.shape[1])
    for row in found:
        known = np.flatnonzero(~np.isnan(row))
        if len(known):
            before = known[np.searchsorted(known, columns, "right").clip(1) - 1]
            after = known[np.searchsorted(known, columns).clip(max=len(known) - 1)]
            row[:] = np.minimum(row[before], row[after])
    return cv2.medianBlur(np.nan_to_num(found), 5)


def stereo(folder: Path, start: int, count: int) -> None:
    """The right eye made of the left one, by the disparity between the two."""
    for path in sorted(folder.glob("*_left.mp4")):
        left = pictures(path, start, count)
        right = pictures(path.with_name(path.name.replace("_left", "_right")), start, count)

        def made(left: np.ndarray = left, right: np.ndarray = right) -> Iterator[tuple[FrameBatch, Eyes]]:
            for n, (one, two) in enumerate(zip(left, right, strict=True)):
                frame = batch(one, n)
                shift = picture_shift(frame, torch.from_numpy(matched(one, two))[None, None])
                luma = frame.planes[0].unsqueeze(1)
                seen = warp.surface(edges.cover(shift, luma, -1), -1)
                view = warp.sample(torch.stack(frame.planes, 1), seen, -1)
                planes = tuple(plane.contiguous() for plane in view.unbind(1))
                yield frame, Eyes(frame, FrameBatch(planes, frame.pts, n, RGB), shift, (None, seen))

        results, _, filling = both_ways(made())
        report(path.name, score(results[1], right, left))
        print(f"{'':24}holes {100 * results[1].holes.mean():.1f} %, ms a frame: filling over time {filling:.0f}")


def clip(path: Path, start: int, count: int) -> None:
    from stereo3d.depth import load_model
    from stereo3d.pipeline.shot_depth import ShotDepth

    source = pictures(path, start, count)
    given = [batch(picture, n) for n, picture in enumerate(source)]
    shot = ShotDepth(load_model("classic", device="cpu"), zero_parallax=None)
    parts = [part for frame in given for part in shot.push(frame)] + list(shot.finish())
    maps = torch.cat([part.maps(torch.device("cpu")) for part in parts])
    screens = [screen for part in parts for screen in part.zero_parallax]

    def made() -> Iterator[tuple[FrameBatch, Eyes]]:
        for n, frame in enumerate(given):
            yield frame, render_eyes(frame, maps[n : n + 1], strength=STRENGTH, zero_parallax=screens[n])

    results, rendering, filling = both_ways(made())
    for eye in (0, 1):
        report(f"{path.stem} {'left' if eye == 0 else 'right'}", score(results[eye], None, source))
    share = 100 * float(np.mean([results[eye].holes.mean() for eye in (0, 1)]))
    print(f"{'':24}holes {share:.1f} %, ms a frame: rendering {rendering:.0f}, filling over time {filling:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=640, help="of the demo film")
    parser.add_argument("--frames", type=int, default=24, help="of each shot or clip")
    parser.add_argument("--soft", action="store_true", help="the demo film with a network's soft edges")
    parser.add_argument("--stereo", type=Path)
    parser.add_argument("--clip", type=Path, nargs="*", default=[])
    parser.add_argument("--start", type=int, default=0, help="first frame of clips; choose a range without a cut")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    headings()
    if options.stereo is not None:
        stereo(options.stereo, options.start, options.frames)
    for path in options.clip:
        clip(path, options.start, options.frames)
    if options.stereo is None and not options.clip:
        demo(options.width, options.frames, options.soft)


if __name__ == "__main__":
    main()
