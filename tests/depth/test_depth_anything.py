"""The film path and its fall-backs, on a seeded network."""

from __future__ import annotations

import itertools
import shutil

import pytest
import torch
from torch import nn

from stereo3d.depth import load_model
from stereo3d.depth.base import DepthModel
from stereo3d.depth.network_model import NetworkModel
from stereo3d.depth.preprocess import NetInput, SizeRule
from stereo3d.depth.runner import Runner
from stereo3d.errors import Stereo3DError, UsageError
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from tests.depth import stand_in
from tests.depth.test_preprocess import encode

CPU = torch.device("cpu")
YUV = PixelFormat("yuv420p", 8, 1, 1, Colour(matrix=1))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "vits.pth"
    torch.save(stand_in.state_dict("vits"), path)
    return path


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_model("small", weights=checkpoint, device="cpu", dtype="fp32", depth_size=112, batch=3)


def film(count, height=120, width=200):
    """``count`` different frames as 4:2:0 planes."""
    rgb = stand_in.picture(height, width)[0].double() / 255
    frames = [encode(rgb.roll(5 * i, 2), YUV) for i in range(count)]
    planes = tuple(torch.cat([f.planes[p] for f in frames]) for p in range(3))
    return FrameBatch(planes, tuple(range(count)), 0, YUV)


def part(frames, start, end):
    return FrameBatch(tuple(p[start:end] for p in frames.planes), frames.pts[start:end], start, frames.format)


def test_it_is_a_depth_model(model):
    assert isinstance(model, DepthModel)
    assert model.info.licence == "Apache-2.0"
    assert not model.info.calibrated


def test_frames_give_what_their_rgb_gives(checkpoint):
    """The film path against converting at full size: the difference is 4:2:0's, on a smooth picture with an edge."""
    model = load_model("small", weights=checkpoint, device="cpu", dtype="fp32", depth_size=252)
    y, x = torch.meshgrid(torch.linspace(0, 1, 360), torch.linspace(0, 1, 640), indexing="ij")
    rgb = torch.stack([0.2 + 0.6 * x, 0.3 + 0.4 * y, 0.5 + 0.3 * torch.sin(7 * x + 3 * y)]).double()
    rgb[:, 100:250, 200:420] *= 0.5
    estimator = model.begin_shot()
    seen = torch.cat([estimator.push(encode(rgb, YUV)), estimator.finish()])
    wanted = model.infer_network(rgb[None].float())
    assert seen.shape == wanted.shape
    difference = (seen - wanted).abs() / (wanted.max() - wanted.min())
    assert difference.mean() < 0.005
    assert difference.quantile(0.95) < 0.01


def test_how_frames_are_handed_over_changes_nothing(model):
    frames = film(7)
    outputs = []
    for cuts in ((0, 7), (0, 1, 2, 3, 4, 5, 6, 7), (0, 2, 2, 6, 7)):
        estimator = model.begin_shot()
        parts = [estimator.push(part(frames, a, b)) for a, b in itertools.pairwise(cuts)]
        outputs.append(torch.cat([p for p in (*parts, estimator.finish()) if len(p)]))
    assert outputs[0].shape == (7, 1, 112, 182)
    assert outputs[0].dtype == torch.float32
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


def test_depth_comes_in_order_and_nothing_is_owed_twice(model):
    frames = film(4)
    estimator = model.begin_shot()
    ready = estimator.push(frames)
    assert len(ready) == 3
    assert len(estimator.finish()) == 1
    assert estimator.finish().shape == (0, 1, 112, 182)
    alone = model.begin_shot()
    alone.push(part(frames, 2, 3))
    torch.testing.assert_close(alone.finish()[0], ready[2], atol=1e-4, rtol=0)


def test_a_shot_without_frames(model):
    assert len(model.begin_shot().finish()) == 0


def test_infer_is_depth_between_0_and_1(model):
    depth = model.infer(torch.cat([stand_in.picture(120, 200), stand_in.picture(120, 200).flip(3)]))
    assert depth.shape == (2, 1, 120, 200)
    assert depth.amin((1, 2, 3)).tolist() == [0, 0]
    torch.testing.assert_close(depth.amax((1, 2, 3)), torch.ones(2))
    raw = model.infer_raw(stand_in.picture(120, 200))
    assert raw.argmax() == depth[:1].argmax()  # near stays near


class _Greedy(nn.Module):
    """Holds two pictures at most, as a device whose memory is short."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, pixels):
        self.calls.append(len(pixels))
        if len(pixels) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return pixels.mean(1, keepdim=True)


def test_a_batch_that_does_not_fit_is_halved_and_repeated():
    lines, net = [], _Greedy()
    runner = Runner(net, CPU, batch=8, report=lines.append)
    pixels = torch.rand(11, 3, 14, 14)
    assert torch.equal(runner(pixels), pixels.mean(1, keepdim=True))
    assert net.calls == [8, 4, 2, 2, 2, 2, 2, 1]
    assert [line.split()[-1] for line in lines] == ["4", "2"]
    assert runner.batch(14, 14) == 2


def test_one_picture_that_does_not_fit_is_an_error():
    class Full(nn.Module):
        def forward(self, pixels):
            raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(Stereo3DError, match="too much for the memory") as caught:
        Runner(Full(), CPU, batch=4)(torch.rand(4, 3, 14, 14))
    assert caught.value.hint


class _Narrow(nn.Module):
    """Overflows float16 where the picture is bright."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(40000.0, dtype=torch.float16), requires_grad=False)

    def forward(self, pixels):
        return (pixels.to(self.gain.dtype) * self.gain).float().mean(1, keepdim=True)


def test_values_that_overflow_are_computed_again_in_a_wider_format():
    lines = []
    runner = Runner(_Narrow(), CPU, batch=2, widen=lambda net: net.float(), report=lines.append)
    pixels = torch.ones(6, 3, 14, 14)
    pixels[2:4] = 4.0
    values = runner(pixels)
    torch.testing.assert_close(values[:, 0, 0, 0], 40000.0 * pixels[:, 0, 0, 0])
    assert len(lines) == 1
    with pytest.raises(Stereo3DError, match="not finite"):
        Runner(_Narrow(), CPU, batch=2)(pixels)


def test_the_real_network_falls_back_from_float16(checkpoint):
    """A checkpoint whose first block overflows float16 on the way: the answer is near float32's, and it is told."""
    state = torch.load(checkpoint, weights_only=True)
    state["pretrained.blocks.0.mlp.fc1.weight"] *= 2.0**17
    path = checkpoint.with_name("large_inside.pth")
    torch.save(state, path)
    rgb, lines = stand_in.picture(120, 200), []
    wanted = load_model("small", weights=path, device="cpu", dtype="fp32", depth_size=112).infer_network(rgb)
    model = load_model("small", weights=path, device="cpu", dtype="fp16", depth_size=112, report=lines.append)
    values = model.infer_network(rgb)
    assert len(lines) == 1
    assert ((values - wanted).abs().max() / (wanted.max() - wanted.min())) < 0.01


def test_batches_out_of_bounds(checkpoint):
    for batch in (0, 257):
        with pytest.raises(UsageError, match=f"batch {batch}"):
            load_model("small", weights=checkpoint, device="cpu", batch=batch)


def test_the_batch_of_a_job_can_be_asked_for(model, checkpoint):
    assert model.batch_for(1080, 1920) == 3
    assert load_model("small", weights=checkpoint, device="cpu").batch_for(1080, 1920) == 1


def test_hdr_and_sdr_of_one_scene_look_alike_to_the_net():
    """PQ code values of an SDR ramp's light must come out near the ramp: the net was trained on SDR."""
    sdr = torch.linspace(0.05, 0.9, 64)
    light = 203 * sdr**2.4 / 10000
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    pq = ((c1 + c2 * light**m1) / (1 + c3 * light**m1)) ** m2
    fmt = PixelFormat("gbrp16le", 16, 0, 0, Colour(primaries=1, transfer=16, matrix=0, full_range=True))
    codes = (pq * 65535).round().to(torch.int32).to(torch.uint16).view(1, 1, 64).expand(1, 8, 64).contiguous()
    net_input = NetInput(SizeRule(fixed=(8, 64)), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    seen = net_input.from_planes(FrameBatch((codes,) * 3, (0,), 0, fmt), CPU)
    assert (seen[0, 0, 0] - sdr).abs().max() < 0.25
    assert (seen[0, 0, 0].diff() > 0).all()


def test_networks_share_one_adapter(model):
    assert isinstance(model, NetworkModel)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_gives_the_same_values(checkpoint):
    frames = film(3)
    outputs = []
    for compiled in (False, True):
        model = load_model(
            "small", weights=checkpoint, device="cpu", dtype="fp32", depth_size=112, batch=2, compiled=compiled
        )
        estimator = model.begin_shot()
        outputs.append(torch.cat([estimator.push(frames), estimator.finish()]))
    torch.testing.assert_close(outputs[1], outputs[0], atol=1e-3, rtol=0)
    assert model.info.identity.split()[2].endswith("-compiled")
