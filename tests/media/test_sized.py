"""Segments of a given size: the size is met, whatever the encoder, and they can be joined."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import log2
from pathlib import Path

import av
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from stereo3d.errors import UsageError
from stereo3d.frames import Colour, FrameBatch, PixelFormat, Shot
from stereo3d.media.encode import at_quality, choose_encoder
from stereo3d.media.segment import SegmentResult
from stereo3d.media.sized import SizedWriter, next_quality
from stereo3d.output_settings import EncodeSettings, parse_size
from stereo3d.plan.segments import Segment
from stereo3d.plan.sizes import segment_goals

COLOUR = Colour(1, 1, 1)
YUV = PixelFormat("yuv420p", 8, 1, 1, COLOUR)
TEN = PixelFormat("yuv420p10le", 10, 1, 1, COLOUR)
GREY = PixelFormat("gray", 8, 0, 0, COLOUR)
WIDTH, HEIGHT, FRAMES = 192, 96, 40
PRESETS = {"h264": "veryfast", "hevc": "ultrafast", "av1": "12"}


def _pictures(format: PixelFormat, noise: float) -> FrameBatch:
    """A soft texture that moves, with some noise."""
    make = torch.Generator().manual_seed(3)
    planes = []
    for plane in range(1 if format.name == "gray" else 3):
        width, height = format.plane_size(plane, WIDTH, HEIGHT)
        coarse = torch.rand((1, 1, 14, 40), generator=make)
        wide = torch.nn.functional.interpolate(coarse, (height, width + 2 * FRAMES), mode="bicubic")[0, 0]
        moving = torch.stack([wide[:, n : n + width] for n in range(FRAMES)])
        mixed = 0.2 + 0.5 * moving.clamp(0, 1) + noise * torch.rand((FRAMES, height, width), generator=make)
        planes.append((mixed * ((1 << format.bits) - 1)).to(format.dtype))
    return FrameBatch(tuple(planes), tuple(range(0, 3600 * FRAMES, 3600)), 0, format)


def _write(path: Path, codec: str, goal: int, pictures: FrameBatch) -> SegmentResult:
    settings = EncodeSettings(codec=codec, encoder_preset=PRESETS[codec], target_size=1)
    spec = choose_encoder(settings, WIDTH, HEIGHT, pictures.format, threads=1)
    what = (path, spec, pictures.format, WIDTH, HEIGHT)
    with SizedWriter(*what, time_base=Fraction(1, 90000), rate=Fraction(25), goal=goal) as writer:
        for first in range(0, FRAMES, 7):
            writer.write(pictures.cut(first, min(first + 7, FRAMES)))
        return writer.close()


def _header(path: Path) -> bytes | None:
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.extradata


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_the_size_is_met_and_such_segments_can_be_joined(tmp_path: Path, codec: str) -> None:
    headers = set()
    for number, (goal, noise) in enumerate(((20_000, 0.05), (20_000, 0.02), (8_000, 0.01))):
        path = tmp_path / f"{number}.mkv"
        result = _write(path, codec, goal, _pictures(YUV, noise))
        assert result.packets == FRAMES
        assert abs(result.payload / goal - 1) < 0.07  # of 40 frames; what is left over differs in sign
        headers.add(_header(path))
    assert len(headers) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.mkv", "1.mkv", "2.mkv"]


@pytest.mark.parametrize("format", [TEN, GREY])
def test_it_is_the_same_whenever_it_is_written(tmp_path: Path, format: PixelFormat) -> None:
    first, second = tmp_path / "a.mkv", tmp_path / "b.mkv"
    assert _write(first, "hevc", 15_000, _pictures(format, 0.03)) == _write(
        second, "hevc", 15_000, _pictures(format, 0.03)
    )
    packets = []
    for path in (first, second):
        with av.open(str(path)) as container:
            packets.append([(p.pts, bytes(p)) for p in container.demux(video=0)])
    assert packets[0] == packets[1]


def test_pictures_that_stand_alone_are_chosen_by_the_encoder(tmp_path: Path) -> None:
    """Every picture of the lossless copy stands alone; that must not pass over."""
    path = tmp_path / "a.mkv"
    _write(path, "h264", 20_000, _pictures(YUV, 0.05))
    with av.open(str(path)) as container:
        assert sum(p.is_keyframe for p in container.demux(video=0) if p.size) < FRAMES / 4


@given(some.integers(100, 10**7), some.floats(2, 15), some.integers(200, 10**6))
def test_a_few_tries_find_the_quality(largest: int, halves: float, goal: int) -> None:
    tried: list[tuple[float, int]] = []
    crf: float | None = 23.0
    while crf is not None:
        tried.append((crf, max(1, round(largest * 2 ** (-crf / halves)))))
        crf = next_quality(tried, goal, 51)
    assert len(tried) <= 5
    assert len({crf for crf, _ in tried}) == len(tried)
    best = min(abs(log2(size / goal)) for _, size in tried)
    reachable = largest * 2 ** (-51 / halves) < goal < largest * 2 ** (-1 / halves)
    assert best < 0.06 if reachable else tried[-1][0] in (1, 51)


def test_what_goes_wrong_leaves_nothing_behind(tmp_path: Path) -> None:
    spec = choose_encoder(EncodeSettings(target_size=1), WIDTH, HEIGHT, YUV)
    what = (tmp_path / "a.mkv", spec, YUV, WIDTH, HEIGHT)
    writer = SizedWriter(*what, time_base=Fraction(1, 90000), rate=Fraction(25), goal=9)
    writer.write(_pictures(YUV, 0).cut(0, 3))
    assert list(tmp_path.iterdir())
    writer.abort()
    assert not list(tmp_path.iterdir())


def test_quality_is_set_in_each_encoder_s_way() -> None:
    for codec, key, value in (("h264", "crf", "20.25"), ("av1", "svtav1-params", "crf=20.25")):
        spec = at_quality(choose_encoder(EncodeSettings(codec=codec), WIDTH, HEIGHT, YUV), 20.25)
        assert dict(spec.options)[key] == value
    card = choose_encoder(EncodeSettings(codec="hevc"), WIDTH, HEIGHT, YUV, hardware=True)
    assert dict(at_quality(card, 20.25).options)["cq"] == "20.25"
    twice = at_quality(at_quality(spec, 30), 31.5)
    assert dict(twice.options)["svtav1-params"] == "crf=31.50"


def test_what_cannot_be_is_refused() -> None:
    for options in ({"codec": "ffv1"}, {"crf": 20}):
        with pytest.raises(UsageError, match="--target-size"):
            choose_encoder(EncodeSettings(target_size=10**9, **options), WIDTH, HEIGHT, YUV)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GB", 8 * 10**9),
        ("7.5 GiB", 15 * 2**29),
        ("700m", 7 * 10**8),
        ("512KiB", 2**19),
        (12345, 12345),
        ("1tb", 10**12),
    ],
)
def test_sizes_are_read_as_people_write_them(text: object, size: int) -> None:
    assert parse_size(text) == EncodeSettings(target_size=text).target_size == size


@pytest.mark.parametrize("text", ["8 apples", "-1GB", "GB", "0", "1e9", ""])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        EncodeSettings(target_size=text)


@given(some.lists(some.tuples(some.integers(1, 500), some.integers(0, 10**6)), min_size=1, max_size=30))
def test_a_film_s_size_is_divided_as_its_source_was(parts: list[tuple[int, int]]) -> None:
    edges = [sum(n for n, _ in parts[:k]) for k in range(len(parts) + 1)]
    plan = [Segment(k, a, b, (Shot(a, b),), 0) for k, (a, b) in enumerate(pairwise(edges))]
    weights = [each for count, each in parts for _ in range(count)]
    goals = segment_goals(10**9, plan, weights)
    assert abs(sum(goals) - 10**9) <= len(plan)
    rates = [goal / len(segment) for goal, segment in zip(goals, plan, strict=True)]
    assert min(rates) >= 0.04 * 10**9 / edges[-1]
    order = sorted(range(len(plan)), key=lambda k: parts[k][1])
    assert all(rates[a] <= rates[b] * 1.001 + 1 for a, b in pairwise(order))
