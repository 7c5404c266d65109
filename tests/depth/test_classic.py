"""The weight-free model: what it must hold on pictures whose depth everybody agrees on, and over time."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stereo3d.depth.base import DepthModel
from stereo3d.depth.classic import ClassicModel
from stereo3d.frames import Colour, FrameBatch, PixelFormat

REPO = Path(__file__).parents[2]
SHARED = REPO.parent / "shared"
YUV420 = PixelFormat("yuv420p", 8, 1, 1, Colour(matrix=1))
GREY = PixelFormat("gray", 8, 0, 0, Colour())


@pytest.fixture(scope="module")
def model() -> ClassicModel:
    return ClassicModel()


def grey_frames(pictures: np.ndarray) -> FrameBatch:
    """[n, h, w] uint8 code values as a grey batch."""
    planes = (torch.from_numpy(np.ascontiguousarray(pictures)),)
    return FrameBatch(planes, tuple(range(len(pictures))), 0, GREY)


def landscape(height: int = 240, width: int = 320) -> np.ndarray:
    """Blue sky, a far ridge, green ground with texture: [h, w, 3] RGB uint8."""
    rng = np.random.default_rng(1)
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = (150, 190, 235)
    ridge = (height * 0.42 + 8 * np.sin(np.arange(width) / 25)).astype(int)
    below = np.arange(height)[:, None] >= ridge
    picture[below] = (80, 110, 60)
    picture[below] += rng.normal(0, 9, (int(below.sum()), 1)).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def with_disc(x: float = 160, y: float = 150, noise: float = 0, seed: int = 0) -> np.ndarray:
    """A dark ball of radius 45 before a bright wall, [240, 320] code values in the studio range."""
    picture = np.full((240, 320), 170, np.float32)
    cv2.circle(picture, (round(x * 16), round(y * 16)), 45 * 16, 60.0, -1, cv2.LINE_AA, 4)
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape) if noise else 0
    return np.clip(np.rint(picture), 16, 235).astype(np.uint8)


def to_torch(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None]


def test_protocol_and_what_it_says_of_itself(model: ClassicModel) -> None:
    assert isinstance(model, DepthModel)
    assert model.info.name == "classic"
    assert model.info.calibrated
    assert model.info.identity.endswith("v1")
    assert any("weight-free" in note for note in model.info.notes)
    assert ClassicModel("cuda").infer_raw(to_torch(landscape())).device.type == "cpu"


@pytest.mark.parametrize("size", [(240, 320), (333, 77), (7, 9), (1, 1), (1080, 1920)])
def test_shape_and_range(model: ClassicModel, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    rgb = torch.from_numpy(rng.integers(0, 256, (2, 3, *size), dtype=np.uint8))
    for depth in (model.infer_raw(rgb), model.infer(rgb)):
        assert depth.shape == (2, 1, *size)
        assert depth.dtype == torch.float32
        assert torch.isfinite(depth).all()
        assert depth.min() >= 0
        assert depth.max() <= 1
    scaled = model.infer(rgb)
    if min(size) > 10:
        torch.testing.assert_close(scaled.amin((1, 2, 3)), torch.zeros(2))
        torch.testing.assert_close(scaled.amax((1, 2, 3)), torch.ones(2))


def test_uint8_and_float_agree(model: ClassicModel) -> None:
    rgb = to_torch(landscape())
    assert (model.infer_raw(rgb) - model.infer_raw(rgb / 255)).abs().max() < 0.02


@pytest.mark.parametrize("level", [70, 128, 230])
def test_uniform_picture_is_the_plain_gradient(model: ClassicModel, level: int) -> None:
    depth = model.infer_raw(torch.full((1, 3, 180, 320), level, dtype=torch.uint8))[0, 0]
    torch.testing.assert_close(depth, depth[:, :1].expand_as(depth), atol=2e-3, rtol=0)
    rows = depth[:, 0]
    assert (rows.diff() >= -1e-5).all()
    assert rows[0] < 0.2
    assert rows[-1] > 0.8


def test_black_and_credits_are_flat(model: ClassicModel) -> None:
    black = torch.zeros((1, 3, 180, 320), dtype=torch.uint8)
    assert (model.infer_raw(black) == 0.5).all()
    assert (model.infer(black) == 0.5).all()
    credits_page = np.full((270, 480), 16, np.uint8)
    for row in (80, 130, 180):
        cv2.putText(credits_page, "DIRECTED BY", (150, row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 235, 2)
    depth = model.begin_shot().push(grey_frames(credits_page[None]))
    assert depth.max() - depth.min() < 0.02


def test_letterbox_does_not_take_part_of_the_gradient(model: ClassicModel) -> None:
    boxed = torch.zeros((1, 3, 240, 320), dtype=torch.uint8)
    boxed[:, :, 60:180] = 128
    depth = model.infer_raw(boxed)[0, 0, :, 160]
    assert depth[66] < 0.3
    assert depth[173] > 0.65


def test_ground_is_nearer_than_sky(model: ClassicModel) -> None:
    depth = model.infer_raw(to_torch(landscape()))[0, 0]
    sky, far_ground, near_ground = depth[:80].mean(), depth[115:135].mean(), depth[200:].mean()
    assert sky + 0.2 < far_ground
    assert far_ground < near_ground


def test_lines_to_a_vanishing_point_bend_the_gradient(model: ClassicModel) -> None:
    road = np.full((360, 640, 3), 120, np.uint8)
    for x in range(-1600, 2400, 160):
        cv2.line(road, (64, 126), (x, 360), (200, 200, 200), 3, cv2.LINE_AA)
    road[:126] = 120
    upper = model.infer_raw(to_torch(road))[0, 0, :100]
    assert upper[:, 600:].mean() > upper[:, 40:90].mean() + 0.1
    mirrored = model.infer_raw(to_torch(road[:, ::-1]))[0, 0, :100]
    assert mirrored[:, :40].mean() > mirrored[:, 550:600].mean() + 0.1


def test_depth_edge_lies_on_the_picture_edge(model: ClassicModel) -> None:
    depth = model.begin_shot().push(grey_frames(with_disc()[None]))[0, 0].numpy()
    assert depth.shape == (240, 320)
    row = depth[110]
    inside, outside = np.median(row[135:185]), np.median(np.r_[row[60:100], row[220:260]])
    assert inside > outside + 0.08
    crossings = np.flatnonzero(np.diff(row > (inside + outside) / 2))
    half = np.sqrt(45**2 - 40**2)
    assert len(crossings) == 2
    np.testing.assert_allclose(crossings + 1, [160 - half, 160 + half], atol=2.5)
    blurred = (row[165:200] > outside + 0.1 * (inside - outside)) & (row[165:200] < outside + 0.9 * (inside - outside))
    assert blurred.sum() <= 8


def test_a_noisy_still_clip_does_not_flicker(model: ClassicModel) -> None:
    clip = np.stack([with_disc(noise=4, seed=seed) for seed in range(30)])
    steady = model.begin_shot().push(grey_frames(clip))[:, 0]
    alone = torch.cat([model.begin_shot().push(grey_frames(frame[None])) for frame in clip])[:, 0]
    flicker, unsteady = steady[5:].diff(dim=0).abs(), alone[5:].diff(dim=0).abs()
    assert flicker.mean() < 0.0015
    assert flicker.quantile(0.999) < 0.03  # at the outline, where noise moves it
    assert flicker.mean() < 0.5 * unsteady.mean()
    assert (steady[-1] - steady[5]).abs().mean() < 0.01


def test_motion_leaves_no_trail(model: ClassicModel) -> None:
    clip = np.stack([with_disc(x=60 + 8 * k, noise=1, seed=k) for k in range(26)])
    depth = model.begin_shot().push(grey_frames(clip))[:, 0]
    alone = model.begin_shot().push(grey_frames(clip[-1:]))[0, 0]
    assert (depth[-1] - alone).abs().mean() < 0.03
    assert (depth[-1, 140:160, 20:120] - alone[140:160, 20:120]).abs().max() < 0.06
    assert (depth[-1, 140:160, 240:280] - alone[140:160, 240:280]).abs().max() < 0.06


def test_nothing_is_remembered_across_shots(model: ClassicModel) -> None:
    frames = grey_frames(with_disc(noise=3)[None])
    fresh = model.begin_shot().push(frames)
    other = model.begin_shot()
    other.push(grey_frames(with_disc(x=90, noise=3, seed=5)[None]))
    assert not torch.equal(other.push(frames), fresh)
    assert torch.equal(model.begin_shot().push(frames), fresh)


def yuv_clip(count: int) -> FrameBatch:
    luma = np.stack([with_disc(x=100 + 5 * k, noise=3, seed=k) for k in range(count)])
    chroma = np.random.default_rng(9).integers(90, 160, (2, count, 120, 160), dtype=np.uint8)
    planes = (torch.from_numpy(luma), torch.from_numpy(chroma[0]), torch.from_numpy(chroma[1]))
    return FrameBatch(planes, tuple(range(count)), 0, YUV420)


def part(frames: FrameBatch, start: int, stop: int) -> FrameBatch:
    planes = tuple(plane[start:stop].contiguous() for plane in frames.planes)
    return FrameBatch(planes, frames.pts[start:stop], frames.index + start, frames.format)


@pytest.mark.parametrize("cuts", [(0, 1, 2, 3, 4, 5, 6), (0, 2, 6), (0, 5, 6)])
def test_batches_do_not_matter(model: ClassicModel, cuts: tuple[int, ...]) -> None:
    clip = yuv_clip(6)
    whole = model.begin_shot().push(clip)
    shot = model.begin_shot()
    pieces = [shot.push(part(clip, a, b)) for a, b in pairwise(cuts)]
    assert torch.equal(torch.cat([*pieces, shot.finish()]), whole)


def test_threads_do_not_matter(model: ClassicModel) -> None:
    before = cv2.getNumThreads()
    clip = grey_frames(np.random.default_rng(2).integers(16, 236, (2, 1080, 1920), dtype=np.uint8))
    try:
        results = []
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            results.append(model.begin_shot().push(clip))
    finally:
        cv2.setNumThreads(before)
    assert torch.equal(*results)
    elsewhere: list[torch.Tensor] = []
    worker = threading.Thread(target=lambda: elsewhere.append(model.begin_shot().push(clip)))
    worker.start()
    worker.join()
    assert torch.equal(elsewhere[0], results[0])


def code_planes(rgb: np.ndarray, bits: int, full: bool) -> list[np.ndarray]:
    """BT.709 Y'CbCr 4:4:4 code values of [h, w, 3] RGB uint8, ITU-T H.273."""
    red, green, blue = np.moveaxis(rgb.astype(np.float64) / 255, 2, 0)
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    cb, cr = (blue - y) / 1.8556, (red - y) / 1.5748
    if full:
        top = (1 << bits) - 1
        scaled = [y * top, cb * top + (1 << (bits - 1)), cr * top + (1 << (bits - 1))]
    else:
        unit = 1 << (bits - 8)
        scaled = [(16 + 219 * y) * unit, (128 + 224 * cb) * unit, (128 + 224 * cr) * unit]
    dtype = np.uint8 if bits == 8 else np.uint16
    return [np.clip(np.rint(plane), 0, (1 << bits) - 1).astype(dtype) for plane in scaled]


@pytest.mark.parametrize(
    ("name", "bits", "chroma", "full"),
    [
        ("yuv444p", 8, (0, 0), False),
        ("yuv420p", 8, (1, 1), True),
        ("yuv420p10le", 10, (1, 1), False),
        ("yuv422p12le", 12, (1, 0), False),
        ("yuv444p16le", 16, (0, 0), True),
        ("gbrp", 8, (0, 0), True),
        ("gbrp10le", 10, (0, 0), True),
        ("gbrp", 8, (0, 0), False),
    ],
)
def test_every_format_shows_the_same_picture(
    model: ClassicModel, name: str, bits: int, chroma: tuple[int, int], full: bool
) -> None:
    rgb = landscape()
    if name.startswith("gbr"):
        scale, low = ((1 << bits) - 1, 0) if full else (219 << (bits - 8), 16 << (bits - 8))
        codes = np.rint(rgb[..., [1, 2, 0]] / 255 * scale + low).astype(np.uint8 if bits == 8 else np.uint16)
        planes = list(np.moveaxis(codes, 2, 0))
    else:
        planes = code_planes(rgb, bits, full)
        planes[1:] = [plane[:: 1 << chroma[1], :: 1 << chroma[0]] for plane in planes[1:]]
    pixel = PixelFormat(name, bits, *chroma, Colour(matrix=0 if name.startswith("gbr") else 1, full_range=full))
    tensors = tuple(torch.from_numpy(np.ascontiguousarray(plane))[None] for plane in planes)
    depth = model.begin_shot().push(FrameBatch(tensors, (0,), 0, pixel))
    error = (depth - model.infer_raw(to_torch(rgb))).abs()
    assert error.mean() < 0.01
    assert error.quantile(0.99) < 0.06


def test_push_answers_in_the_frames_aspect(model: ClassicModel) -> None:
    wide = model.begin_shot().push(grey_frames(np.zeros((2, 816, 1920), np.uint8)))
    tall = model.begin_shot().push(grey_frames(np.zeros((1, 1920, 1080), np.uint8)))
    assert wide.shape[:2] == (2, 1)
    for depth, aspect in ((wide, 1920 / 816), (tall, 1080 / 1920)):
        assert depth.shape[3] / depth.shape[2] == pytest.approx(aspect, rel=0.01)
        assert depth.shape[2] * depth.shape[3] == pytest.approx(480 * 270, rel=0.02)


@pytest.mark.parametrize(("name", "at_least"), [("droids", 0.45), ("rebels", 0.6)])
def test_film_frames_rank_better_than_the_bare_gradient(model: ClassicModel, name: str, at_least: float) -> None:
    folder = SHARED / "data" / "film" / name
    if not folder.is_dir():
        pytest.skip(f"no film frames at {folder}")
    frame = cv2.imread(str(folder / "frame.png"))[..., ::-1]
    truth = cv2.imread(str(folder / "depth_large.png"), cv2.IMREAD_UNCHANGED)[::8, ::8]
    depth = model.infer_raw(to_torch(frame))[0, 0].numpy()[::8, ::8]
    gradient = np.repeat(np.arange(truth.shape[0])[:, None], truth.shape[1], axis=1)
    assert rank_correlation(depth, truth) > max(at_least, rank_correlation(gradient, truth))


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(values.ravel(), kind="stable"), kind="stable") for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])
