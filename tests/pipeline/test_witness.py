"""What the report shows of a segment: measures with known answers, pictures of bounded number and size."""

from __future__ import annotations

import base64
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from stereo3d.frames import Colour, FrameBatch, PixelFormat, Shot
from stereo3d.pipeline.witness import STILLS, Seen, Staged, Witness, still_frames
from stereo3d.plan.segments import Segment
from stereo3d.render.views import render_views

RGB = PixelFormat("gbrp", 8, 0, 0, Colour(1, 13, 0, True))
SIZE = (64, 200)


def frames(count: int, first: int, value: int = 90) -> FrameBatch:
    return FrameBatch(
        tuple(torch.full((count, *SIZE), value, dtype=torch.uint8) for _ in range(3)),
        tuple(range(first, first + count)),
        first,
        RGB,
    )


def watch(depth: torch.Tensor, shots: tuple[Shot, ...], wanted: frozenset[int] = frozenset()) -> Seen:
    """A segment of these shots, staged with 10 % strength and the screen at 0.5, in batches of 3 at most."""
    seen: dict[int, Seen] = {}
    segment = Segment(0, shots[0].start, shots[-1].end, shots, 0)
    witness = Witness([segment], wanted, 10, seen)
    for shot in shots:
        for start in range(shot.start, shot.end, 3):
            count = min(3, shot.end - start)
            batch, maps = frames(count, start), depth[start : start + count]
            eyes = render_views(batch, maps, strength=10, zero_parallax=0.5)
            witness.see(batch, maps, Staged(*eyes, [10.0] * count, [0.5] * count, "both"))
    return seen[0]


def test_range_and_holes_of_a_near_block_are_what_geometry_says() -> None:
    depth = torch.full((20, 1, *SIZE), 0.2)
    depth[..., 80:120] = 0.9
    (span,) = watch(depth, (Shot(0, 20),)).spans
    assert (span.start, span.end) == (0, 20)
    assert (span.behind, span.front) == pytest.approx((3, 4), abs=1e-3)
    # The block moves by half of (0.9 - 0.2) * 10 % beyond its background: so much of the width is uncovered beside it, and at
    # the frame's side as much as the background has gone inwards.
    uncovered, side = 10 * 0.7 / 2, 10 * 0.3 / 2
    assert span.holes == pytest.approx(uncovered + side, abs=0.6)
    assert span.flicker == 0


def test_flicker_counts_what_goes_back_and_not_what_moves_on() -> None:
    steady = torch.linspace(0.2, 0.6, 20).view(-1, 1, 1, 1).expand(-1, 1, *SIZE).contiguous()
    assert watch(steady, (Shot(0, 20),)).spans[0].flicker == pytest.approx(0, abs=1e-3)
    jumping = torch.full((20, 1, *SIZE), 0.4)
    jumping[1::2] = 0.5
    assert watch(jumping, (Shot(0, 20),)).spans[0].flicker == pytest.approx(10 * 0.1, rel=1e-3)


def test_a_cut_is_no_flicker_and_long_shots_are_measured_in_pieces() -> None:
    depth = torch.full((110, 1, *SIZE), 0.1)
    depth[20:] = 0.9
    spans = watch(depth, (Shot(0, 20), Shot(20, 110))).spans
    assert [(s.start, s.end) for s in spans] == [(0, 20), (20, 50), (50, 80), (80, 110)]
    assert [s.flicker for s in spans] == [0, 0, 0, 0]
    assert [s.front for s in spans] == pytest.approx([0, 4, 4, 4], abs=1e-3)


def test_stills_are_small_jpegs_of_source_depth_and_both_eyes() -> None:
    seen = watch(torch.rand((6, 1, *SIZE)), (Shot(0, 6),), frozenset({3}))
    (still,) = seen.stills
    assert still.frame == 3
    for text in (still.source, still.depth, still.anaglyph):
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (64, 200, 3)
    grey = cv2.imdecode(np.frombuffer(base64.b64decode(still.source), np.uint8), cv2.IMREAD_COLOR)
    assert abs(grey.astype(int) - 90).max() <= 3
    again = Seen.from_json({"spans": [vars_of(s) for s in seen.spans], "stills": [vars_of(s) for s in seen.stills]})
    assert again == seen


def vars_of(item: object) -> dict[str, object]:
    return {name: getattr(item, name) for name in type(item).__slots__}


def test_a_long_film_keeps_a_bounded_number_of_pictures_spread_over_it() -> None:
    shots = [Shot(10 * n, 10 * n + 10) for n in range(2500)]
    plan = [Segment(n, s.start, s.end, (s,), 0) for n, s in enumerate(shots)]
    chosen = sorted(still_frames(plan))
    assert len(chosen) == STILLS
    assert chosen[0] < 25_000 / STILLS
    assert max(b - a for a, b in pairwise(chosen)) <= 25_000 / STILLS + 10
    assert still_frames(plan[:3]) == {5, 15, 25}
