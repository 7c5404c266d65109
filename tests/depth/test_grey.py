"""Depth to grey pictures and back."""

from __future__ import annotations

import pytest
import torch

from stereo3d.depth.from_file import FileDepth
from stereo3d.depth.grey import from_grey, to_grey
from stereo3d.errors import UsageError
from stereo3d.frames import Colour, FrameBatch, PixelFormat


def grey(bits: int, *, full: bool = True) -> PixelFormat:
    return PixelFormat("gray" if bits == 8 else f"gray{bits}le", bits, 0, 0, Colour(full_range=full))


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_the_round_trip_is_off_by_half_a_code_at_most(bits: int) -> None:
    depth = torch.linspace(0, 1, 48 * 64).reshape(2, 1, 24, 64)
    batch = to_grey(depth, grey(bits), (7, 9), 3)
    assert batch.index == 3
    assert batch.pts == (7, 9)
    back = from_grey(batch)
    assert float((back - depth).abs().max()) <= 0.5 / ((1 << bits) - 1) + 1e-7
    assert float((from_grey(batch, invert=True) - (1 - back)).abs().max()) < 1e-6


@pytest.mark.parametrize(("bits", "low", "high"), [(8, 16, 235), (10, 64, 940), (12, 256, 3760)])
def test_the_studio_range_is_read_as_such(bits: int, low: int, high: int) -> None:
    format = grey(bits, full=False)
    codes = torch.tensor([0, low, (low + high) // 2, high, high + 1]).to(torch.int32).to(format.dtype)
    depth = from_grey(FrameBatch((codes.reshape(1, 1, 5),), (0,), 0, format)).flatten().tolist()
    assert depth == pytest.approx([0, 0, 0.5, 1, 1], abs=0.5 / (high - low) + 1e-6)


def test_a_film_in_colour_is_refused() -> None:
    yuv = PixelFormat("yuv420p", 8, 1, 1, Colour())
    luma, neutral = torch.full((1, 4, 4), 100, dtype=torch.uint8), torch.full((1, 2, 2), 128, dtype=torch.uint8)
    assert from_grey(FrameBatch((luma, neutral, neutral + 1), (0,), 0, yuv)).shape == (1, 1, 4, 4)
    with pytest.raises(UsageError, match="in colour"):
        from_grey(FrameBatch((luma, neutral, neutral + 40), (0,), 0, yuv))
    rgb = PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0, full_range=True))
    assert float(from_grey(FrameBatch((luma, luma, luma), (0,), 0, rgb))[0, 0, 0, 0]) == pytest.approx(100 / 255)
    with pytest.raises(UsageError, match="in colour"):
        from_grey(FrameBatch((luma, luma, luma + 40), (0,), 0, rgb))


def test_a_file_is_a_calibrated_model_of_its_content() -> None:
    model = FileDepth("abc")
    assert model.info.calibrated
    assert model.info.identity != FileDepth("abd").info.identity
    assert model.info.identity != FileDepth("abc", invert=True).info.identity
    with pytest.raises(UsageError, match="other pictures"):
        model.infer(torch.zeros(1, 3, 4, 4))
