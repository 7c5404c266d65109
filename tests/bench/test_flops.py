"""The count of operations, against figures published beforehand and against torch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from stereo3d.bench.flops import network_flops
from stereo3d.depth.network import DepthAnythingNet
from stereo3d.depth.registry import VITB, VITL, VITS, Architecture

SIZES = ((518, 518), (518, 924), (392, 700), (252, 448), (518, 1232))
GFLOP = {VITS: (115, 254, 119, 40, 387), VITB: (381, 775, 391, 143, 1131), VITL: (1304, 2583, 1338, 504, 3705)}


@pytest.mark.parametrize("arch", GFLOP, ids=lambda a: a.name)
def test_the_count_is_that_of_upstreams_networks(arch: Architecture) -> None:
    for size, wanted in zip(SIZES, GFLOP[arch], strict=True):
        assert network_flops(arch, *size).total / 1e9 == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize("arch", [VITS, VITB, VITL], ids=lambda a: a.name)
@pytest.mark.parametrize("size", [(252, 448), (266, 434)])  # the second has odd rows and columns of patches
def test_the_count_is_what_torch_counts(arch: Architecture, size: tuple[int, int]) -> None:
    with torch.device("meta"):
        net, pixels = DepthAnythingNet(arch).eval(), torch.empty(1, 3, *size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(pixels)
    assert network_flops(arch, *size).total == counter.get_total_flops()


def test_shares_are_the_known_ones() -> None:
    flops = [network_flops(arch, 518, 924) for arch in (VITS, VITB, VITL)]
    assert [round(f.attention / f.total, 2) for f in flops] == pytest.approx([0.43, 0.28, 0.23], abs=0.02)
    assert [round(f.head / f.total, 2) for f in flops] == pytest.approx([0.15, 0.18, 0.20], abs=0.02)


def test_a_side_that_is_no_multiple_of_a_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 14"):
        network_flops(VITS, 518, 925)
