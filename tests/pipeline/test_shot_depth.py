"""Frames of a shot in, steady depth and its screen plane out."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
import torch

from stereo3d.depth.base import ModelInfo
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.pipeline.shot_depth import LOOK_AHEAD, Depths, Probes, ShotDepth
from stereo3d.render.comfort_screen import Follow

GREY = PixelFormat("gray", 8, 0, 0, Colour())
RAMP = torch.linspace(0, 1, 24 * 40).reshape(1, 1, 24, 40)


@dataclass
class Ramps:
    """A model whose raw maps are a ramp times the frame's grey level: scale jitter as networks have it."""

    calibrated: bool
    held: list[torch.Tensor] = field(default_factory=list)

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("ramps", "ramps", "none", calibrated=self.calibrated)

    def batch_for(self, height: int, width: int) -> int:
        return 4

    def begin_shot(self) -> Ramps:
        return Ramps(self.calibrated)

    def push(self, frames: FrameBatch) -> torch.Tensor:
        level = frames.planes[0][:, 0, 0].float() / 255
        self.held += list(RAMP * level[:, None, None, None])
        return self._give(len(self.held) - 1)  # one frame always waits, as in a batch that is not full

    def finish(self) -> torch.Tensor:
        return self._give(len(self.held))

    def _give(self, count: int) -> torch.Tensor:
        ready, self.held = self.held[:count], self.held[count:]
        return torch.stack(ready) if ready else torch.empty(0, 1, 24, 40)

    def infer_raw(self, rgb: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    infer = infer_raw


def frames(levels: list[int], index: int = 0) -> FrameBatch:
    plane = torch.tensor(levels, dtype=torch.uint8)[:, None, None].expand(-1, 24, 40).contiguous()
    return FrameBatch((plane,), tuple(range(index, index + len(levels))), index, GREY)


def run(shot: ShotDepth, levels: list[int], step: int) -> tuple[torch.Tensor, set[float]]:
    out: list[Depths] = []
    for start in range(0, len(levels), step):
        out += shot.push(frames(levels[start : start + step], start))
    out += shot.finish()
    return torch.cat([d.maps(torch.device("cpu")) for d in out]), {screen for d in out for screen in d.zero_parallax}


@pytest.mark.parametrize("calibrated", [True, False])
@pytest.mark.parametrize("count", [1, 9, LOOK_AHEAD + 20])
def test_every_frame_comes_out_once_with_one_screen_however_it_is_cut(calibrated: bool, count: int) -> None:
    levels = [100 + i % 3 for i in range(count)]
    a, screen_a = run(ShotDepth(Ramps(calibrated), zero_parallax=None), levels, 4)
    b, screen_b = run(ShotDepth(Ramps(calibrated), zero_parallax=None), levels, 7)
    assert len(a) == count
    assert torch.equal(a, b)
    assert screen_a == screen_b
    assert len(screen_a) == 1


def test_the_jitter_of_a_network_is_gone_and_depth_fills_its_range() -> None:
    levels = [200 - 20 * (i % 2) for i in range(40)]
    depth, _ = run(ShotDepth(Ramps(False), zero_parallax=0.5), levels, 4)
    change = (depth[1:] - depth[:-1]).abs().mean()
    assert change < 0.005
    assert depth[0].min() < 0.1
    assert depth[0].max() > 0.9


@pytest.mark.parametrize("step", [1, 4, 20])
@pytest.mark.parametrize("calibrated", [True, False])
def test_lead_in_and_lead_out_are_dropped(calibrated: bool, step: int) -> None:
    levels = list(range(100, 120))
    whole, _ = run(ShotDepth(Ramps(calibrated), zero_parallax=0.5), levels, step)
    depth, _ = run(ShotDepth(Ramps(calibrated), zero_parallax=0.5, lead_in=6, keep=10), levels, step)
    assert torch.equal(depth, whole[6:16])


def test_how_steady_is_a_choice() -> None:
    levels = [200 - 20 * (i % 2) for i in range(40)]
    change = {}
    for steady in ("off", "range", "motion"):
        depth, _ = run(ShotDepth(Ramps(False), zero_parallax=0.5, steady=steady), levels, 4)
        change[steady] = float((depth[1:] - depth[:-1]).abs().mean())
    assert change["off"] > 0.03
    assert change["motion"] <= change["range"] < 0.005


def test_nothing_pumps_after_a_cut() -> None:
    """The first frames of a shot are in the range of the rest, whatever the network's scale does there."""
    for steady in ("range", "motion"):
        for levels in ([60] * 3 + [200] * 30, [250, 90, 180] + [120] * 30):
            depth, _ = run(ShotDepth(Ramps(False), zero_parallax=0.5, steady=steady), levels, 4)
            assert (depth[:6] - depth[20]).abs().max() < 0.01


def test_pieces_of_a_shot_share_its_screen() -> None:
    probes = Probes(RAMP.expand(8, -1, -1, -1) * torch.linspace(0.4, 0.8, 8)[:, None, None, None])
    for calibrated in (True, False):
        screens = [
            run(ShotDepth(Ramps(calibrated), zero_parallax=None, probes=probes), [level] * 10, 4)[1]
            for level in (110, 190)
        ]
        assert screens[0] == screens[1]


def test_a_black_shot_has_its_screen_in_the_middle() -> None:
    depth, screen = run(ShotDepth(Ramps(False), zero_parallax=None), [0] * 5, 2)
    assert screen == {0.5}
    assert torch.isfinite(depth).all()


def test_pieces_agree_frame_by_frame_where_the_screen_moves() -> None:
    """A shot of 1000 frames comes nearer; one piece ends at 500, the other begins there (and warms up before)."""
    rise = torch.linspace(0.3, 1, 16)[:, None, None, None]
    probes = Probes(RAMP.expand(16, -1, -1, -1) * rise, 31, 968)

    def screens(first: int, last: int, lead_in: int) -> list[float]:
        shot = ShotDepth(Ramps(True), zero_parallax=None, lead_in=lead_in, probes=probes)
        levels = [round(255 * (0.3 + 0.7 * n / 1000)) for n in range(first, last)]
        out = [*shot.push(frames(levels, first)), *shot.finish()]
        return [screen for depths in out for screen in depths.zero_parallax]

    one, two, across = screens(0, 500, 0), screens(452, 1000, 48), screens(400, 600, 0)
    assert (len(one), len(two)) == (500, 500)
    assert one[400:] + two[:100] == across
    assert two[-1] - one[0] > 0.1
    assert max(abs(b - a) for a, b in pairwise(one + two)) < 0.01


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_long_shot_is_followed_alike_however_it_is_cut(calibrated: bool) -> None:
    """Its second half comes nearer; longer than what is held back, and not divided."""
    levels = [80 + max(0, n - 250) // 2 for n in range(LOOK_AHEAD + 280)]
    follow = Follow.of(2.5, 24)
    screens = []
    for step in (4, 7):
        shot = ShotDepth(Ramps(calibrated), zero_parallax=None, follow=follow)
        out = [
            d for start in range(0, len(levels), step) for d in shot.push(frames(levels[start : start + step], start))
        ]
        screens.append([screen for d in [*out, *shot.finish()] for screen in d.zero_parallax])
    assert screens[0] == screens[1]
    assert len(screens[0]) == len(levels)
    if calibrated:  # else the range follows the subject, and the screen has nothing to do
        assert screens[0][-1] - screens[0][0] > 0.15
    assert max(abs(b - a) for a, b in pairwise(screens[0])) <= follow.speed / follow.rate + 1 / 1024


def test_the_sides_of_a_shot_are_looked_at_where_asked_for() -> None:
    raw = RAMP.expand(8, -1, -1, -1)
    for probes in (None, Probes(raw, 0, 70)):
        shot = ShotDepth(Ramps(True), zero_parallax=0.3, look_at_sides=True, probes=probes)
        out = [*shot.push(frames([255] * 20)), *shot.finish()]
        assert {d.sides for d in out} == {out[0].sides}
        left, right = out[0].sides or (1, 0)
        assert left < 0.72
        assert right > left
        assert {screen for d in out for screen in d.zero_parallax} == {0.3}
    (plain, *_) = ShotDepth(Ramps(True), zero_parallax=0.3).push(frames([255] * 20))
    assert plain.sides is None
