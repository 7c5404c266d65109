"""Where bars are found, and where they are not, on luma planes made for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import pytest

from stereo3d.frames import Colour, PixelFormat, Shot
from stereo3d.plan.bar_finder import BarFinder
from stereo3d.plan.bars import NO_BARS, Bars
from tests.films import SHARED

HEIGHT, WIDTH, LENGTH = 360, 640, 20
SCOPE, ACADEMY = Bars(top=46, bottom=46), Bars(left=80, right=80)
STUDIO = PixelFormat("yuv420p", 8, 1, 1, Colour())
Frames = list[np.ndarray]


@lru_cache
def texture(seed: int, low: float = 20, high: float = 220) -> np.ndarray:
    """A picture with structure of all sizes, wider than the frame."""
    random = np.random.default_rng(seed)
    layers = [cv2.resize(random.random((n, 2 * n)), (2 * WIDTH, HEIGHT)) / k for k, n in enumerate((4, 12, 60), 1)]
    total = sum(layers)
    return low + (high - low) * (total - total.min()) / (total.max() - total.min())


def shot(
    bars: Bars = NO_BARS,
    *,
    seed: int = 1,
    light: Callable[[int], float] = lambda _n: 1.0,
    paint: Callable[[np.ndarray, int], None] = lambda _picture, _n: None,
    noise: float = 0,
    black: int = 16,
    **level: float,
) -> Frames:
    """A pan over a texture, framed. ``light`` scales the picture above black, ``paint`` draws on the whole frame."""
    random = np.random.default_rng(seed)
    whole = texture(seed, **level)
    frames = []
    for n in range(LENGTH):
        frame = np.full((HEIGHT, WIDTH), float(black))
        inside = slice(bars.top, HEIGHT - bars.bottom), slice(bars.left, WIDTH - bars.right)
        frame[inside] = black + (whole[:, 3 * n : 3 * n + WIDTH] - black)[inside] * light(n)
        paint(frame, n)
        frame += random.normal(0, noise, frame.shape) if noise else 0
        frames.append(np.clip(frame.round(), 0, 255).astype(np.uint8))
    return frames


def found(*shots: Frames, format: PixelFormat = STUDIO) -> tuple[Bars | None, ...]:
    finder = BarFinder(format, shots[0][0].shape)
    ranges, start = [], 0
    for frames in shots:
        for frame in frames:
            finder.push(frame)
        ranges.append(Shot(start, start + len(frames)))
        start += len(frames)
    return finder.finish(ranges)


def text(
    lines: list[str], top: int, size: float = 0.8, speed: int = 0, *, alone: bool = False
) -> Callable[[np.ndarray, int], None]:
    """White lines over the frame; ``alone``: on nothing but black."""

    def paint(frame: np.ndarray, n: int) -> None:
        ink = np.zeros(frame.shape, np.uint8)
        for number, line in enumerate(lines):
            (width, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, size, 2)
            at = ((WIDTH - width) // 2, top + int(38 * size) * number - speed * n)
            cv2.putText(ink, line, at, cv2.FONT_HERSHEY_DUPLEX, size, 219.0, 2, cv2.LINE_AA)
        frame[:] = np.maximum(16 if alone else frame, 16 + ink.astype(float))

    return paint


CREDITS = text(["A FILM BY", "JANE DOE", "PRODUCED BY", "JOHN ROE", "MUSIC", "ANN POE"], 110, alone=True)


@pytest.mark.parametrize(
    "bars",
    [NO_BARS, SCOPE, Bars(top=45, bottom=47), ACADEMY, Bars(20, 30, 20, 30), Bars(left=218, right=218), Bars(right=6)],
)
@pytest.mark.parametrize("noise", [0, 4])
def test_bars_are_found_to_the_line(bars: Bars, noise: float) -> None:
    assert found(shot(bars, noise=noise)) == (bars,)


@pytest.mark.parametrize("black", [0, 7, 16, 22])
def test_whatever_black_they_are_made_of(black: int) -> None:
    assert found(shot(SCOPE, black=black)) == (SCOPE,)


def test_ten_bit_and_full_range() -> None:
    ten = [(frame.astype(np.uint16) << 2) + 1 for frame in shot(SCOPE)]
    assert found(ten, format=PixelFormat("yuv420p10le", 10, 1, 1, Colour())) == (SCOPE,)
    assert found(shot(SCOPE, black=0), format=PixelFormat("yuv420p", 8, 1, 1, Colour(full_range=True))) == (SCOPE,)


def test_bars_that_come_and_go_with_the_shots() -> None:
    shots = [shot(SCOPE, seed=1), shot(seed=2), shot(seed=3), shot(SCOPE, seed=4), shot(ACADEMY, seed=5)]
    assert found(*shots) == (SCOPE, NO_BARS, NO_BARS, SCOPE, ACADEMY)


def test_a_change_within_a_shot_keeps_what_is_picture_at_any_time() -> None:
    assert found(shot(SCOPE)[:12] + shot()[12:]) == (NO_BARS,)


@pytest.mark.parametrize("fade", [lambda n: n / LENGTH, lambda n: 1 - n / LENGTH, lambda n: max(0.0, n - 14) / 10])
@pytest.mark.parametrize("bars", [NO_BARS, SCOPE])
def test_fades(fade: Callable[[int], float], bars: Bars) -> None:
    assert found(shot(bars, light=fade)) == (bars,)


def test_a_film_that_is_dark_from_end_to_end() -> None:
    dark = {"low": 17, "high": 60}
    assert found(shot(SCOPE, **dark), shot(SCOPE, seed=2, **dark), shot(SCOPE, seed=3, **dark)) == (SCOPE,) * 3
    assert found(shot(**dark)) == (NO_BARS,)


def lamp(frame: np.ndarray, n: int) -> None:
    """Night: a light somewhere in the middle, and nothing else."""
    frame[:] = 16
    cv2.circle(frame, (300 + n, 180), 60, 180.0, -1, cv2.LINE_AA)


@pytest.mark.parametrize("paint", [lamp, CREDITS, text(["ROLLING", "UP THE", "SCREEN"], 200, speed=2, alone=True)])
def test_what_is_dark_to_the_border_takes_the_bars_of_its_neighbours(paint: Callable[..., None]) -> None:
    assert found(shot(SCOPE), shot(SCOPE, paint=paint)) == (SCOPE, SCOPE)
    assert found(shot(), shot(paint=paint)) == (NO_BARS, NO_BARS)
    assert found(shot(paint=paint)) == (NO_BARS,)


def test_neighbouring_bars_are_not_taken_where_they_would_hide_picture() -> None:
    def low_lights(frame: np.ndarray, n: int) -> None:
        lamp(frame, n)
        frame[20:30, 100:300:8] = frame[330:340, 100:320:7] = 150

    assert found(shot(SCOPE), shot(paint=low_lights)) == (SCOPE, NO_BARS)


def test_black_shots_have_no_bars_and_spoil_none() -> None:
    black = shot(light=lambda _n: 0.0, noise=2)
    assert found(black, shot(SCOPE), black) == (None, SCOPE, None)
    assert found(black) == (None,)


@pytest.mark.parametrize(("lines", "top"), [(1, 333), (1, 345), (2, 336)])
def test_subtitles_in_a_bar_are_not_picture(lines: int, top: int) -> None:
    says = text(["- What do you want me to say?", "- About that? Nothing at all."][:lines], top, size=0.6)
    assert found(shot(SCOPE, paint=says)) == (SCOPE,)
    assert found(shot(SCOPE, paint=lambda frame, n: says(frame, n) if n % 12 < 6 else None)) == (SCOPE,)


def doorway(frame: np.ndarray, _n: int) -> None:
    """A static black wall at the left, with a straight edge."""
    frame[:, :150] = 16


def dusk(frame: np.ndarray, _n: int) -> None:
    """Picture that falls off to black evenly, above and below."""
    fall = np.clip(np.minimum(np.arange(HEIGHT), np.arange(HEIGHT)[::-1]) / 120 - 0.4, 0, 1)
    frame[:] = 16 + (frame - 16) * fall[:, None]


def vignette(frame: np.ndarray, _n: int) -> None:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    frame[np.hypot(x, y) > 0.9] = 16


def night_sky(frame: np.ndarray, _n: int) -> None:
    """Black above a horizon of roofs."""
    for x in range(0, WIDTH, 40):
        frame[: 100 + (x * 37) % 60, x : x + 40] = 16


@pytest.mark.parametrize("paint", [doorway, dusk, vignette, night_sky, text(["THE END"], 200, size=3, alone=True)])
def test_dark_things_are_not_bars(paint: Callable[..., None]) -> None:
    assert found(shot(paint=paint)) == (NO_BARS,)


def test_a_frame_of_another_size_is_all_picture() -> None:
    frames = shot(SCOPE)
    frames[8] = frames[8][:180]
    assert found(frames) == (NO_BARS,)


@pytest.mark.parametrize("size", [(2, 2), (16, 640), (47, 47), (48, 48)])
def test_tiny_frames(size: tuple[int, int]) -> None:
    frames = [cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in shot()]
    assert found(frames) == (NO_BARS,)


@pytest.mark.skipif(not (SHARED / "data" / "video").exists(), reason="no shared/data/video beside the repository")
@pytest.mark.parametrize(
    ("name", "bars"),
    [("chaplin", Bars(left=73, right=72))]  # column 72 is a third as bright as the picture
    + [(n, NO_BARS) for n in ("bigbuckbunny", "bikes", "fades", "nasa_13013", "nasa_13013_hdr", "sam2_02_cups")],
)
def test_real_clips(name: str, bars: Bars) -> None:
    from stereo3d.job.survey import survey_source
    from stereo3d.media.probe import probe
    from stereo3d.settings import TimeSettings

    survey = survey_source(probe(SHARED / "data" / "video" / f"{name}.mp4"), TimeSettings(), lambda _done: None)
    assert set(survey.bars) <= {bars, None}
    assert bars in survey.bars
