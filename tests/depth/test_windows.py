"""Windows and their joining against upstream's rule for a whole film, written out plainly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stereo3d.depth.windows import Stitch, Windowing, Windows

HOW = Windowing(length=32, keys=(0, 12), blend=8)
KEYS = [0, 12, *range(24, 32)]
LENGTHS = (1, 5, 12, 22, 23, 24, 25, 31, 32, 33, 53, 54, 55, 70, 120)


def net(window):
    """Any function of a full window: each frame's map mixed with the others', at a scale of the window's own."""
    maps = np.stack(window)
    mixed = maps + 0.2 * np.roll(maps, 1, 0) + 0.1 * maps.mean(0)
    return mixed * (1 + 0.3 * np.sin(7 * maps.sum())) + 0.2 * np.cos(3 * maps.sum())


def filled(window):
    return [*window, *[window[-1]] * (32 - len(window))]


def shot(count, seed=0):
    random = np.random.default_rng(seed)
    base = 1 + random.random((6, 9))
    return [base + 0.3 * random.random((6, 9)) for _ in range(count)]


def as_upstream(frames):
    """The film padded with copies of its last frame; windows at 0, 22, 44..; each opens with ten frames of the one before;
    scale and shift from the first two; eight frames faded."""
    count = len(frames)
    padded = frames + [frames[-1]] * ((22 - count % 22) % 22 + 10)
    done, references, inputs = [], [], []
    for start in range(0, count, 22):
        window = padded[start : start + 32]
        if inputs:
            window[:10] = [inputs[key] for key in KEYS]
        inputs, maps = window, net(window)
        if not done:
            done, references = list(maps), [maps[0], maps[12]]
            continue
        x, y = np.concatenate(maps[:2]).ravel(), np.concatenate(references).ravel()
        scale, shift = np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y, rcond=None)[0]
        maps = np.maximum(maps * scale + shift, 0)
        for i in range(8):
            done[i - 8] = done[i - 8] * (1 - i / 7) + maps[2 + i] * i / 7
        done += list(maps[10:])
        references = [references[0], maps[12]]
    return np.stack(done[:count])


def ours(frames):
    windows, stitch, parts, held = Windows(HOW), Stitch(HOW), [], 0

    def add(window):
        values = torch.from_numpy(net(filled(window))[: len(window)])[:, None]
        parts.append(stitch.add(values))

    for frame in frames:
        window = windows.push(frame)
        if window is not None:
            add(window)
        held = max(held, len(windows._frames))
    for window in windows.finish():
        add(window)
    parts.append(stitch.finish())
    assert held < 32
    return torch.cat(parts)[:, 0].numpy()


@pytest.mark.parametrize("count", LENGTHS)
def test_a_shot_comes_out_as_upstream_gives_it(count):
    frames = shot(count)
    wanted = as_upstream(frames)
    got = ours(frames)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_which_frames_a_window_holds():
    windows = Windows(HOW)
    full = [window for frame in range(60) if (window := windows.push(frame)) is not None]
    assert full == [list(range(32)), [0, 12, *range(24, 54)]]
    assert list(windows.finish()) == [[0, 34, *range(46, 60)]]
    assert list(windows.finish()) == []


def test_a_shot_without_frames():
    assert list(Windows(HOW).finish()) == []
    assert Stitch(HOW).finish() is None


def test_windows_that_differ_by_scale_and_shift_join_without_a_step():
    truth = torch.from_numpy(np.stack(shot(76)))[:, None]
    windows, stitch = Windows(HOW), Stitch(HOW)
    parts, number = [], 0
    for window in [w for i in range(76) if (w := windows.push(i)) is not None] + list(windows.finish()):
        parts.append(stitch.add(truth[window] * (1 + 0.5 * number) + 0.7 * number))
        number += 1
    parts.append(stitch.finish())
    assert number == 4
    torch.testing.assert_close(torch.cat(parts), truth)


def test_flat_maps_are_left_alone():
    stitch = Stitch(HOW)
    parts = [stitch.add(torch.full((32, 1, 2, 2), 3.0)), stitch.add(torch.full((12, 1, 2, 2), 5.0)), stitch.finish()]
    assert [len(part) for part in parts] == [24, 10, 0]
    assert torch.isfinite(torch.cat(parts)).all()


@pytest.mark.parametrize(
    ("length", "keys", "blend"), [(32, (1, 12), 8), (32, (), 8), (10, (0, 1), 8), (32, (0, 28), 8)]
)
def test_windowings_that_cannot_work(length, keys, blend):
    with pytest.raises(ValueError, match="not a windowing"):
        Windowing(length, keys, blend)
