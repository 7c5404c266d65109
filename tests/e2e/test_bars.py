"""Films with black bars through the whole job: what is kept, what is cropped, what depth sees."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stereo3d.depth.base import ModelInfo
from stereo3d.errors import UsageError
from stereo3d.frames import FrameBatch, Shot
from stereo3d.job.convert import convert_film
from stereo3d.job.keys import segment_key
from stereo3d.job.report import Report
from stereo3d.job.survey import load_survey, save_survey, survey_source
from stereo3d.media.encode import choose_encoder
from stereo3d.media.probe import probe
from stereo3d.pipeline.build import pictures as film_pictures
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.recipe import Found, Models, Numerics, Recipe
from stereo3d.plan.bars import NO_BARS, Bars, Framing
from stereo3d.plan.segments import Segment
from stereo3d.progress import open_progress
from stereo3d.settings import EncodeSettings, Settings, TimeSettings
from tests.films import picture_size, planes

SIZE = WIDTH, HEIGHT = 320, 180
SCOPE = Bars(top=24, bottom=24)
LENGTH = 16
FIVE = {"strength": 5, "codec": "ffv1", "model": "classic"}


def pictures(seed: int, bars: Bars, count: int = LENGTH, noise: float = 2) -> list[list[np.ndarray]]:
    """Planes of a pan over blocks, with a thing before it, in noisy bars."""
    random = np.random.default_rng(seed)
    blocks = random.integers(40, 220, (23, 80)).repeat(8, 0).repeat(8, 1)
    tints = random.integers(90, 166, (2, HEIGHT // 2, WIDTH // 2)).astype(float)
    shown = []
    for n in range(count):
        luma = blocks[:HEIGHT, 2 * n : 2 * n + WIDTH].astype(float)
        luma[60:150, 40 + 3 * n : 110 + 3 * n] = 200 + random.normal(0, 5, (90, 70))
        chroma = [tint.copy() for tint in tints]
        for plane, black, unit in ((luma, 16, 1), (chroma[0], 128, 2), (chroma[1], 128, 2)):
            framed = black + random.normal(0, noise, plane.shape)
            window = (
                slice(bars.top // unit, (HEIGHT - bars.bottom) // unit),
                slice(bars.left // unit, (WIDTH - bars.right) // unit),
            )
            framed[window] = plane[window]
            plane[:] = framed
        shown.append([np.clip(p.round(), 0, 255).astype(np.uint8) for p in (luma, *chroma)])
    return shown


def film(path: Path, shown: list[list[np.ndarray]], codec: str = "ffv1", **options: str) -> Path:
    height, width = shown[0][0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(24), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in shown:
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane, values in zip(frame.planes, picture, strict=True):
                np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width] = values
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def convert(source: Path, output: Path, **options: object) -> Report:
    settings = Settings.from_flat({**FIVE, "progress": "none", **options})
    return convert_film(source, output, settings, open_progress("none"), threading.Event())


def survey(path: Path) -> tuple[Bars | None, ...]:
    return survey_source(probe(path), TimeSettings(), lambda _done: None).bars


@pytest.fixture(scope="module")
def scope_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("scope") / "scope.mkv", pictures(1, SCOPE))


@pytest.fixture(scope="module")
def changing_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scope, whole frame, scope, academy, black; as a lossy encoder leaves it."""
    shots = [pictures(1, SCOPE), pictures(2, NO_BARS), pictures(3, SCOPE), pictures(4, Bars(left=40, right=40))]
    shots.append(pictures(5, Bars(top=90, bottom=90)))
    path = tmp_path_factory.mktemp("changing") / "changing.mkv"
    return film(path, [p for shot in shots for p in shot], "libx264", preset="ultrafast", crf="24")


def test_the_survey_finds_them_shot_by_shot_and_keeps_them(changing_film: Path, tmp_path: Path) -> None:
    found = survey_source(probe(changing_film), TimeSettings(), lambda _done: None)
    assert found.shots == tuple(Shot(LENGTH * i, LENGTH * i + LENGTH) for i in range(5))
    assert found.bars == (SCOPE, NO_BARS, SCOPE, Bars(left=40, right=40), None)
    save_survey(found, tmp_path / "survey.json", "it", TimeSettings())
    assert load_survey(tmp_path / "survey.json", "it", TimeSettings()) == found


@pytest.mark.parametrize("mode", ["keep", "crop", "off"])
def test_without_strength_each_eye_is_the_source_bit_for_bit(changing_film: Path, tmp_path: Path, mode: str) -> None:
    convert(changing_film, tmp_path / "out.mkv", strength=0, bars=mode)  # nothing is cropped: one shot has no bars
    for source, packed in zip(planes(changing_film), planes(tmp_path / "out.mkv"), strict=True):
        for plane, both in zip(source, packed, strict=True):
            assert np.array_equal(both, np.concatenate([plane, plane], 1))


def test_the_picture_is_that_of_the_cropped_film_and_the_bars_are_the_sources(scope_film: Path, tmp_path: Path) -> None:
    source = planes(scope_film)
    bare = film(
        tmp_path / "bare.mkv", [[p[12 * k : -12 * k] for p, k in zip(s, (2, 1, 1), strict=True)] for s in source]
    )
    for name, path in (("kept", scope_film), ("bare", bare)):
        convert(path, tmp_path / f"{name}.3d.mkv")
    convert(scope_film, tmp_path / "cropped.3d.mkv", bars="crop")
    kept, alone, cropped = (planes(tmp_path / f"{name}.3d.mkv") for name in ("kept", "bare", "cropped"))
    assert picture_size(tmp_path / "cropped.3d.mkv") == (2 * WIDTH, HEIGHT - 48)
    moved = 0
    for frame, whole in enumerate(source):
        for p, bar in enumerate((24, 12, 12)):
            assert np.array_equal(kept[frame][p][bar:-bar], alone[frame][p])
            assert np.array_equal(cropped[frame][p], alone[frame][p])
            both = np.concatenate([whole[p], whole[p]], 1)
            assert np.array_equal(kept[frame][p][:bar], both[:bar])
            assert np.array_equal(kept[frame][p][-bar:], both[-bar:])
            moved += int((kept[frame][p] != both).sum())
    assert moved > 0
    convert(scope_film, tmp_path / "off.3d.mkv", bars="off")
    off = planes(tmp_path / "off.3d.mkv")
    assert any(not np.array_equal(a[0], b[0]) for a, b in zip(off, kept, strict=True))


def test_the_canvas_is_held_against_what_is_left(scope_film: Path, changing_film: Path, tmp_path: Path) -> None:
    convert(scope_film, tmp_path / "out.mkv", bars="crop", canvas="320x160")
    assert picture_size(tmp_path / "out.mkv") == (640, 160)
    with pytest.raises(UsageError, match="smaller than the picture"):
        convert(scope_film, tmp_path / "no.mkv", bars="crop", canvas="320x120")
    with pytest.raises(UsageError, match="smaller than the picture"):  # there, nothing can be cropped
        convert(changing_film, tmp_path / "no.mkv", bars="crop", canvas="320x160")


def test_a_still(scope_film: Path, tmp_path: Path) -> None:
    with av.open(str(scope_film)) as container:
        next(container.decode(video=0)).to_image().save(tmp_path / "still.png")
    convert(tmp_path / "still.png", tmp_path / "out.png", bars="crop", codec="auto")
    assert picture_size(tmp_path / "out.png") == (2 * WIDTH, HEIGHT - 48)


class Recorder:
    """A depth model that notes what it is shown."""

    info = ModelInfo("recorder", "recorder", "none")

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, int, int]] = []

    def begin_shot(self) -> Recorder:
        return self

    def push(self, frames: FrameBatch) -> torch.Tensor:
        for number, luma in enumerate(frames.planes[0]):
            border = min(line.float().median() for line in (luma[0], luma[-1], luma[:, 0], luma[:, -1]))
            self.seen.append((frames.index + number, *luma.shape, int(border)))
        return torch.rand(len(frames), 1, 14, 14)

    def finish(self) -> torch.Tensor:
        return torch.empty(0, 1, 0, 0)


def recipe_for(path: Path, **options: object) -> Recipe:
    info = probe(path)
    found = survey_source(info, TimeSettings(), lambda _done: None)
    encoder = choose_encoder(EncodeSettings(codec="ffv1"), 2 * WIDTH, HEIGHT, info.video.format)
    framing = Framing.keeping(found.shots, found.bars)
    settings = Settings.from_flat(options)
    return Recipe(info, found.timeline, True, settings, encoder, Numerics("cpu", 3, 1), "recorder", framing)


def test_no_line_of_a_bar_reaches_the_depth_model(changing_film: Path) -> None:
    recipe, model = recipe_for(changing_film), Recorder()
    shots = tuple(Shot(LENGTH * i, LENGTH * i + LENGTH) for i in range(5))
    # The third shot is divided, so that probe frames and lead-in are seen, too.
    plan = (Segment(0, 0, 40, shots[:3], 0), Segment(1, 40, 48, shots[2:3], 4), Segment(2, 48, 80, shots[3:], 0))
    shown = list(film_pictures(plan, recipe, Models(model), Meter(), Found()))
    assert sum(map(len, shown)) == 5 * LENGTH
    assert {(b.width, b.height) for b in shown} == {(2 * WIDTH, HEIGHT)}
    sizes = [(HEIGHT - 48, WIDTH), (HEIGHT, WIDTH), (HEIGHT - 48, WIDTH), (HEIGHT, WIDTH - 80), (HEIGHT, WIDTH)]
    for index, *size, border in model.seen:
        assert tuple(size) == sizes[index // LENGTH]
        assert border > 30 or index >= 4 * LENGTH
    assert len(model.seen) > 5 * LENGTH


def test_bars_are_part_of_a_segments_key_but_how_they_were_asked_for_is_not(scope_film: Path) -> None:
    recipe, segment = recipe_for(scope_film), Segment(0, 0, LENGTH, (Shot(0, LENGTH),), 0)

    def key(recipe: Recipe) -> str:
        return segment_key(segment, "it", recipe)

    assert key(recipe) == key(replace(recipe, settings=Settings.from_flat({"bars": "crop"})))
    bars = recipe.framing.bars
    others = [Framing(), Framing(bars[0], (0,), bars), Framing(NO_BARS, (0,), (Bars(top=2),))]
    assert len({key(replace(recipe, framing=framing)) for framing in [recipe.framing, *others]}) == 4
