"""The network against its layout and its formulas, both written out apart from its code."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch.nn import functional as F

from stereo3d.depth import video_network
from stereo3d.depth.network import DepthAnythingNet
from stereo3d.depth.registry import MODELS
from stereo3d.depth.video_network import VideoDepthNet
from stereo3d.depth.weights import load_network, load_strictly
from tests.depth import stand_in, video_stand_in

ARCH = MODELS["video-small"].architecture


@pytest.fixture(scope="module")
def state():
    return video_stand_in.state_dict("vits")


@pytest.fixture(scope="module")
def net(state):
    return load_strictly(VideoDepthNet, ARCH, state, "x").prepare(torch.float32)


def clip(count, height=42, width=70):
    """``count`` normalised pictures that move and flicker."""
    picture = stand_in.picture(height, width)[0].float() / 255
    return torch.stack([picture.roll(3 * i, 2) * (0.8 + 0.2 * math.sin(i)) for i in range(count)]) * 4 - 2


@pytest.mark.parametrize("encoder", ["vits", "vitb", "vitl"])
def test_the_layout_is_the_official_one(encoder):
    arch = MODELS[{"vits": "video-small", "vitb": "video-base", "vitl": "video-large"}[encoder]].architecture
    with torch.device("meta"):
        state = VideoDepthNet(arch).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == video_stand_in.shapes(encoder)


def test_the_published_small_checkpoint_has_as_many_tensors_and_numbers():
    assert len(video_stand_in.shapes("vits")) == 351
    assert video_stand_in.numbers("vits") == 29_080_193


def over_time(state, module, maps):
    """One module over time, place by place, one head after the other."""
    prefix = f"head.motion_modules.{module}.temporal_transformer."
    s = {key.removeprefix(prefix): value.double() for key, value in state.items() if key.startswith(prefix)}
    frames, channels, rows, columns = maps.shape
    groups = maps.reshape(frames, 32, -1)
    normal = (groups - groups.mean(2, keepdim=True)) / (groups.var(2, unbiased=False, keepdim=True) + 1e-6).sqrt()
    normal = normal.view_as(maps) * s["norm.weight"].view(-1, 1, 1) + s["norm.bias"].view(-1, 1, 1)

    def norm(x, name):
        return F.layer_norm(x, (channels,), s[f"{name}.weight"], s[f"{name}.bias"], 1e-5)

    out = maps.clone()
    for row in range(rows):
        for column in range(columns):
            x = normal[:, :, row, column] @ s["proj_in.weight"].T + s["proj_in.bias"]
            for part in (0, 1):
                name = f"transformer_blocks.0.attention_blocks.{part}"
                seen = norm(x, f"transformer_blocks.0.norms.{part}") + video_stand_in.positions(channels)[0].double()
                q, k, v = (seen @ s[f"{name}.to_{letter}.weight"].T for letter in "qkv")
                heads = []
                for head in torch.arange(channels).chunk(8):
                    scores = q[:, head] @ k[:, head].T / math.sqrt(len(head))
                    heads.append(scores.softmax(1) @ v[:, head])
                x = x + torch.cat(heads, 1) @ s[f"{name}.to_out.0.weight"].T + s[f"{name}.to_out.0.bias"]
            name = "transformer_blocks.0.ff.net"
            wide = norm(x, "transformer_blocks.0.ff_norm") @ s[f"{name}.0.proj.weight"].T + s[f"{name}.0.proj.bias"]
            value, gate = wide[:, : 4 * channels], wide[:, 4 * channels :]
            inner = value * gate * 0.5 * (1 + torch.erf(gate / math.sqrt(2)))
            x = x + inner @ s[f"{name}.2.weight"].T + s[f"{name}.2.bias"]
            out[:, :, row, column] += x @ s["proj_out.weight"].T + s["proj_out.bias"]
    return out


def head_of(state, levels):
    """The whole head as upstream orders it: enlarge, then the 1x1 convolution; modules over time on levels 3 and 4 and on
    the two deepest fusions."""
    s = {key: value.double() for key, value in state.items()}

    def conv(x, name, **how):
        return F.conv2d(x, s[f"head.{name}.weight"], s.get(f"head.{name}.bias"), **how)

    def residual(x, name):
        return x + conv(F.relu(conv(F.relu(x), f"{name}.conv1", padding=1)), f"{name}.conv2", padding=1)

    def fuse(number, x, level, size):
        name = f"scratch.refinenet{number}"
        x = residual(level if x is None else x + residual(level, f"{name}.resConfUnit1"), f"{name}.resConfUnit2")
        return conv(F.interpolate(x, size, mode="bilinear", align_corners=True), f"{name}.out_conv")

    maps = [conv(level.double(), f"projects.{number}") for number, level in enumerate(levels)]
    for number, stride in ((0, 4), (1, 2)):
        name = f"head.resize_layers.{number}"
        maps[number] = F.conv_transpose2d(maps[number], s[f"{name}.weight"], s[f"{name}.bias"], stride=stride)
    maps[3] = conv(maps[3], "resize_layers.3", stride=2, padding=1)
    maps[2], maps[3] = over_time(state, 0, maps[2]), over_time(state, 1, maps[3])
    maps = [conv(x, f"scratch.layer{number}_rn", padding=1) for number, x in enumerate(maps, 1)]
    x = over_time(state, 2, fuse(4, None, maps[3], maps[2].shape[-2:]))
    x = over_time(state, 3, fuse(3, x, maps[2], maps[1].shape[-2:]))
    x = fuse(2, x, maps[1], maps[0].shape[-2:])
    x = fuse(1, x, maps[0], [2 * side for side in maps[0].shape[-2:]])
    size = [14 * side for side in levels[0].shape[-2:]]
    x = F.interpolate(conv(x, "scratch.output_conv1", padding=1), size, mode="bilinear", align_corners=True)
    return F.relu(conv(F.relu(conv(x, "scratch.output_conv2.0", padding=1)), "scratch.output_conv2.2"))


def test_the_head_follows_its_formulas(state, net):
    levels = net.pretrained(clip(32))
    wanted = head_of(state, levels)
    got = net.head(levels)
    spread = wanted.max() - wanted.min()
    assert spread > 0.5
    assert (wanted[0] - wanted[9]).abs().mean() > 0.01 * spread
    torch.testing.assert_close(got.double(), wanted, atol=1e-5 * float(spread), rtol=0)


def test_without_the_modules_over_time_it_is_depth_anything(state):
    """A new module's last layer is 0 and changes nothing: what is left must be the network for pictures."""
    silent = {k: v * 0 if "temporal_transformer.proj_out" in k else v for k, v in state.items()}
    video = load_strictly(VideoDepthNet, ARCH, silent, "x").prepare(torch.float32)
    still = dataclasses.replace(ARCH, temporal=False)
    pictures = load_network(still, stand_in.state_dict("vits"), "x").prepare(torch.float32)
    assert isinstance(pictures, DepthAnythingNet)
    pixels = clip(6)
    torch.testing.assert_close(video(pixels), pictures(pixels), atol=1e-5, rtol=1e-5)


def test_a_short_window_is_filled_up_with_its_last_frame(net):
    pixels = clip(5)
    full = net(torch.cat([pixels, pixels[-1:].expand(27, -1, -1, -1)]))
    torch.testing.assert_close(net(pixels), full[:5], atol=1e-4, rtol=0)


def test_every_frame_sees_the_whole_window(net):
    pixels = clip(32)
    changed = pixels.clone()
    changed[31] *= -1
    difference = (net(changed) - net(pixels)).abs().amax((1, 2, 3))
    assert (difference > 1e-4).all()


def test_working_through_the_places_in_parts_changes_nothing(net, monkeypatch):
    levels = net.pretrained(clip(8))
    whole = net.head(levels)
    monkeypatch.setattr(video_network, "_ELEMENTS", 32 * 8 * 64 * 7)
    torch.testing.assert_close(net.head(levels), whole, atol=1e-4, rtol=0)  # other sums, rounded otherwise


@pytest.mark.parametrize(("encoder", "pyramid", "mean"), [("bf16", "fp32", 0.006), ("bf16", "bf16", 0.02)])
def test_shorter_formats_stay_close(state, net, encoder, pyramid, mean):
    kinds = {"bf16": torch.bfloat16, "fp32": torch.float32}
    short = load_strictly(VideoDepthNet, ARCH, state, "x").prepare(
        kinds[encoder], wide_blocks=2, pyramid=kinds[pyramid]
    )
    pixels = clip(8)
    wanted, got = net(pixels), short(pixels)
    assert got.dtype == torch.float32
    assert (wanted - got).abs().mean() < mean * (wanted.max() - wanted.min())
    assert len(got.unique()) > 2000
