"""Credits and title cards are found; dark scenes, stars, lamps and fades are not."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stereo3d.frames import Colour, PixelFormat, Shot
from stereo3d.plan.card_finder import CardFinder, is_card, shrunk
from stereo3d.plan.cards import Cards

VIDEO = Path(__file__).parents[3] / "shared" / "data" / "video"
GREY = PixelFormat("gray", 8, 0, 0, Colour())
NAMES = ("Directed by", "JANE EXAMPLE", "Produced by", "John Q. Sample", "Music", "Ada Lovelace")


def card(
    lines: tuple[str, ...] = NAMES,
    *,
    size: tuple[int, int] = (960, 540),
    scale: float = 1.0,
    ink: int = 230,
    ground: int = 0,
    noise: float = 0,
    face: int = cv2.FONT_HERSHEY_COMPLEX,
    shift: int = 0,
) -> np.ndarray:
    width, height = size
    picture = np.full((height, width), ground, np.uint8)
    step = round(45 * scale)
    for number, line in enumerate(lines):
        (wide, _), _ = cv2.getTextSize(line, face, scale, max(1, round(1.5 * scale)))
        y = height // 2 + (number - len(lines) // 2) * step + shift
        cv2.putText(
            picture, line, ((width - wide) // 2, y), face, scale, ink, max(1, round(1.5 * scale)), lineType=cv2.LINE_AA
        )
    if noise:
        picture = np.clip(picture + np.random.default_rng(1).normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        card(),
        card(("THE LONG NIGHT",), scale=2.5),
        card(("The End",), scale=3, face=cv2.FONT_HERSHEY_SCRIPT_COMPLEX),
        card(NAMES * 2, scale=0.6),
        card(ink=60),
        card(ink=15, ground=240),
        card(ink=40, ground=130, noise=3),
        card(('"You were never', 'going to tell me."'), ink=200, ground=22, noise=6),
        card(size=(480, 272), scale=0.5),
        card(size=(1920, 1080), scale=1.6),
        cv2.rectangle(card(("Five years", "later")), (60, 40), (900, 500), 230, 3),
    ],
    ids=["credits", "title", "script", "small", "dim", "on white", "on grey", "silent", "tiny", "hd", "framed"],
)
def test_cards_are_found_at_any_depth_of_bits(picture: np.ndarray) -> None:
    assert is_card(picture)
    assert is_card(picture.astype(np.uint16) << 2, bits=10)


def lamps(count: int, least: int, most: int) -> np.ndarray:
    random = np.random.default_rng(2)
    picture = np.zeros((540, 960), np.uint8)
    for x, y, size in zip(
        random.integers(0, 960, count), random.integers(0, 540, count), random.integers(least, most, count), strict=True
    ):
        cv2.circle(picture, (int(x), int(y)), int(size), 220, -1, cv2.LINE_AA)
    return picture


def windows(step: int) -> np.ndarray:
    random = np.random.default_rng(3)
    picture = np.zeros((540, 960), np.uint8)
    for y in range(100, 460, 35):
        for x in range(250, 700, step):
            if random.random() < 0.6:
                cv2.rectangle(picture, (x, y), (x + 12, y + 20), int(random.integers(130, 255)), -1)
    return picture


def dark_scene() -> np.ndarray:
    """A dim room: a lit face, the rest just above black."""
    y, x = np.mgrid[0:540, 0:960]
    face = 120 * np.exp(-(((x - 420) / 70) ** 2 + ((y - 250) / 100) ** 2))
    grain = np.random.default_rng(4).normal(0, 2, (540, 960))
    return np.clip(8 + 6 * np.sin(x / 90) + face + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((540, 960), np.uint8),
        np.full((540, 960), 200, np.uint8),
        lamps(600, 1, 3),
        lamps(40, 3, 12),
        windows(30),
        windows(22),
        dark_scene(),
        (dark_scene() * 0.4).astype(np.uint8),
        cv2.circle(np.zeros((540, 960), np.uint8), (480, 270), 150, 220, -1),
        np.tile(np.linspace(0, 255, 960).astype(np.uint8), (540, 1)),
        np.maximum(dark_scene(), card()),
    ],
    ids=[
        "black", "flat", "stars", "lamps", "windows", "more windows", "room", "darker room", "moon", "ramp", "over picture"
    ],
)  # fmt: skip
def test_other_pictures_are_no_cards(picture: np.ndarray) -> None:
    assert not is_card(picture)


@pytest.mark.parametrize(
    "name", ["bigbuckbunny", "bikes", "chaplin", "fades", "nasa_13013", "nasa_13013_hdr", "sam2_02_cups"]
)
def test_no_false_alarm_in_real_clips(name: str) -> None:
    path = VIDEO / f"{name}.mp4"
    if not path.exists():
        pytest.skip("the shared clips are not here")
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        pictures = [f.to_ndarray(format="gray") for n, f in enumerate(container.decode(video=0)) if n % 12 == 0]
    assert not any(is_card(picture) for picture in pictures)
    assert not any(is_card((picture * 0.2).astype(np.uint8)) for picture in pictures)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("size", [(1920, 1080), (3840, 1608), (1920, 802), (1280, 720), (2048, 858)])
def test_shrinking_by_halves_is_the_mean_of_all_samples(size: tuple[int, int], bits: int) -> None:
    width, height = size
    picture = (
        np.random.default_rng(3).integers(0, 1 << bits, (height, width)).astype(np.uint8 if bits == 8 else np.uint16)
    )
    small = shrunk(picture, bits)
    mean = cv2.resize(picture, small.shape[::-1], interpolation=cv2.INTER_AREA).astype(float) / (1 << bits - 8)
    assert abs(small - mean).max() <= 2  # each halving rounds


def found(pictures: list[np.ndarray], *shots: Shot) -> tuple[tuple[int, int], ...]:
    finder = CardFinder(GREY)
    for picture in pictures:
        finder.push(picture)
    return finder.finish(shots)


def faded(picture: np.ndarray, share: float) -> np.ndarray:
    return (picture * share).astype(np.uint8)


def test_a_title_after_a_fade_is_found_within_its_shot() -> None:
    scene, title, black = dark_scene(), card(), np.zeros((540, 960), np.uint8)
    pictures = [
        *[scene] * 40,
        *[faded(scene, 1 - i / 10) for i in range(10)],
        *[black] * 10,
        *[faded(title, i / 10) for i in range(10)],
        *[title] * 30,
    ]
    ((start, end),) = found(pictures, Shot(0, 100))
    assert 50 <= start <= 72
    assert end == 100


def test_rolling_credits_are_one_span_and_stop_at_the_cut() -> None:
    roll = [card(NAMES * 3, shift=1200 - 20 * i) for i in range(120)]
    scene = [dark_scene()] * 20
    assert found([*scene, *roll, *scene], Shot(0, 20), Shot(20, 140), Shot(140, 160)) == ((20, 140),)


def test_two_cards_with_a_scene_between_are_two() -> None:
    pictures = [*[card()] * 20, *[dark_scene()] * 40, *[card()] * 20]
    (a, b) = found(pictures, Shot(0, 80))
    assert a[0] == 0
    assert 20 <= a[1] <= 24
    assert 57 <= b[0] <= 60
    assert b[1] == 80


def test_depth_goes_before_a_card_and_comes_back_after_it_but_not_over_a_cut() -> None:
    cards = Cards((Shot(0, 50), Shot(50, 200)), ((50, 80), (150, 160)), ease=10)
    assert cards.share(49) == 1
    assert [cards.share(n) for n in (50, 79)] == [0, 0]
    coming = [cards.share(n) for n in range(80, 92)]
    assert coming == sorted(coming)
    assert 0 < coming[0] < 0.1
    assert coming[-1] == 1
    assert [cards.share(n) for n in range(160, 171)] == pytest.approx([cards.share(n) for n in range(149, 138, -1)])
    assert cards.near(0, 50) == []
    assert cards.near(100, 120) == [(50, 80), (150, 160)]
