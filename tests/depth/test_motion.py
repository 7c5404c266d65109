"""Depth averaged along the motion: less noise, and nothing that lags, smears or shines through."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch

from stereo3d.depth.motion import link, thumbnails, ways
from stereo3d.depth.temporal_motion import REACH, MotionAverage, _average_along, average_along
from stereo3d.frames import Colour, FrameBatch, PixelFormat

HEIGHT, WIDTH, FRAMES = 144, 256, 12
SPEED = 4  # pixels a frame
NEAR, FAR = 0.8, 0.3


@dataclass(frozen=True)
class Moving:
    """A textured disc that crosses a textured wall, and its depth."""

    pictures: list[np.ndarray]
    truth: np.ndarray
    disc: np.ndarray


def texture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((HEIGHT, 2 * WIDTH)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255)


@pytest.fixture(scope="module")
def moving() -> Moving:
    wall, skin = texture(1), texture(2)
    rows, cols = np.indices((HEIGHT, WIDTH))
    pictures, discs = [], []
    for t in range(FRAMES):
        x = 70 + SPEED * t
        disc = (cols - x) ** 2 + (rows - 72) ** 2 < 35**2
        body = np.roll(skin, SPEED * t, axis=1)[:, :WIDTH]
        pictures.append(np.where(disc, body, wall[:, :WIDTH]).astype(np.uint8))
        discs.append(disc)
    disc = np.stack(discs)
    return Moving(pictures, np.where(disc, NEAR, FAR).astype(np.float32), disc)


def averaged(depth: np.ndarray, pictures: list[np.ndarray], calls: int = 4) -> np.ndarray:
    motion = MotionAverage()
    parts = []
    for start in range(0, len(depth), calls):
        motion.see(pictures[start : start + calls])
        parts.append(motion.push(torch.from_numpy(depth[start : start + calls])[:, None]))
    return torch.cat([*parts, *motion.finish()])[:, 0].numpy()


def noisy(truth: np.ndarray, level: float = 0.02) -> np.ndarray:
    return truth + level * np.random.default_rng(5).standard_normal(truth.shape, np.float32)


def test_noise_shrinks_and_outlines_stay(moving: Moving):
    raw = noisy(moving.truth)
    depth = averaged(raw, moving.pictures)
    before, after = np.abs(raw - moving.truth), np.abs(depth - moving.truth)
    assert after[3:-3].mean() < 0.5 * before[3:-3].mean()
    outline = np.stack([cv2.morphologyEx(d.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5))) for d in moving.disc])
    assert after[outline > 0].mean() < 1.1 * before[outline > 0].mean()
    assert np.quantile(after[outline > 0], 0.99) < 0.08  # half the step would be 0.25


def test_nothing_shines_through_where_the_disc_was_or_will_be(moving: Moving):
    depth = averaged(noisy(moving.truth, 0.003), moving.pictures)
    assert np.abs(depth - moving.truth)[~moving.disc].max() < 0.05
    assert np.quantile(np.abs(depth - moving.truth)[moving.disc], 0.999) < 0.05


def test_what_comes_nearer_evenly_does_not_lag(moving: Moving):
    approach = moving.truth + 0.01 * np.arange(FRAMES, dtype=np.float32)[:, None, None] * moving.disc
    depth = averaged(noisy(approach, 0.003), moving.pictures)
    inner = np.stack([cv2.erode(d.astype(np.uint8), np.ones((15, 15))) for d in moving.disc]).astype(bool)
    for t in range(REACH, FRAMES - REACH):
        assert depth[t][inner[t]].mean() == pytest.approx(approach[t][inner[t]].mean(), abs=0.001)


def test_another_picture_gives_nothing(moving: Moving):
    pictures = [texture(10 + t)[:, :WIDTH].astype(np.uint8) for t in range(FRAMES)]
    raw = noisy(moving.truth)
    kept = np.abs(averaged(raw, pictures) - raw)
    assert kept.mean() < 0.1 * np.abs(raw - moving.truth).mean()


def test_calls_do_not_change_the_numbers(moving: Moving):
    raw = noisy(moving.truth)
    reference = averaged(raw, moving.pictures, calls=FRAMES)
    assert reference.shape == raw.shape
    for calls in (1, 5):
        np.testing.assert_array_equal(averaged(raw, moving.pictures, calls), reference)
    motion = MotionAverage()
    motion.see(moving.pictures)  # a look-ahead over the whole shot
    parts = [motion.push(one[None, None]) for one in torch.from_numpy(raw)]
    assert [len(part) for part in parts] == [0] * REACH + [1] * (FRAMES - REACH)
    np.testing.assert_array_equal(torch.cat([*parts, *motion.finish()])[:, 0].numpy(), reference)


def test_a_piece_with_frames_before_and_after_is_as_in_the_whole(moving: Moving):
    raw = noisy(moving.truth)
    whole = averaged(raw, moving.pictures)
    first, last = 4, 8
    part = averaged(raw[first - REACH : last + REACH], moving.pictures[first - REACH : last + REACH])
    np.testing.assert_array_equal(part[REACH:-REACH], whole[first:last])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_shots_come_out_whole(moving: Moving, count: int):
    assert averaged(moving.truth[:count], moving.pictures[:count]).shape == (count, HEIGHT, WIDTH)


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (97, 131), (144, 256)])
def test_the_kernel_and_the_reference_agree(shape: tuple[int, int]):
    random = torch.Generator().manual_seed(3)
    depth = torch.rand(1, 1, *shape, generator=random)
    others = depth + 0.05 * torch.randn(4, 1, *shape, generator=random)
    field = torch.rand(4, 3, 18, 31, generator=random)
    field[:, :2] = 0.1 * (field[:, :2] - 0.5)
    torch.testing.assert_close(
        average_along(depth, others, field), _average_along(depth, others, field), atol=2e-5, rtol=0
    )


# --- motion ---


def test_a_way_over_several_links_adds_up_and_returns(moving: Moving):
    links = [link(a, b) for a, b in zip(moving.pictures, moving.pictures[1:], strict=False)][:3]
    there, back = ways([], links)[2], ways(links, [])[2]
    np.testing.assert_array_equal(ways(links, links)[[2, 5]], [back, there])
    row, column = 72 // 2, 70 // 2
    assert there[0, row, column] * WIDTH == pytest.approx(3 * SPEED, abs=0.7)
    assert abs(there[1, row, column] * HEIGHT) < 0.7
    assert back[0, row, column + 3 * SPEED // 2] * WIDTH == pytest.approx(-3 * SPEED, abs=0.7)
    assert there[2, row, column] > 0.5
    covered = there[2, row, (70 + 35 + 2) // 2]  # wall that the disc is about to hide
    assert covered < 0.1


@pytest.mark.parametrize(("name", "bits", "peak"), [("yuv420p", 8, 255), ("yuv420p10le", 10, 1023)])
def test_thumbnails_are_eight_bit_luma_of_any_format(name: str, bits: int, peak: int):
    form = PixelFormat(name, bits, 1, 1, Colour())
    luma = torch.linspace(0, peak, 640).round().to(torch.int32).expand(2, 360, 640).contiguous().to(form.dtype)
    chroma = torch.zeros(2, 180, 320, dtype=form.dtype)
    small = thumbnails(FrameBatch((luma, chroma, chroma), (0, 1), 0, form))
    assert [s.shape for s in small] == [(144, 256)] * 2
    assert all(s.dtype == np.uint8 for s in small)
    assert int(small[0][0, 0]) <= 2
    assert int(small[1][-1, -1]) >= 253
