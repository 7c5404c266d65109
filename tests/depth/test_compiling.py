"""When a network is compiled for a film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
import torch

from stereo3d.depth.base import DepthModel
from stereo3d.depth.classic import ClassicModel
from stereo3d.depth.compiling import WORTH, load_fastest, seconds_a_frame
from stereo3d.errors import Stereo3DError

LONG = int(WORTH)  # frames, at a second each


@dataclass
class Garage:
    """Loads models that are nothing but a flag, and knows how many were loaded."""

    compiled_seconds: float = 0.5
    broken: bool = False
    loads: int = 0

    def load(self, compiled: bool) -> DepthModel:
        self.loads += 1
        if compiled and self.broken:
            raise Stereo3DError("torch.compile failed: no compiler")
        return cast(DepthModel, compiled)

    def measure(self, model: DepthModel) -> float:
        return self.compiled_seconds if model else 1.0


@pytest.mark.parametrize("frames", [0, 100, LONG - 1])
def test_a_film_of_unknown_or_short_length_is_never_compiled_for(frames: int) -> None:
    garage = Garage()
    assert load_fastest(garage.load, garage.measure, frames, pytest.fail) == (False, False)
    assert garage.loads == 1


def test_a_long_film_is_compiled_for_where_that_is_faster() -> None:
    assert load_fastest(Garage().load, Garage().measure, LONG, pytest.fail) == (True, True)


@pytest.mark.parametrize("seconds", [1.0, 0.99, 2.0])
def test_a_compiled_network_that_is_no_faster_is_dropped(seconds: float) -> None:
    garage = Garage(compiled_seconds=seconds)
    assert load_fastest(garage.load, garage.measure, LONG, pytest.fail) == (False, False)


def test_a_compiler_that_fails_is_told_and_done_without() -> None:
    garage, lines = Garage(broken=True), list[str]()
    assert load_fastest(garage.load, garage.measure, LONG, lines.append) == (False, False)
    assert lines == ["torch.compile failed: no compiler; the network runs uncompiled"]


def test_a_real_model_is_timed_on_frames_of_the_films_size() -> None:
    model = ClassicModel("cpu")
    assert 0 < seconds_a_frame(model, (48, 80), torch.device("cpu")) < 60
