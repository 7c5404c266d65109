"""The demo film is its own truth: depth, the other eye's view, cuts and sound agree with one another."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from stereo3d.demo import SCENES, DemoFilm
from stereo3d.demo.render import distance_map, picture
from stereo3d.demo.scene import ROD
from stereo3d.demo.textures import SIZE, atlas
from stereo3d.frames import Shot

W, H = 320, 180


@pytest.fixture(scope="module")
def film() -> DemoFilm:
    return DemoFilm(W, H, frames_per_shot=3)


def disparity(depth: npt.NDArray[np.float32], strength: float, zero: float) -> npt.NDArray[np.float64]:
    return strength / 100 * depth.shape[1] * (depth.astype(np.float64) - zero)


def smooth(depth: npt.NDArray[np.float32], picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Pixels with neither a depth jump nor a strong outline within two pixels."""
    calm = np.ones(depth.shape, bool)
    grey = picture.astype(np.float64).mean(axis=-1)
    for shift in (-2, -1, 1, 2):
        for axis in (0, 1):
            calm &= np.abs(np.roll(depth, shift, axis) - depth) < 0.01
            calm &= np.abs(np.roll(grey, shift, axis) - grey) < 25
    calm[:2], calm[-2:], calm[:, :2], calm[:, -2:] = False, False, False, False
    return calm


def splat(depth: npt.NDArray[np.float32], move: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The nearest depth that lands within half a pixel of each target pixel, -1 where nothing lands."""
    out = np.full(depth.shape, -1.0)
    rows, columns = np.indices(depth.shape)
    for rounding in (np.floor, np.ceil):
        target = rounding(columns + move).astype(int)
        inside = (target >= 0) & (target < depth.shape[1])
        np.maximum.at(out, (rows[inside], target[inside]), depth[inside])
    return out


@pytest.mark.parametrize("shot", range(4))
@pytest.mark.parametrize("position", [0.5, -1.0])
def test_a_view_shows_the_centre_pixels_at_their_disparity(film: DemoFilm, shot: int, position: float) -> None:
    index, strength, zero = 3 * shot + 1, 4.0, 0.3
    centre, depth = film.rgb(index).astype(np.float64), film.depth(index)
    view = film.rgb(index, position, strength, zero).astype(np.float64)
    move = position * disparity(depth, strength, zero)
    x = np.arange(W) + move
    first = np.floor(x).astype(int)
    use = smooth(depth, film.rgb(index)) & (first >= 0) & (first < W - 1)
    nearest = splat(depth, move)
    rows, columns = np.nonzero(use)
    left = first[rows, columns]
    hidden = np.maximum(nearest[rows, left], nearest[rows, left + 1]) > depth[rows, columns] + 0.02
    rows, columns, left = rows[~hidden], columns[~hidden], left[~hidden]
    part = (x[rows, columns] - left)[:, None]
    seen = view[rows, left] * (1 - part) + view[rows, left + 1] * part
    error = np.abs(seen - centre[rows, columns])

    assert len(rows) > 0.25 * W * H
    psnr = 10 * np.log10(255**2 / np.mean(error**2))
    assert psnr > 33, f"{film.scenes[shot]}: {psnr:.1f} dB over {len(rows)} pixels"

    wrong_way = np.clip(np.arange(W) - move, 0, W - 1).round().astype(int)
    mirrored = np.abs(view[rows, wrong_way[rows, columns]] - centre[rows, columns])
    assert np.mean(mirrored**2) > 4 * np.mean(error**2), "the sign of the disparity makes no difference"


def test_strength_zero_and_position_zero_change_nothing(film: DemoFilm) -> None:
    centre = film.rgb(4)
    assert np.array_equal(film.rgb(4, position=-1.0, strength=0.0), centre)
    assert np.array_equal(film.rgb(4, position=0.0, strength=9.0, zero_parallax=0.9), centre)


def test_the_sign_of_zero_parallax(film: DemoFilm) -> None:
    """With everything behind the screen (zero parallax 1), the right eye sees the sky further to the right."""
    index = 10
    assert film.scenes[index // 3] == "meadow"
    whole = film.rgb(index, position=-1.0, strength=5.0, zero_parallax=1.0)
    sky = film.depth(index) == 0
    step = 16  # 5 % of 320: all of the budget
    rows, columns = np.nonzero(sky & (np.indices((H, W))[1] < W - step))
    keep = np.roll(sky, -step, axis=1)[rows, columns]
    difference = np.abs(whole[rows, columns + step].astype(int) - film.rgb(index)[rows, columns])[keep]
    assert np.median(difference) <= 1


@pytest.mark.parametrize("name", list(SCENES))
def test_depth_lies_within_the_shots_range_at_all_times(name: str) -> None:
    for seconds in np.arange(0, 16, 0.75):
        scene = SCENES[name].scene(float(seconds))
        distance = distance_map(scene, 160, 90)
        assert scene.near <= distance.min() < 2.2 * scene.near
        assert distance.max() <= scene.far


@pytest.mark.parametrize("shot", range(4))
def test_depth_is_near_and_far_with_occlusions(film: DemoFilm, shot: int) -> None:
    depth = film.depth(3 * shot)
    assert depth.dtype == np.float32
    assert depth.shape == (H, W)
    assert depth.min() >= 0 < depth.max() <= 1
    assert np.percentile(depth, 95) - np.percentile(depth, 5) > 0.25
    covered = splat(depth, -disparity(depth, 2.5, 0.4))
    holes = (covered < 0)[:, 12:-12].mean()
    assert 0.002 < holes < 0.2, f"{holes:.2%} of the right view is uncovered"
    bottom, top = depth[-H // 6 :].mean(), depth[: H // 6].mean()
    assert bottom > top


def test_thin_threads_are_whole_in_small_pictures(film: DemoFilm) -> None:
    """Threads of a tenth of a pixel: the rows they cross must all show them, not a dotted line."""
    scene = film.scene(6)
    thin = np.array([kind == ROD and row[6] < 0.003 for kind, row in zip(scene.kind, scene.geometry, strict=True)])
    assert thin.sum() == 10
    bare = dataclasses.replace(
        scene,
        kind=scene.kind[~thin],
        geometry=scene.geometry[~thin],
        materials=scene.materials[np.append(~thin, True)],
    )
    half = picture(bare, 640, 360, 0.0, 0.0).astype(int)
    with_threads = picture(scene, 640, 360, 0.0, 0.0).astype(int)
    changed = (np.abs(with_threads - half).max(axis=-1) > 8).sum(axis=1)
    rows = np.nonzero(changed)[0]
    middle = changed[rows[0] + 5 : rows[0] + 40]
    assert middle.min() >= 5, "a thread is broken"


def test_the_same_pixels_twice_and_in_any_order(film: DemoFilm) -> None:
    one = film.rgb(7, position=-0.5)
    film.rgb(2)
    again = DemoFilm(W, H, frames_per_shot=3)
    assert np.array_equal(one, again.rgb(7, position=-0.5))
    assert np.array_equal(film.depth(7), again.depth(7))
    assert np.array_equal(film.sound(), again.sound())


def test_cuts_are_where_the_shots_say() -> None:
    film = DemoFilm(160, 90, frames_per_shot=4)
    assert film.frames == 16
    assert film.shots == (Shot(0, 4), Shot(4, 8), Shot(8, 12), Shot(12, 16))
    pictures = np.stack(list(film.pictures())).astype(np.float64)
    change = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2, 3))
    cuts = [shot.start - 1 for shot in film.shots[1:]]
    assert change[cuts].min() > 5 * np.delete(change, cuts).max()
    assert np.delete(change, cuts).min() > 0.1, "a frame stands still"


def test_motion_goes_by_the_clock_not_by_the_frame_count() -> None:
    slow = DemoFilm(160, 90, scenes=("meadow",), frames_per_shot=3, rate=Fraction(12))
    fast = DemoFilm(160, 90, scenes=("meadow",), frames_per_shot=9, rate=Fraction(24))
    assert np.array_equal(slow.rgb(2), fast.rgb(4))


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(60000, 1001)])
def test_a_click_begins_at_the_first_sample_of_each_cut(rate: Fraction) -> None:
    film = DemoFilm(160, 90, frames_per_shot=7, rate=rate)
    sound = film.sound()
    assert sound.dtype == np.float32
    assert sound.shape == (-(-film.frames * 48000 // rate), 2)
    loud = np.abs(sound).min(axis=1) > 0.6
    begins = [int(k) for k in np.nonzero(loud)[0] if not loud[max(0, k - 240) : k].any()]
    assert begins == [int(-(-shot.start * 48000 // rate)) for shot in film.shots[1:]]


def test_the_sound_pans_and_is_quiet_between_the_clicks() -> None:
    film = DemoFilm(64, 36, scenes=("courtyard",), frames_per_shot=60)
    left, right = np.abs(film.sound()).reshape(-1, 2002, 2).mean(axis=1).T
    balance = (right - left) / (right + left)
    assert balance[-5:].mean() - balance[:5].mean() > 0.5, "the camera moves to the right and the sound does not"
    assert 0.02 < np.abs(film.sound()).max() < 0.5


def test_textures_are_rich_and_their_levels_average() -> None:
    textures, levels = atlas()
    for texture in textures:
        base = texture[: SIZE * SIZE].astype(np.float64)
        assert base.std() > 5
        assert np.allclose(texture[levels[-1]], base.mean(axis=0), atol=1)
        assert texture[levels[5] : levels[6]].std(axis=0).max() < base.std(axis=0).max()


def test_what_cannot_be_meant_is_refused(film: DemoFilm) -> None:
    with pytest.raises(ValueError, match="choose from courtyard"):
        DemoFilm(scenes=("beach",))
    with pytest.raises(ValueError, match="0 frames a shot"):
        DemoFilm(frames_per_shot=0)
    with pytest.raises(IndexError, match="frame 12 of a film of 12 frames"):
        film.rgb(12)
