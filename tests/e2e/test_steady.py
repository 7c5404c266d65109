"""Steady depth of a divided shot through the pipeline: pieces are their own, and they meet."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from stereo3d.depth.base import ModelInfo
from stereo3d.frames import FrameBatch, Shot
from stereo3d.job.keys import segment_key
from stereo3d.job.survey import survey_source
from stereo3d.media.encode import choose_encoder
from stereo3d.media.probe import probe
from stereo3d.pipeline.build import pictures
from stereo3d.pipeline.meter import Meter
from stereo3d.pipeline.recipe import Found, Models, Numerics, Recipe
from stereo3d.pipeline.steady_depth import probes_of, steady_depths
from stereo3d.plan.segments import LEAD_OUT, Segment, probe_frames
from stereo3d.render.uncovered import REACH
from stereo3d.settings import EncodeSettings, Settings, TimeSettings
from tests.films import make_film

LENGTH, CUT = 48, 26
SHOT = Shot(0, LENGTH)
PIECES = (Segment(0, 0, CUT, (SHOT,), 0), Segment(1, CUT, LENGTH, (SHOT,), 20))


class Luma:
    """Takes the blurred picture for depth; its scale jitters by 4 % and its patches by 2 %, by frame number."""

    info = ModelInfo("luma", "luma", "none")

    def __init__(self, blind: tuple[int, ...] = ()) -> None:
        self.seen: list[int] = []
        self.blind = blind

    def batch_for(self, height: int, width: int) -> int:
        return 3

    def begin_shot(self) -> Luma:
        return self

    def push(self, frames: FrameBatch) -> torch.Tensor:
        maps = F.interpolate(F.avg_pool2d(frames.planes[0][:, None] / 255, 5, 1, 2), (54, 90), mode="area")
        for number in range(len(frames)):
            self.seen.append(frames.index + number)
            random = torch.Generator().manual_seed(frames.index + number)
            patches = F.interpolate(torch.randn(1, 1, 6, 10, generator=random), (54, 90), mode="bilinear")
            maps[number] = (maps[number] + 0.02 * patches[0]) * (1 + 0.04 * torch.randn(1, generator=random))
            if frames.index + number in self.blind:
                maps[number] = torch.nan
        return maps

    def finish(self) -> torch.Tensor:
        return torch.empty(0, 1, 0, 0)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (LENGTH,), sound=False)


def recipe_for(path: Path, **options: object) -> Recipe:
    info = probe(path)
    found = survey_source(info, TimeSettings(), lambda _done: None)
    encoder = choose_encoder(EncodeSettings(codec="ffv1"), 320, 96, info.video.format)
    return Recipe(info, found.timeline, True, Settings.from_flat(options), encoder, Numerics("cpu", 3, 1), "luma")


def depth(film: Path, pieces: tuple[Segment, ...], **options: object) -> torch.Tensor:
    parts = steady_depths(pieces, recipe_for(film, **options), Models(Luma()), Meter(), Found())
    return torch.cat([part.maps(torch.device("cpu")) for part in parts])


def changes(maps: torch.Tensor) -> torch.Tensor:
    return (maps[1:] - maps[:-1]).abs().mean((1, 2, 3))


def test_a_piece_is_the_same_alone_and_after_the_one_before(film: Path) -> None:
    both = depth(film, PIECES)
    assert len(both) == LENGTH
    assert torch.equal(depth(film, PIECES[1:]), both[CUT:])


def test_pieces_meet_and_are_steadier_along_the_motion(film: Path) -> None:
    change = {steady: changes(depth(film, PIECES, steady=steady)) for steady in ("off", "range", "motion")}
    for steady in ("range", "motion"):
        assert change[steady][CUT - 1] < 1.5 * change[steady].median()
    assert change["motion"].mean() < 0.75 * change["range"].mean() < 0.75 * change["off"].mean()


def test_a_piece_sees_a_few_frames_beyond_its_end_and_its_key_knows(film: Path) -> None:
    model, recipe = Luma(), recipe_for(film)
    list(steady_depths(PIECES[:1], recipe, Models(model), Meter(), Found()))
    assert model.seen[-1] == CUT + LEAD_OUT - 1
    assert PIECES[1].lead_out == 0
    keys = {segment_key(PIECES[0], "it", recipe_for(film, steady=steady)) for steady in ("off", "range", "motion")}
    assert len(keys) == 3


def test_frames_without_depth_are_told_by_number(film: Path) -> None:
    found, model = Found(), Luma(blind=(CUT - 10, CUT - 1, CUT, CUT + 2, LENGTH - 1))
    parts = list(steady_depths(PIECES, recipe_for(film), Models(model), Meter(), found))
    assert sum(map(len, parts)) == LENGTH
    assert found.flawed == {0: {CUT - 10, CUT - 1}, 1: {CUT, CUT + 2, LENGTH - 1}}


def test_the_probes_of_a_shot_are_one_sequence_for_the_model(film: Path) -> None:
    class Counting(Luma):
        begun = 0

        def begin_shot(self) -> Luma:
            self.begun += 1
            return self

    model = Counting()
    assert len(probes_of(SHOT, recipe_for(film), model).raw) == 16
    assert model.begun == 1
    assert model.seen == list(probe_frames(SHOT))


def test_a_piece_is_filled_from_the_frames_beyond_its_ends(film: Path) -> None:
    recipe, found = recipe_for(film, fill="temporal", strength=4, zero_parallax=0.5), Found()
    wide = [recipe.widened(piece) for piece in PIECES]
    assert [(w.start, w.end, w.lead_in) for w in wide] == [(0, CUT + REACH, 0), (CUT - REACH, LENGTH, 20 - REACH)]
    spatial = recipe_for(film, fill="spatial")
    assert [spatial.widened(piece) for piece in PIECES] == list(PIECES)
    assert segment_key(PIECES[0], "it", recipe) != segment_key(PIECES[0], "it", spatial)

    def views(pieces: tuple[Segment, ...]) -> list[FrameBatch]:
        return list(pictures(pieces, recipe, Models(Luma()), Meter(), found))

    both = views(PIECES)
    assert [batch.index for batch in both] == list(range(LENGTH))
    assert found.screens == {0: [(0, 0.5)], 1: [(CUT, 0.5)]}
    assert found.comfort.keys() == found.seen.keys() == {0, 1}
    for one, two in zip(views(PIECES[1:]), both[CUT:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.planes, two.planes, strict=True))
