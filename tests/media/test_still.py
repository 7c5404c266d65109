"""Pictures for a screen at once are the pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.media.still import jpeg, quick_jpeg


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("colour", [Colour(1, 1, 1, False), Colour(6, 6, 6, True)])
def test_the_quick_one_shows_the_same(bits: int, colour: Colour) -> None:
    pixels = PixelFormat("yuv420p" if bits == 8 else "yuv420p10le", bits, 1, 1, colour)
    across, down = torch.linspace(0.2, 0.8, 96), torch.linspace(0.35, 0.65, 64)
    shares = across.expand(64, 96), down[::2, None].expand(32, 48), across[::2].flip(0).expand(32, 48)
    planes = tuple((s * (1 << bits)).to(torch.int32).to(pixels.dtype).contiguous()[None] for s in shares)
    batch = FrameBatch(planes, (0,), 0, pixels)
    fine, quick = (cv2.imdecode(np.frombuffer(make(batch), np.uint8), 1).astype(int) for make in (jpeg, quick_jpeg))
    assert fine.shape == quick.shape == (64, 96, 3)
    assert np.abs(fine - quick).mean() < 3
    assert np.abs(fine.mean((0, 1)) - quick.mean((0, 1))).max() < 2.5
