"""Measures of views: known values, and agreement with a well-known implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stereo3d import quality

RANDOM = np.random.default_rng(5)
PICTURE = np.kron(RANDOM.integers(0, 256, (12, 16, 3)), np.ones((5, 5, 1))).astype(np.uint8)
NOISY = np.clip(PICTURE + RANDOM.normal(0, 12, PICTURE.shape), 0, 255).astype(np.uint8)


def test_psnr_of_a_known_error() -> None:
    assert quality.psnr(PICTURE, PICTURE) == math.inf
    assert quality.psnr(np.zeros((4, 4)), np.full((4, 4), 10.0)) == pytest.approx(20 * math.log10(25.5))
    assert quality.psnr(np.zeros((4, 4)), np.full((4, 4), 0.1), peak=1.0) == pytest.approx(20)
    half = np.zeros((4, 4), bool)
    half[:2] = True
    assert quality.psnr(np.zeros((4, 4)), np.where(half, 0, 9), half) == math.inf
    assert math.isnan(quality.psnr(PICTURE, NOISY, np.zeros(PICTURE.shape[:2], bool)))


def test_ssim_agrees_with_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    luma = [picture.astype(float) @ (0.299, 0.587, 0.114) for picture in (PICTURE, NOISY)]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
    _, whole = metrics.structural_similarity(*luma, data_range=255.0, **options)
    assert quality.ssim(PICTURE, NOISY) == pytest.approx(whole.mean(), abs=1e-3)
    part = np.zeros(luma[0].shape, bool)
    part[10:30, 20:50] = True
    assert quality.ssim(PICTURE, NOISY, part) == pytest.approx(whole[part].mean(), abs=1e-6)
    assert quality.ssim(PICTURE, PICTURE) == pytest.approx(1)


def test_siou_is_one_for_the_truth_and_falls_with_error() -> None:
    other = np.roll(PICTURE, 4, axis=1)
    assert quality.siou(PICTURE, PICTURE, other) == 1
    near, far = (quality.siou(np.roll(PICTURE, moved, axis=1), PICTURE, other) for moved in (1, 3))
    assert 0 <= far < near < 1


def test_parallax_is_in_per_cent_of_the_width() -> None:
    disparity = np.concatenate([np.full(500, -4.0), np.full(500, 10.0), [900.0]])
    assert quality.parallax_range(disparity, 200) == (-2.0, 5.0)
    assert quality.hole_share(np.array([[True, False], [False, False]])) == 0.25


def test_flicker_is_the_change_of_the_error_where_both_frames_are_filled() -> None:
    errors = np.zeros((3, 4, 6, 1))
    filled = np.zeros((3, 4, 6), bool)
    filled[:, :, :2] = True
    errors[1, :, :2], errors[1, :, 2:] = 3, 100  # what is not filled does not count
    assert quality.flicker(errors, filled) == 3
    errors[:, :, :2] = 50  # a steady error is not restless
    assert quality.flicker(errors, filled) == 0
    assert math.isnan(quality.flicker(errors, np.zeros_like(filled)))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        quality.psnr(PICTURE, PICTURE[:-1])
    with pytest.raises(ValueError, match="do not fit"):
        quality.flicker(np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 5), bool))


def test_flicker_along_the_motion_is_nothing_for_what_only_moves() -> None:
    moving = np.stack([np.roll(PICTURE, 3 * t, axis=1) for t in range(3)])
    flows = np.zeros((2, *PICTURE.shape[:2], 2))
    flows[..., 0] = -3
    filled = np.zeros(moving.shape[:3], bool)
    for t in range(3):
        filled[t, 10:50, 20 + 3 * t : 50 + 3 * t] = True
    assert quality.flicker_along(moving, flows, filled) == pytest.approx(0, abs=1e-4)
    assert quality.flicker_along(moving, np.zeros_like(flows), filled) > 20
    restless = moving.astype(np.float64)
    restless[1] += 7
    assert quality.flicker_along(restless, flows, filled) == pytest.approx(7, abs=1e-3)
    assert math.isnan(quality.flicker_along(moving, flows, np.zeros_like(filled)))
    with pytest.raises(ValueError, match="do not fit"):
        quality.flicker_along(moving, flows[:1], filled)
