"""What eyes bear: the strength a screen allows, a screen that follows its subject, a frame that cuts nothing in front."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.render import disparity_px, render_views, screen_parallax
from stereo3d.render.comfort import comfortable_strength, comfortable_width
from stereo3d.render.comfort_screen import JUMP_PERCENT, SLACK_PERCENT, SPEED_PERCENT, Follow, ScreenPath, subject_depth
from stereo3d.render.comfort_window import (
    STEEPEST,
    float_window,
    side_depths,
    side_share,
    soften_sides,
    window_columns,
)

YUV = PixelFormat("yuv420p", 8, 1, 1, Colour())


@pytest.mark.parametrize("width", [0.1, 1.44, 4.0, 10.0, 22.0])
@pytest.mark.parametrize("zero", [0.0, 0.1, 0.5, 1.0])
def test_no_point_lies_farther_behind_the_screen_than_the_eyes_are_apart(width: float, zero: float) -> None:
    strength = comfortable_strength(5.0, zero, screen_width=width, eye_distance=63)
    disparity = disparity_px(torch.linspace(0, 1, 99), width=1920, strength=strength, zero_parallax=zero)
    parallax = screen_parallax(disparity, width=1920, screen_width=width)
    assert float(parallax.max()) <= 0.063 + 1e-6
    if strength < 5:
        assert float(parallax.max()) == pytest.approx(0.063, rel=1e-4)  # no less than need be


def test_the_known_limits_of_screens() -> None:
    """63 mm are 4.4 % of a 65-inch television and 0.6 % of a screen ten metres wide."""
    assert comfortable_strength(15, 1, screen_width=1.44, eye_distance=63) == pytest.approx(4.375)
    assert comfortable_strength(15, 1, screen_width=10, eye_distance=63) == pytest.approx(0.63)
    assert comfortable_strength(2.5, 0.5, screen_width=1.44, eye_distance=63) == 2.5
    assert comfortable_width(2.0, 63) == pytest.approx(3.15)
    assert comfortable_strength(15, 1, screen_width=10, eye_distance=50) == pytest.approx(0.5)


def path(subject: list[float], seconds: float, strength: float = 2.5, rate: float = 24.0) -> np.ndarray:
    """The screen at every frame, for a subject measured so many times over these seconds."""
    frames = round(seconds * rate)
    found = ScreenPath(subject, 100, (frames - 1) / max(1, len(subject) - 1), Follow.of(strength, rate))
    return np.array([found.at(100 + frame) for frame in range(frames)])


def test_a_subject_at_rest_is_on_the_screen_and_the_screen_rests() -> None:
    assert np.allclose(path([0.4] * 16, 10), 0.4, atol=1e-3)
    assert len(set(path([0.4 + 0.05 * (-1) ** i for i in range(16)], 10))) == 1


def test_a_passer_by_moves_nothing() -> None:
    subject = [0.4] * 16
    subject[5:7] = [1.0, 1.0]  # 1.3 s
    assert len(set(path(subject, 10))) == 1


def test_a_very_short_shot_has_one_screen() -> None:
    assert len(set(path([0.4, 0.5, 0.3, 0.45, 0.4, 0.9, 0.4, 0.35], 0.4))) == 1


@pytest.mark.parametrize("strength", [1.0, 2.5, 6.0])
def test_the_screen_follows_within_the_slack_slowly_and_without_a_jump(strength: float) -> None:
    seconds, rate = 20.0, 24.0
    subject = [*np.linspace(0.2, 0.2, 4), *np.linspace(0.2, 0.8, 8), *np.linspace(0.8, 0.6, 4)]
    screen = path(subject, seconds, strength)
    speed = np.abs(np.diff(screen)) * rate * strength
    assert speed.max() <= SPEED_PERCENT + strength * rate / 1024  # one step of the quantisation
    assert np.abs(np.diff(screen)).max() < 0.03
    assert np.ptp(screen) > 0.5 - 2 * SLACK_PERCENT / strength - 0.05
    at = np.interp(np.arange(len(screen)), np.linspace(0, len(screen) - 1, 16), subject)
    away = np.abs(at - screen) * strength
    assert away.max() < SLACK_PERCENT + 0.35 * strength * 0.6 / 2.5  # the median and the spline lag a little
    assert away[[0, -1]].max() <= SLACK_PERCENT + strength * 0.06


def test_two_shots_differ_little_at_their_cut() -> None:
    """Though no shot sees the other: where a subject is within reach, it is near the screen at both ends."""
    random = np.random.default_rng(4)
    for _ in range(50):
        ends = []
        for side in (0, -1):
            a, b = random.uniform(0, 1, 2)
            seconds = float(random.uniform(1, 12))
            way = min(0.6, 0.2 * seconds + 0.1)
            subject = list(np.linspace(a, a + np.clip(b - a, -way, way), 16))
            screen = path(subject, seconds)
            within = max(1, round(16 / seconds))
            near = subject[:within] if side == 0 else subject[-within:]
            ends.append(2.5 * (float(np.median(near)) - screen[side]))
        assert abs(ends[0] - ends[1]) <= JUMP_PERCENT


def test_a_subject_that_is_too_fast_is_not_chased() -> None:
    screen = path([0.0] * 8 + [1.0] * 8, 4)
    assert (np.abs(np.diff(screen)) * 24 * 2.5).max() <= SPEED_PERCENT + 2.5 * 24 / 1024


def test_a_shot_that_goes_on_is_followed_with_no_jump() -> None:
    follow = Follow.of(2.5, 24)
    found = ScreenPath([0.3] * 16, 0, 299 / 15, follow)
    screen = []
    for frame in range(900):
        depth = 0.3 if frame < 400 else min(0.8, 0.3 + 0.1 * (frame - 400) / 24)
        found.see(frame, torch.full((1, 20, 36), depth))
        screen.append(found.at(frame))
    assert len(set(screen[:400])) == 1
    assert screen[-1] == pytest.approx(0.8 - follow.slack, abs=0.03)
    assert max(abs(b - a) for a, b in pairwise(screen)) * 24 * 2.5 <= SPEED_PERCENT + 2.5 * 24 / 1024


def test_a_subject_is_measured_alike_at_any_size() -> None:
    depth = torch.full((1, 1, 45, 80), 0.1)
    depth[..., 10:, 25:55] = 0.6
    large = depth.repeat_interleave(12, 2).repeat_interleave(12, 3)
    assert subject_depth(large) == subject_depth(depth) == pytest.approx([0.6])


def test_softened_sides_have_nothing_in_front_and_leave_the_rest() -> None:
    disparity = torch.linspace(-20, 30, 40)[None, None, :, None].expand(2, 1, 40, 1000).contiguous()
    soft = soften_sides(disparity, [0.03])
    assert float(soft[..., [0, -1]].max()) <= 0
    assert torch.equal(soft[disparity <= 0], disparity[disparity <= 0])
    assert torch.equal(soft[..., 200:800], disparity[..., 200:800])
    assert float(soft.diff(dim=3).abs().max()) <= STEEPEST * 1.001
    assert (soft[..., :500].diff(dim=3) * disparity[..., :499].sign().clamp(min=0) >= 0).all()


def test_what_the_sides_cut_is_found_but_not_what_the_bottom_cuts() -> None:
    depth = torch.full((3, 1, 100, 200), 0.3)
    depth[0, :, 20:60, 150:] = 0.9  # a thing cut by the right side
    depth[1, :, 80:, :] = 0.9  # the ground
    depth[2, :, 20:60, 50:150] = 0.9  # a thing in the middle
    assert side_share(depth, [0.5] * 3).tolist() == pytest.approx([40 / 75, 0, 0])
    assert side_depths(depth)[0].tolist() == pytest.approx([0.3, 0.9])


def test_a_window_floats_before_what_it_cuts() -> None:
    columns = window_columns(0.9, 400, 2, strength=(2.5, 2.5, 0.0, 2.5), zero_parallax=(0.5, 0.9, 0.5, 0.48))
    assert columns == [4, 0, 0, 6]  # 4, 0 and 4.2 pixels of disparity
    planes = (torch.full((4, 30, 400), 99, dtype=torch.uint8), *[torch.full((4, 15, 200), 77, dtype=torch.uint8)] * 2)
    eye = FrameBatch(planes, (0, 1, 2, 3), 0, YUV)
    strength, zero = (2.5, 2.5, 0.0, 2.5), (0.5, 0.9, 0.5, 0.48)
    left, right = float_window(eye, eye, (0.9, 0.3), strength=strength, zero_parallax=zero)
    assert right is eye
    assert (left.planes[0][0, :, :4] == 16).all()
    assert (left.planes[1][0, :, :2] == 128).all()
    assert (left.planes[0][0, :, 4:] == 99).all()
    assert torch.equal(left.planes[0][1:3], eye.planes[0][1:3])


@pytest.mark.parametrize("synthetic", ["left", "right"])
def test_one_eye_may_be_the_source_itself(synthetic: str) -> None:
    luma = torch.randint(0, 255, (1, 32, 200), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    chroma = torch.full((1, 16, 100), 128, dtype=torch.uint8)
    frames = FrameBatch((luma, chroma, chroma), (0,), 0, YUV)
    depth = torch.ones(1, 1, 8, 50)
    left, right = render_views(frames, depth, strength=4, zero_parallax=0, synthetic=synthetic)  # type: ignore[arg-type]
    if synthetic == "right":
        assert left is frames
        assert torch.equal(right.planes[0][..., :-8], luma[..., 8:])
    else:
        assert right is frames
        assert torch.equal(left.planes[0][..., 8:], luma[..., :-8])


def test_each_frame_has_its_own_strength_and_screen() -> None:
    luma = torch.randint(0, 255, (3, 32, 200), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    chroma = torch.full((3, 16, 100), 128, dtype=torch.uint8)
    frames = FrameBatch((luma, chroma, chroma), (0, 1, 2), 0, YUV)
    depth = torch.ones(3, 1, 8, 50)
    left, _ = render_views(frames, depth, strength=(4.0, 0.0, 4.0), zero_parallax=(0.0, 0.0, 0.5))
    assert torch.equal(left.planes[0][0, :, 4:], luma[0, :, :-4])
    assert torch.equal(left.planes[0][1], luma[1])
    assert torch.equal(left.planes[0][2, :, 2:], luma[2, :, :-2])
    assert left.planes[0].dtype == torch.uint8
