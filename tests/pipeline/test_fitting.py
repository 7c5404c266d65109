"""Smaller pieces where memory runs out, and the same result."""

from __future__ import annotations

import pytest
import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.pipeline.fitting import Fitting
from stereo3d.render.views import render_eyes

YUV = PixelFormat("yuv420p", 8, 1, 1, Colour(1, 1, 1))


def test_pieces_cover_all_and_what_was_learned_is_kept() -> None:
    told: list[str] = []
    asked: list[tuple[int, int]] = []

    def step(start: int, end: int) -> tuple[int, int]:
        asked.append((start, end))
        if end - start > 2:
            raise torch.OutOfMemoryError("no")
        return start, end

    fitting = Fitting(told.append)
    assert list(fitting.pieces(5, step)) == [(0, 2), (2, 4), (4, 5)]
    assert asked[0] == (0, 5)
    assert len(told) == 1
    assert "rendering 2 at a time" in told[0]
    asked.clear()
    assert list(fitting.pieces(4, step)) == asked == [(0, 2), (2, 4)]


def test_one_frame_that_is_too_much_is_an_error_and_other_errors_pass() -> None:
    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(torch.OutOfMemoryError):
        list(Fitting(lambda _line: None).pieces(4, lambda _a, _b: fail(torch.OutOfMemoryError("no"))))
    with pytest.raises(RuntimeError, match="else"):
        list(Fitting(lambda _line: None).pieces(4, lambda _a, _b: fail(RuntimeError("something else"))))


def test_views_do_not_depend_on_the_batch_they_are_rendered_in() -> None:
    make = torch.Generator().manual_seed(3)
    planes = tuple(
        torch.randint(16, 235, (5, h, w), generator=make).to(torch.uint8) for h, w in ((96, 160), (48, 80), (48, 80))
    )
    depth = torch.nn.functional.interpolate(torch.rand(5, 1, 6, 10, generator=make), (48, 80), mode="bicubic").clamp(
        0, 1
    )
    frames = FrameBatch(planes, tuple(range(5)), 0, YUV)
    options = {"strength": 6.0, "zero_parallax": 0.4, "soft_sides": True}
    whole = render_eyes(frames, depth, **options)
    for start, end in ((0, 1), (1, 3), (3, 5)):
        part = render_eyes(frames.cut(start, end), depth[start:end], **options)
        for a, b in zip((whole.left, whole.right), (part.left, part.right), strict=True):
            assert all(torch.equal(x[start:end], y) for x, y in zip(a.planes, b.planes, strict=True))
