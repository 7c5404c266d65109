"""Steady depth: robust gauges, one range per shot, pieces of long shots that meet, and maps that are no maps."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch

from stereo3d.depth.align import Affine, fit_affine
from stereo3d.depth.steadiness import drift, extent, flicker, follow
from stereo3d.depth.temporal import ShotStabiliser
from stereo3d.depth.temporal_anchor import Anchor, anchor_from
from tests.depth.synthetic_shots import SyntheticShot, spoil, synthetic_shot

FRAMES = 240
Make = Callable[[], SyntheticShot]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def sway() -> SyntheticShot:
    return synthetic_shot(FRAMES)


@pytest.fixture(scope="module")
def travel() -> SyntheticShot:
    return synthetic_shot(FRAMES, pan=0.0, travel=1.5)


def stabilise(raw: np.ndarray, *, look_ahead: int = 300, anchor: Anchor | None = None, calls: int = 8) -> np.ndarray:
    stabiliser = ShotStabiliser(look_ahead, anchor)
    maps = torch.from_numpy(raw)[:, None]
    parts = [stabiliser.push(chunk) for chunk in maps.split(calls)]
    depth = torch.cat([*parts, *stabiliser.finish()])
    assert depth.shape == maps.shape
    assert depth.dtype == torch.float32
    assert float(depth.min()) >= 0
    assert float(depth.max()) <= 1
    return depth[:, 0].numpy()


def probes_of(raw: np.ndarray, count: int = 16) -> Anchor:
    chosen = raw[np.linspace(0, len(raw) - 1, count).round().astype(int)]
    anchor = anchor_from(torch.from_numpy(chosen)[:, None])
    assert anchor is not None
    return anchor


def jump(depth: np.ndarray, shot: SyntheticShot, frame: int) -> float:
    """Mean change along the motion from the frame before, in % of [0, 1]."""
    flow = shot.flows[frame - 1]
    return 100 * float(np.abs(follow(depth[frame], flow) - depth[frame - 1])[flow.valid].mean())


# --- the fit ---


def scene_cells(seed: int = 3) -> tuple[np.ndarray, np.random.Generator]:
    random = np.random.default_rng(seed)
    return random.gamma(2.0, 1.0, 2400), random


def test_fit_finds_the_gauge_under_a_large_moving_object():
    cells, random = scene_cells()
    after = 1.4 * cells - 0.7 + 0.005 * random.standard_normal(cells.size)
    after[:800] = 9 + random.standard_normal(800)
    fit = fit_affine(after, cells)
    assert fit.affine.scale == pytest.approx(1 / 1.4, rel=0.01)
    assert fit.affine.shift == pytest.approx(0.5, abs=0.02)
    assert fit.doubt < 0.2


def test_fit_is_not_flattened_by_noise_and_is_its_own_reverse():
    cells, random = scene_cells()
    one, other = (cells + 0.2 * random.standard_normal(cells.size) for _ in range(2))
    there, back = fit_affine(one, other).affine, fit_affine(other, one).affine
    assert there.scale == pytest.approx(1.0, abs=0.03)
    assert there.scale * back.scale == pytest.approx(1.0, abs=0.02)


def test_fit_doubts_what_has_nothing_in_common():
    cells, random = scene_cells()
    assert fit_affine(random.permutation(cells), cells).doubt > 2
    assert fit_affine(np.full(100, 3.0), cells[:100]).doubt == np.inf


def test_affine_algebra():
    one, other = Affine(2.0, 1.0), Affine(0.5, -3.0)
    assert one.after(other)(4.0) == one(other(4.0))
    assert one.after(one.inverse()) == Affine()
    assert one.toward(other, 0.25)(2.0) == pytest.approx(0.75 * one(2.0) + 0.25 * other(2.0))


# --- steadiness against the truth ---


@pytest.mark.parametrize("jitter", [0.0, 0.04])
def test_jitter_is_absorbed_and_nothing_drifts(sway: SyntheticShot, jitter: float):
    depth = stabilise(spoil(sway.truth, jitter=jitter))
    wander = drift(depth, sway.truth)
    assert flicker(depth, sway.flows) < (0.20 if jitter else 0.14)
    assert wander.moved < 1.8
    assert wander.contrast == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("scene", ["sway", "travel"])
def test_sudden_rescaling_is_absorbed_for_good(scene: str, request: pytest.FixtureRequest):
    shot: SyntheticShot = request.getfixturevalue(scene)
    raw = spoil(shot.truth, jitter=0.005, steps=((120, 1.5, 0.2), (180, 0.6, -0.1)))
    depth = stabilise(raw)
    assert max(jump(depth, shot, frame) for frame in range(1, FRAMES)) < 0.8
    assert drift(depth, shot.truth).moved < 3


def test_one_bad_frame_leaves_no_trace(sway: SyntheticShot):
    raw = spoil(sway.truth[:80])
    bad = raw.copy()
    bad[40] = np.random.default_rng(1).random(bad[40].shape) * 30
    clean, depth = stabilise(raw), stabilise(bad)
    assert np.abs(depth[41:] - clean[41:]).mean() < 0.01


def test_an_object_that_walks_in_very_near_is_kept():
    shot = synthetic_shot(FRAMES, pan=0.0)
    depth = stabilise(spoil(shot.truth, jitter=0.02))
    near = shot.truth[200] > 0.9
    assert near.mean() > 0.1
    assert depth[200][near].min() > 0.9
    background = shot.truth < 0.45
    assert depth[200][background[200]].mean() == pytest.approx(depth[100][background[100]].mean(), abs=0.03)


def test_the_range_is_used(sway: SyntheticShot):
    depth = stabilise(spoil(sway.truth, jitter=0.02))
    assert extent(depth) > 0.85
    assert len(np.unique(stabilise(spoil(np.kron(sway.truth[:1], np.ones((1, 3, 3), np.float32)))))) > 2000


def test_a_shot_longer_than_the_look_ahead_moves_its_range_slowly_and_never_collapses(sway: SyntheticShot):
    raw = spoil(sway.truth, jitter=0.02)
    depth = stabilise(raw, look_ahead=40)
    assert max(jump(depth, sway, frame) for frame in range(1, FRAMES)) < 1.0
    assert extent(depth[-40:]) > 0.8
    assert drift(depth, sway.truth).contrast > 0.5


# --- how it is called ---


def test_calls_do_not_change_the_numbers(sway: SyntheticShot):
    raw = spoil(sway.truth[:70], jitter=0.03)
    raw[20, 3, 4] = np.nan
    for look_ahead in (30, 100):
        reference = stabilise(raw, look_ahead=look_ahead, calls=70)
        for calls in (1, 7):
            np.testing.assert_array_equal(stabilise(raw, look_ahead=look_ahead, calls=calls), reference)


def test_look_ahead_bounds_what_is_held(sway: SyntheticShot):
    stabiliser = ShotStabiliser(10)
    maps = torch.from_numpy(spoil(sway.truth[:25]))[:, None]
    assert [len(stabiliser.push(chunk)) for chunk in maps.split(5)] == [0, 0, 5, 5, 5]
    assert sum(len(d) for d in stabiliser.finish()) == 10


def test_a_sample_changes_nothing_and_does_not_depend_on_the_calls(sway: SyntheticShot):
    raw = spoil(sway.truth[:60], jitter=0.03)
    maps = torch.from_numpy(raw)[:, None]
    samples = []
    for calls in (1, 13):
        stabiliser = ShotStabiliser(40)
        parts = []
        for chunk in maps.split(calls):
            parts.append(stabiliser.push(chunk))
            if len(parts[-1]):
                samples.append(stabiliser.sample(12))
        np.testing.assert_array_equal(torch.cat([*parts, *stabiliser.finish()])[:, 0], stabilise(raw, look_ahead=40))
    assert samples[0].shape == (12, 1, *maps.shape[2:])
    assert all(torch.equal(sample, samples[0]) for sample in samples)


def test_push_keeps_the_callers_maps_and_checks_their_size(sway: SyntheticShot):
    raw = torch.from_numpy(spoil(sway.truth[:4]))[:, None]
    before = raw.clone()
    stabiliser = ShotStabiliser(1)
    out = stabiliser.push(raw)
    assert torch.equal(raw, before)
    kept = out.clone()
    stabiliser.push(raw)
    assert torch.equal(out, kept)
    with pytest.raises(ValueError, match="one size"):
        stabiliser.push(raw[..., :-2])
    with pytest.raises(ValueError, match="look_ahead"):
        ShotStabiliser(0)


# --- maps that are no maps ---


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_map_that_is_not_finite_repeats_the_one_before_and_is_counted(sway: SyntheticShot, value: float):
    raw = spoil(sway.truth[:30], jitter=0.02)
    raw[0, 5, 5] = value
    raw[10:12, 100, 200] = value
    stabiliser = ShotStabiliser()
    stabiliser.push(torch.from_numpy(raw)[:, None])
    depth = torch.cat(list(stabiliser.finish()))
    assert stabiliser.missing == [0, 10, 11]
    assert torch.equal(depth[0], depth[1])
    assert torch.equal(depth[10], depth[9])
    assert torch.equal(depth[11], depth[9])
    assert not torch.equal(depth[12], depth[9])


@pytest.mark.parametrize("value", [0.0, 3.25, -1e6, np.nan])
@pytest.mark.parametrize("look_ahead", [4, 50])
def test_a_shot_without_structure_is_flat_at_the_middle(value: float, look_ahead: int):
    raw = np.full((12, 20, 30), value, np.float32)
    assert (stabilise(raw, look_ahead=look_ahead) == 0.5).all()


def test_flat_maps_inside_a_shot_hold_the_depth(sway: SyntheticShot):
    raw = spoil(sway.truth[:40])
    raw[:6] = 0.0
    raw[20:30] = 7.0
    depth = stabilise(raw)
    assert (depth[:6] == depth[6]).all()
    assert (depth[20:30] == depth[19]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (14, 14), (33, 517)])
def test_any_size_and_a_single_frame(shape: tuple[int, int]):
    raw = np.random.default_rng(0).random((1, *shape), dtype=np.float32)
    assert np.isfinite(stabilise(raw)).all()


def test_values_beyond_the_range_are_compressed_in_order():
    ramp = np.linspace(0, 1, 200 * 200, dtype=np.float32).reshape(1, 200, 200).repeat(9, axis=0)
    anchor = Anchor(0.4, 0.6)
    depth = stabilise(ramp, anchor=anchor)[0].ravel()
    assert (np.diff(depth[::400]) > 0).all()
    assert depth[0] < 0.01
    assert depth[-1] > 0.99


# --- pieces of a long shot ---


@pytest.mark.parametrize("scene", ["sway", "travel"])
@pytest.mark.parametrize("spoiled", [{"jitter": 0.02}, {"jitter": 0.005, "steps": ((115, 1.3, 0.1),)}])
def test_pieces_with_lead_in_meet(scene: str, spoiled: dict, request: pytest.FixtureRequest):
    shot: SyntheticShot = request.getfixturevalue(scene)
    raw = spoil(shot.truth, **spoiled)
    anchor = Anchor.from_json(json.loads(json.dumps(probes_of(raw).to_json())))
    whole = stabilise(raw, anchor=anchor)
    cut, lead_in = 130, 30
    pieces = np.concatenate(
        [stabilise(raw[:cut], anchor=anchor), stabilise(raw[cut - lead_in :], anchor=anchor)[lead_in:]]
    )
    assert np.abs(pieces - whole).mean(axis=(1, 2)).max() < 0.01
    assert jump(pieces, shot, cut) < jump(whole, shot, cut) + 0.5
    assert np.array_equal(pieces[: cut - 24], whole[: cut - 24])


def test_without_an_anchor_the_pieces_would_not_meet(sway: SyntheticShot):
    raw = spoil(sway.truth, jitter=0.02)
    assert jump(np.concatenate([stabilise(raw[:100]), stabilise(raw[100:])]), sway, 100) > 3


def test_anchor_survives_json_and_is_small(sway: SyntheticShot):
    anchor = probes_of(spoil(sway.truth, jitter=0.02))
    text = json.dumps(anchor.to_json())
    assert Anchor.from_json(json.loads(text)) == anchor
    assert len(text) < 16 * 8000


def test_anchor_passes_over_what_is_no_map(sway: SyntheticShot):
    raw = spoil(sway.truth[::40])
    spoiled = raw.copy()
    spoiled[1] = np.nan
    spoiled[4] = 2.0
    clean = anchor_from(torch.from_numpy(np.delete(raw, (1, 4), axis=0))[:, None])
    anchor = anchor_from(torch.from_numpy(spoiled)[:, None])
    assert anchor == clean
    assert anchor is not None
    depth = anchor.depth(torch.from_numpy(spoiled)[:, None])
    assert depth.shape == (4, 1, *raw.shape[1:])
    assert extent(depth[:, 0].numpy()) > 0.8
    assert anchor_from(torch.zeros(3, 1, 20, 20)) is None


# --- the measures ---


def test_measures_know_what_they_measure(sway: SyntheticShot):
    truth = sway.truth[:96]
    flows = sway.flows[:95]
    assert flicker(truth, flows) < 0.1
    assert flicker(5 * truth + 2, flows) == pytest.approx(flicker(truth, flows), rel=1e-3)
    wobble = truth + 0.02 * (-1.0) ** np.arange(96, dtype=np.float32)[:, None, None]
    assert flicker(wobble, flows) == pytest.approx(100 * 0.04 / extent(wobble), rel=0.05)
    assert drift(3 * truth - 1, truth).moved == pytest.approx(0, abs=0.01)
    fading = truth * np.linspace(1, 0.5, 96, dtype=np.float32)[:, None, None]
    assert drift(fading, truth).contrast == pytest.approx(0.5 / 1.0, abs=0.15)
    assert drift(fading, truth).moved > 30
