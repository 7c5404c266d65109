"""Filling over time, on pictures whose hidden background is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from stereo3d import quality
from stereo3d.frames import Colour, FrameBatch, PixelFormat, Shot
from stereo3d.pipeline.shot_views import Rendered, filled_over_time
from stereo3d.plan.bars import NO_BARS
from stereo3d.plan.segments import Segment
from stereo3d.render import gaps_numba, motion, uncovered
from stereo3d.render.gaps import find_blocks
from stereo3d.render.uncovered import Uncovered
from stereo3d.render.views import Eyes, render_eyes

HEIGHT, WIDTH, COUNT = 96, 320, 12
GREY = PixelFormat("gray", 8, 0, 0, Colour())
PAN, WALK = 2, -3  # pixels a frame: the world's, and the near block's
NEAR, FAR, STRENGTH = 0.9, 0.1, 9.0
RANDOM = np.random.default_rng(3)
WORLD = cv2.GaussianBlur(RANDOM.integers(0, 256, (HEIGHT, 2 * WIDTH)).astype(np.float32), (0, 0), 1.2)
WORLD = (128 + 1.2 * (WORLD - WORLD.mean())).clip(16, 235)
BLOCK = cv2.GaussianBlur(RANDOM.integers(0, 256, (56, 60)).astype(np.float32), (0, 0), 2.0).clip(90, 160)


def world(t: int) -> np.ndarray:
    return WORLD[:, 100 - PAN * t : 100 - PAN * t + WIDTH]


def block(t: int) -> slice:
    return slice(150 + WALK * t, 210 + WALK * t)


def source(t: int) -> np.ndarray:
    picture = world(t).copy()
    picture[20:76, block(t)] = BLOCK
    return picture.round().astype(np.uint8)


def depth(t: int) -> torch.Tensor:
    near = torch.full((1, 1, HEIGHT, WIDTH), FAR)
    near[..., 20:76, block(t)] = NEAR
    return near


def frames(pictures: list[np.ndarray], form: PixelFormat = GREY, index: int = 0) -> FrameBatch:
    """Grey pictures as frames of any format; chroma is a picture of its own that moves with luma."""
    luma = torch.from_numpy(np.stack(pictures)).to(torch.int32) << (form.bits - 8)
    planes = [luma]
    if form.name != "gray":
        across, down = (1, 1) if form.is_rgb else (1 << form.chroma_x, 1 << form.chroma_y)
        planes += [luma[:, ::down, ::across] // 2, luma[:, ::down, ::across] // 4]
    whole = tuple(plane.to(form.dtype).contiguous() for plane in planes)
    return FrameBatch(whole, tuple(range(index, index + len(pictures))), index, form)


def eyes(batch: FrameBatch, first: int = 0) -> Eyes:
    maps = torch.cat([depth(first + n) for n in range(len(batch))])
    return render_eyes(batch, maps, strength=STRENGTH, zero_parallax=FAR)


def run(pictures: list[np.ndarray], form: PixelFormat = GREY, step: int = 1) -> list[tuple[FrameBatch, FrameBatch]]:
    window, out = Uncovered(), []
    for first in range(0, len(pictures), step):
        batch = frames(pictures[first : first + step], form, first)
        out += window.push(batch, eyes(batch, first))
    return [*out, *window.finish()]


def holes(t: int) -> np.ndarray:
    """Inside the holes of the right eye (the far side is on the screen, so the hidden background is where it was)."""
    seen = eyes(frames([source(t)]), t).seen[1]
    assert seen is not None
    return torch.isinf(seen[0, 0]).numpy()


PICTURES = [source(t) for t in range(COUNT)]


def test_what_other_frames_show_is_what_is_filled_in() -> None:
    shown = range(COUNT - 3)  # the last frames' background is seen by no later one
    spatial = [eyes(frames([PICTURES[t]]), t).right.planes[0][0].numpy() for t in shown]
    temporal = [right.planes[0][0].numpy() for _, right in run(PICTURES)][: len(shown)]
    gaps, truth = np.stack([holes(t) for t in shown]), np.stack([world(t) for t in shown])
    assert gaps.mean() > 0.02
    before, after = (quality.psnr(np.stack(views), truth, gaps) for views in (spatial, temporal))
    assert after > 40 > before + 15
    one, two = (quality.flicker((np.stack(views) - truth)[..., None], gaps) for views in (spatial, temporal))
    assert two < 0.2 * one


def test_a_background_that_never_comes_again_is_not_taken() -> None:
    changing = [source(t) for t in range(COUNT)]
    for t, picture in enumerate(changing):
        other = np.random.default_rng(t).integers(60, 200, picture.shape).astype(np.uint8)
        picture[:, : block(t).start], picture[:, block(t).stop :] = (
            other[:, : block(t).start],
            other[:, block(t).stop :],
        )
    first = frames(changing[:1])
    kept = eyes(first).right.planes[0]
    _, right = run(changing)[0]
    # no frame before the first one: its fill stays as it is, but for what noise lets pass
    assert (right.planes[0] != kept).float().mean() < 0.002


def test_where_depth_jumps_about_frames_keep_the_fill_they_have() -> None:
    window, spatial, out = Uncovered(), [], []
    for t in range(COUNT):
        batch, noise = (
            frames([PICTURES[t]], index=t),
            np.random.default_rng(t).standard_normal((6, 20)).astype(np.float32),
        )
        patches = torch.from_numpy(cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))[None, None]
        made = render_eyes(batch, (depth(t) + 0.1 * patches).clamp(0, 1), strength=STRENGTH, zero_parallax=FAR)
        spatial.append(made.right.planes[0].clone())
        out += window.push(batch, made)
    out += window.finish()
    assert all(torch.equal(right.planes[0], kept) for (_, right), kept in zip(out, spatial, strict=True))


WALL, WIRE, EDGE = 200, 40, 180  # code values; the near block's right edge


def beside_a_wire(gaps: list[int]) -> list[float]:
    """Code values by which the right view's hole beside a near block falls short of the wall, which is all that is behind it, frame by frame; a
    dark wire at middle depth stands ``gaps`` columns beside the block. Nothing else moves: no frame shows what is hidden."""
    window, out, holes = Uncovered(), [], []
    for t, gap in enumerate(gaps):
        picture, near = np.full((HEIGHT, WIDTH), WALL, np.uint8), np.full((HEIGHT, WIDTH), FAR, np.float32)
        wire = slice(EDGE + gap, EDGE + gap + 6)
        picture[:, wire], near[:, wire] = WIRE, (NEAR + FAR) / 2
        picture[:, 120:EDGE], near[:, 120:EDGE] = 120, NEAR
        batch = frames([picture], index=t)
        made = render_eyes(batch, torch.from_numpy(near)[None, None], strength=STRENGTH, zero_parallax=FAR)
        assert made.seen[1] is not None
        holes.append(torch.isinf(made.seen[1][0, 0, :, : EDGE + 1]))  # the wire opens one of its own, beyond
        out += window.push(batch, made)
    out += window.finish()
    return [
        WALL - float(right.planes[0][0, :, : EDGE + 1][hole].float().mean())
        for (_, right), hole in zip(out, holes, strict=True)
    ]


def test_the_wall_is_remembered_while_a_wire_stands_beside_the_hole() -> None:
    assert max(beside_a_wire([40] * 3)) < 2
    dark = beside_a_wire([0] * 3)  # only the wire is there to fill from
    assert min(dark) > 100
    assert max(beside_a_wire([40] * 3 + [0] * 8)) < 10


def test_a_wires_colour_is_forgotten_once_the_wall_is_seen() -> None:
    dark = beside_a_wire([0] * 8 + [40] * 4)
    assert dark[7] > 100
    assert all(one < 0.35 * dark[7] * uncovered.CARRY**n for n, one in enumerate(dark[8:]))


def test_no_holes_no_change() -> None:
    window, batch = Uncovered(), frames(PICTURES[:3])
    flat = render_eyes(batch, torch.full((3, 1, HEIGHT, WIDTH), 0.6), strength=0, zero_parallax=0.5)
    out = [*window.push(batch, flat), *window.finish()]
    for n, (left, right) in enumerate(out):
        assert torch.equal(left.planes[0], batch.planes[0][n : n + 1])
        assert torch.equal(right.planes[0], batch.planes[0][n : n + 1])


@pytest.mark.parametrize("step", [3, COUNT])
def test_how_the_frames_are_batched_makes_no_difference(step: int) -> None:
    for one, two in zip(run(PICTURES), run(PICTURES, step=step), strict=True):
        assert all(torch.equal(a.planes[0], b.planes[0]) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(
    "form",
    [
        PixelFormat("yuv420p", 8, 1, 1, Colour()),
        PixelFormat("yuv422p10le", 10, 1, 0, Colour()),
        PixelFormat("yuv444p12le", 12, 0, 0, Colour()),
        PixelFormat("gbrp", 8, 0, 0, Colour(matrix=0)),
    ],
    ids=lambda form: form.name,
)
def test_every_plane_follows_luma(form: PixelFormat) -> None:
    t = 4
    _, right = run(PICTURES, form)[t]
    rows, columns = slice(28, 68), np.flatnonzero(holes(t)[48])[2:-2]
    assert len(columns) > 6
    for number, plane in enumerate(right.planes):
        across, down = (form.chroma_x, form.chroma_y) if number and not form.is_rgb else (0, 0)
        value = plane[0].numpy().astype(np.float32) / (1 << (form.bits - 8)) * (1 << number)
        truth = world(t)[:: 1 << down, :: 1 << across]
        part = (slice(rows.start >> down, rows.stop >> down), np.unique(columns >> across)[1:-1])
        assert np.abs(value[part] - truth[part]).mean() < (4 if across == down == 0 else 10)


def as_it_is(segment: Segment) -> Segment:
    return segment


def test_a_shot_knows_nothing_of_the_next_one() -> None:
    def rendered(segment: Segment, first: int, count: int) -> tuple[Segment, Rendered]:
        batch = frames([source(t % COUNT) for t in range(first, first + count)], index=first)
        each = (1.0,) * count
        picture = eyes(batch, first % COUNT)
        depths = torch.zeros(len(batch), 1, 2, 2)
        return segment, Rendered(batch, NO_BARS, batch, picture, each, each, None, True, depths)

    shots = (Shot(0, COUNT), Shot(COUNT, 2 * COUNT))
    alone = filled_over_time([rendered(Segment(0, 0, COUNT, shots[:1], 0), 0, COUNT)], as_it_is)
    segment = Segment(0, 0, 2 * COUNT, shots, 0)
    both = list(filled_over_time([rendered(segment, 0, COUNT), rendered(segment, COUNT, COUNT)], as_it_is))
    assert [one.whole.index for one in both] == list(range(2 * COUNT))
    for one, two in zip(alone, both, strict=False):
        assert torch.equal(one.eyes.right.planes[0], two.eyes.right.planes[0])
    assert all(
        torch.equal(one.eyes.right.planes[0], two.eyes.right.planes[0])
        for one, two in zip(both, both[COUNT:], strict=False)
    )


def test_frames_that_are_not_to_be_filled_pass_as_they_are() -> None:
    batch = frames([source(t) for t in range(3)])
    plain = Rendered(
        batch, NO_BARS, batch, eyes(batch, 0), (1.0,) * 3, (0.5,) * 3, None, False, torch.zeros(len(batch), 1, 2, 2)
    )
    assert list(filled_over_time([(Segment(0, 0, 3, (Shot(0, 3),), 0), plain)], as_it_is)) == [plain]


def test_views_come_out_late_but_the_window_is_bounded() -> None:
    window = Uncovered()
    pictures = [source(t % 20) for t in range(uncovered.REACH + 3)]
    ready = [len(list(window.push(frames([p], index=t), eyes(frames([p]), t % 20)))) for t, p in enumerate(pictures)]
    assert ready == [0] * uncovered.REACH + [1, 1, 1]
    assert len(list(window.finish())) == uncovered.REACH


def test_motion_is_found_with_its_share_of_depth() -> None:
    """Far things move by 2 and near ones by 6 pixels: the model says both, also where only the other is seen."""
    texture = cv2.GaussianBlur(RANDOM.integers(0, 256, (240, 700)).astype(np.float32), (0, 0), 2.0)
    texture = (128 + 4 * (texture - texture.mean())).clip(0, 255).astype(np.uint8)
    far, near = texture[:120], texture[120:]
    one = np.vstack([far[:, 20:660], near[:, 20:660]])
    two = np.vstack([far[:, 18:658], near[:, 14:654]])
    shift = np.repeat([[0.0], [8.0]], 120, axis=0).repeat(640, axis=1).astype(np.float32)
    forth, back = motion.steps(motion.look(one, shift, 255), motion.look(two, shift, 255))
    places = motion.terms(*np.array([[0.2, 0.1, 0.0], [0.2, 0.1, 8 / 640]]).T)
    assert (places @ forth.model.T * 640)[:, 0] == pytest.approx([2, 6], abs=0.2)
    assert (places @ back.model.T * 640)[:, 0] == pytest.approx([-2, -6], abs=0.2)
    twice = motion.chained([forth.model, forth.model], 240 / 640, 8 / 640, 0.0)[1]
    assert (places @ twice.T * 640)[:, 0] == pytest.approx([4, 12], abs=0.4)


def test_gaps_belong_to_their_background() -> None:
    seen = np.zeros((24, 64), np.float32)
    seen[:, 30:40] = 8.0
    seen[:, 24:30] = -np.inf  # background to the left
    seen[6:18, 40:44] = -np.inf  # and to the right
    blocks = find_blocks(seen, None, np.zeros((12, 32), np.float32))
    assert set(blocks.signs) == {1}
    hole = np.isinf(seen)
    listed = np.zeros_like(hole)
    listed[blocks.y, blocks.x] = True
    assert listed[hole].all()
    assert set(np.flatnonzero(listed[10])) == {*range(23, 30), *range(40, 45)}  # with the background's first pixel
    assert (blocks.shift == 0).all()
    assert (blocks.limit[0], len(blocks.x[blocks.of(-1)])) == (pytest.approx(2.4), 0)


def test_no_pixel_is_listed_twice_and_a_ring_is_no_longer_than_it_needs_to_be() -> None:
    seen = np.zeros((720, 1280), np.float32)
    seen[:, 400:] = 8.0
    for first, end in ((390, 400), (401, 405), (407, 420)):  # closer than the background that goes with each
        seen[:, first:end] = -np.inf
    seen[:, 405:407] = 20.0
    blocks = find_blocks(None, seen, np.zeros((360, 640), np.float32))
    assert len(set(zip(blocks.x.tolist(), blocks.y.tolist(), strict=True))) == len(blocks.x)
    assert 0 < np.diff(blocks.ring_first).max() <= gaps_numba.MANY


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(30, 48), (31, 47), (33, 8), (2, 3)])
def test_the_nearest_of_two_by_two_pixels_and_those_around(size: tuple[int, int], margin: int) -> None:
    shift = np.random.default_rng(1).normal(size=size).astype(np.float32)
    around = np.ones((2 * margin + 2,) * 2, np.uint8)
    assert np.array_equal(
        gaps_numba.nearest(shift, margin), cv2.dilate(shift, around, anchor=(margin, margin))[::2, ::2]
    )


@pytest.mark.parametrize("seen", [0, 1, motion.FEWEST - 1])
def test_a_picture_with_nothing_to_follow_stands_still(seen: int) -> None:
    black = np.zeros((60, 80), np.uint8)
    black[20 : 20 + 2 * seen : 2, 30:32] = 200  # a few points at most
    here = motion.look(black, np.zeros((60, 80), np.float32), 255)
    for step in motion.steps(here, here):
        assert not step.model.any()
        assert not step.rest.any()
