"""Video-Depth-Anything as a model, from its checkpoint to the depth of shots, on seeded weights."""

from __future__ import annotations

import gc
import itertools

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import nn

from stereo3d.depth import load_model
from stereo3d.depth.base import DepthModel, ModelInfo
from stereo3d.depth.preprocess import NetInput, SizeRule
from stereo3d.depth.registry import MODELS, choose
from stereo3d.depth.runner import Runner
from stereo3d.depth.video_depth import VideoModel
from stereo3d.errors import Stereo3DError, UsageError, WeightsError
from stereo3d.pipeline.shot_depth import ShotDepth
from tests.depth import stand_in, video_stand_in
from tests.depth.test_depth_anything import film, part

CPU = torch.device("cpu")
TINY = NetInput(SizeRule(fixed=(28, 42)))


@pytest.fixture(scope="module")
def state():
    return video_stand_in.state_dict("vits")


@pytest.fixture(scope="module")
def official(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "video_depth_anything_vits.pth"
    torch.save(state, path)
    return path


def load(path, name="video-small", **options):
    return load_model(name, weights=path, device="cpu", **{"dtype": "fp32", "depth_size": 112, **options})


@pytest.fixture(scope="module")
def model(official):
    """The real network on pictures of six patches: what is tested here does not depend on the size."""
    model = load(official, batch=8)
    model.net_input = TINY
    return model


def depth_of(model, frames, cuts):
    estimator = model.begin_shot()
    parts = [estimator.push(part(frames, a, b)) for a, b in itertools.pairwise(cuts)]
    return [p for p in (*parts, estimator.finish()) if len(p)]


def joined(model, frames, *cuts):
    return torch.cat(depth_of(model, frames, (0, *cuts, len(frames))))


def test_it_is_a_depth_model(model, official):
    assert isinstance(model, DepthModel)
    assert model.info.name == "video-small"
    assert model.info.licence == "Apache-2.0"
    assert not model.info.calibrated
    assert not model.info.notes
    identities = {load(official, **o).info.identity for o in ({}, {"dtype": "bf16"}, {"depth_size": "300x200"})}
    assert len(identities) == 3
    assert all("video-depth-anything-vits" in identity for identity in identities)


def test_names_licences_and_where_the_weights_are():
    for name, size, encoder in (("small", "Small", "vits"), ("base", "Base", "vitb"), ("large", "Large", "vitl")):
        entry = MODELS[f"video-{name}"]
        assert choose(f"depth-anything/Video-Depth-Anything-{size}").entry is entry
        assert entry.hub_file == f"video_depth_anything_{encoder}.pth"
        assert bool(entry.notes) == (name != "small")
    assert "CC-BY-NC-4.0" in MODELS["video-large"].notes[0]


@pytest.mark.parametrize("kind", ["safetensors", "legacy pth", "wrapped"])
def test_every_file_type_gives_the_same_network(kind, state, official, tmp_path):
    path = tmp_path / "x"
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "legacy pth":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    else:
        torch.save({"model": {f"module.{key}": value for key, value in state.items()}}, path)
    wanted, got = load(official), load(path)
    wanted.net_input = got.net_input = TINY
    assert torch.equal(got.infer_network(stand_in.picture()), wanted.infer_network(stand_in.picture()))


def test_the_weights_of_another_network(official, state, tmp_path):
    with pytest.raises(WeightsError, match="weights of video-small, not of video-large") as caught:
        load(official, "video-large")
    assert f"--model video-small --weights {official}" in caught.value.hint
    with pytest.raises(WeightsError, match="weights of video-small, not of small"):
        load(official, "small")
    still = stand_in.write_checkpoint("vits", tmp_path / "still.pth")
    with pytest.raises(WeightsError, match="weights of small, not of video-small"):
        load(still)
    save_file({"conv.weight": torch.zeros(3)}, tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match="not a Video-Depth-Anything checkpoint"):
        load(tmp_path / "x.safetensors")


def test_loading_is_strict(state, official, tmp_path):
    key = "head.motion_modules.2.temporal_transformer.transformer_blocks.0.attention_blocks.1.to_k.weight"
    lacking = {k: v for k, v in state.items() if k != key}
    for changed in (lacking, state | {"head.extra": state[key].clone()}, state | {key: state[key][:5].clone()}):
        save_file(changed, tmp_path / "x.safetensors")
        with pytest.raises(WeightsError, match="does not fit video-small"):
            load(tmp_path / "x.safetensors")
    whole = official.read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="broken or truncated"):
        load(tmp_path / "cut.pth")


def test_weights_in_the_hubs_cache_are_found(official, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="no weights of depth-anything/Video-Depth-Anything-Small"):
        load(None)
    folder = tmp_path / "models--depth-anything--Video-Depth-Anything-Small"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "video_depth_anything_vits.pth").symlink_to(official)
    assert load(None).info.identity == load(official).info.identity


def test_weights_do_not_go_with_models_that_have_none(official):
    with pytest.raises(UsageError, match="video-"):
        load(official, "classic")


def test_wide_pictures_are_made_smaller_as_upstream_does(official):
    rule = load(official, depth_size=None).net_input.rule
    assert rule.size(1080, 1920) == (518, 924)
    assert rule.size(1600, 1200) == (686, 518)
    assert rule.size(804, 1920) == (392, 938)  # round(518 * 1.777 / 2.388 / 14) = 28 patches


@pytest.mark.parametrize("count", [1, 5, 31, 32, 33, 70])
def test_every_frame_gets_depth_however_the_frames_are_handed_over(model, count):
    frames = film(count, 60, 90)
    whole = joined(model, frames)
    assert whole.shape == (count, 1, 28, 42)
    assert whole.dtype == torch.float32
    assert torch.isfinite(whole).all()
    cuts = range(1, count) if count < 33 else (count // 3, count // 3, count // 2)
    assert torch.equal(whole, joined(model, frames, *cuts))


def test_a_shot_without_frames(model):
    assert len(model.begin_shot().finish()) == 0


def test_depth_is_given_as_soon_as_no_later_frame_can_change_it(model):
    frames = film(60, 60, 90)
    estimator = model.begin_shot()
    given = [len(estimator.push(part(frames, i, i + 1))) for i in range(60)]
    assert [i for i, k in enumerate(given) if k] == [31, 55]  # the batches of eight in which frames 31 and 53 come
    assert [k for k in given if k] == [24, 22]
    changed = part(film(40, 60, 90), 0, 40)
    changed.planes[0][32:] = 255 - changed.planes[0][32:]
    wanted, got = joined(model, part(frames, 0, 40)), joined(model, changed)
    assert torch.equal(wanted[:24], got[:24])
    assert not torch.equal(wanted[25], got[25])


def test_nothing_is_remembered_across_a_cut(model):
    frames = film(40, 60, 90)
    fresh = joined(model, part(frames, 0, 10))
    estimator = model.begin_shot()
    estimator.push(part(frames, 10, 40))
    assert torch.equal(joined(model, part(frames, 0, 10)), fresh)
    estimator.finish()
    assert torch.equal(joined(model, part(frames, 0, 10)), fresh)


def test_a_picture_is_a_film_of_one_frame(model):
    rgb = stand_in.picture(60, 90)
    both = model.infer_raw(torch.cat([rgb, rgb.flip(3)]))
    assert both.shape == (2, 1, 60, 90)
    torch.testing.assert_close(both[:1], model.infer_raw(rgb), atol=1e-4, rtol=0)


class _Levels(nn.Module):
    def forward(self, pixels):
        return pixels.new_full((len(pixels), 8, 3, 3), 1.0) * pixels.mean((1, 2, 3)).view(-1, 1, 1, 1)


class _Counting(nn.Module):
    """A head that looks how many frames' features are alive while it runs."""

    def __init__(self):
        super().__init__()
        self.alive = 0

    def forward(self, features):
        gc.collect()  # what nobody can reach is not kept
        stores = {
            t.untyped_storage().data_ptr(): t.untyped_storage().nbytes()
            for t in gc.get_objects()
            if issubclass(type(t), torch.Tensor) and t.shape[-3:] == (8, 3, 3)
        }
        self.alive = max(self.alive, sum(stores.values()) // (8 * 9 * 4))
        return features[:, :, :1]


def test_memory_does_not_grow_with_the_shot():
    info, head = ModelInfo("x", "x", "none"), _Counting()
    model = VideoModel(info, TINY, Runner(_Levels(), CPU, batch=4), Runner(head, CPU, batch=1))
    frames = film(150, 60, 90)
    assert len(joined(model, frames)) == 150
    assert 32 <= head.alive <= 32 + 10 + 4 + 1  # a window, what the next one needs, the batch in work


class _Overflowing(nn.Module):
    def forward(self, features):
        return features[:, :, :1] * float("inf")


def test_values_that_are_not_finite_are_told():
    model = VideoModel(
        ModelInfo("x", "x", "none"), TINY, Runner(_Levels(), CPU, batch=4), Runner(_Overflowing(), CPU, batch=1)
    )
    with pytest.raises(Stereo3DError, match="not finite"):
        joined(model, film(3, 60, 90))


def test_fp16_falls_back_to_fp32(official):
    """The wide copies that a GPU's overflow asks for: same network, float32 throughout."""
    from stereo3d.depth.precision import Precision
    from stereo3d.depth.video_depth import _widening

    model, wide = load(official, dtype="fp32"), _widening(Precision(torch.float16, torch.float16))
    short = load(official, dtype="fp16")
    for runner in (short.runner, short.head):
        net = wide(runner._net)
        floats = {p.dtype for p in net.parameters()} | {b.dtype for b in net.buffers()}
        assert floats == {torch.float32}
    model.net_input = short.net_input = TINY
    rgb = stand_in.picture(60, 90)
    wanted = model.infer_raw(rgb)
    torch.testing.assert_close(short.infer_raw(rgb), wanted, atol=0.02 * float(wanted.max()), rtol=0)


def test_short_formats_stay_close_over_a_shot(model, official):
    short = load(official, dtype="bf16", batch=5)
    short.net_input = TINY
    frames = film(40, 60, 90)
    wanted, got = joined(model, frames), joined(short, frames)
    assert (wanted - got).abs().mean() < 0.01 * (wanted.max() - wanted.min())


def test_the_stabiliser_takes_it(model):
    """As the pipeline does: held back, aligned, one range for the shot, every frame once."""
    frames = film(40, 60, 90)
    shot = ShotDepth(model, zero_parallax=None)
    depths = [d for i in range(0, 40, 7) for d in shot.push(part(frames, i, min(i + 7, 40)))] + list(shot.finish())
    maps = torch.cat([d.maps(torch.device("cpu")) for d in depths])
    assert maps.shape == (40, 1, 28, 42)
    assert 0 <= maps.min() < 0.2
    assert 0.8 < maps.max() <= 1
    screens = [screen for d in depths for screen in d.zero_parallax]
    assert max(abs(b - a) for a, b in itertools.pairwise(screens)) < 0.01  # it follows without a jump
