"""Holding back what needs no steadying."""

from __future__ import annotations

import torch

from stereo3d.depth.hold import ShotHold


def maps(count: int) -> torch.Tensor:
    return torch.linspace(0, 1, count)[:, None, None, None].expand(count, 1, 4, 6)


def test_values_come_back_in_order_and_untouched() -> None:
    hold = ShotHold(10)
    out = [hold.push(maps(25)[i : i + 3]) for i in range(0, 25, 3)] + list(hold.finish())
    assert torch.allclose(torch.cat(out), maps(25), atol=1e-5)
    assert sum(map(len, out[:-2])) == 15


def test_without_look_ahead_nothing_waits() -> None:
    hold = ShotHold(0)
    assert len(hold.push(maps(5))) == 5
    assert not list(hold.finish())


def test_the_sample_spreads_over_the_shot_and_does_not_depend_on_the_cuts() -> None:
    short = ShotHold(100)
    short.push(maps(50))
    assert torch.allclose(short.sample(3)[:, 0, 0, 0], torch.tensor([0, 26 / 49, 1]), atol=0.001)
    assert len(torch.cat(list(short.finish()))) == 50
    whole, pieces = ShotHold(20), ShotHold(20)
    whole.push(maps(50))
    for frame in maps(50):
        pieces.push(frame[None])
    assert torch.equal(whole.sample(8), pieces.sample(8))
    assert float(whole.sample(8).max()) < 0.41
