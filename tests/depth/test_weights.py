from __future__ import annotations

import hashlib
import io
import json

import pytest
import torch
from safetensors.torch import save_file

from stereo3d.depth import load_model
from stereo3d.depth.registry import MODELS
from stereo3d.depth.weights import architecture_of, fingerprint, load_network, official_layout, read_checkpoint
from stereo3d.errors import WeightsError
from tests.depth import stand_in

SMALL = MODELS["small"].architecture

FUSION = {"out_conv": "projection", "resConfUnit1": "residual_layer1", "resConfUnit2": "residual_layer2"}


def to_transformers_layout(state):
    """The official tensors under the names of published ``-hf`` checkpoints, written out independently of the loader."""
    out = {}
    for key, value in state.items():
        parts = key.split(".")
        if key.startswith("pretrained.blocks."):
            layer = f"backbone.encoder.layer.{parts[2]}."
            rest = ".".join(parts[3:])
            if rest.startswith("attn.qkv."):
                for name, third in zip(("query", "key", "value"), value.chunk(3), strict=True):
                    out[f"{layer}attention.attention.{name}.{parts[-1]}"] = third.clone()
                continue
            rest = rest.replace("attn.proj", "attention.output.dense")
            out[
                layer + rest.replace("ls1.gamma", "layer_scale1.lambda1").replace("ls2.gamma", "layer_scale2.lambda1")
            ] = value
        elif key.startswith("pretrained.norm."):
            out[f"backbone.layernorm.{parts[-1]}"] = value
        elif key.startswith("pretrained."):
            name = key.removeprefix("pretrained.").replace("pos_embed", "position_embeddings")
            out["backbone.embeddings." + name.replace("patch_embed.proj", "patch_embeddings.projection")] = value
        elif parts[1] in ("projects", "resize_layers"):
            kind = "projection" if parts[1] == "projects" else "resize"
            out[f"neck.reassemble_stage.layers.{parts[2]}.{kind}.{parts[-1]}"] = value
        elif parts[2].endswith("_rn"):
            out[f"neck.convs.{int(parts[2][5]) - 1}.weight"] = value
        elif parts[2].startswith("refinenet"):
            tail = ".".join(p.replace("conv", "convolution") if p in ("conv1", "conv2") else p for p in parts[4:])
            out[f"neck.fusion_stage.layers.{4 - int(parts[2][-1])}.{FUSION[parts[3]]}.{tail}"] = value
        else:
            number = {"output_conv1": 1, "output_conv2.0": 2, "output_conv2.2": 3}[".".join(parts[2:-1])]
            out[f"head.conv{number}.{parts[-1]}"] = value
    return out


def small_config(**changes):
    backbone = {
        "model_type": "dinov2",
        "hidden_size": 384,
        "num_attention_heads": 6,
        "image_size": 518,
        "patch_size": 14,
    }
    backbone |= {"out_indices": [3, 6, 9, 12], "reshape_hidden_states": False}
    return {
        "model_type": "depth_anything",
        "architectures": ["DepthAnythingForDepthEstimation"],
        "backbone_config": backbone,
    } | changes


def write_folder(folder, state, **changes):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(small_config(**changes)))
    save_file(to_transformers_layout(state), folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def state():
    return stand_in.state_dict("vits")


@pytest.fixture(scope="module")
def official(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / "depth_anything_v2_vits.pth"
    torch.save(state, path)
    return path


def load(path, name="small"):
    return load_model(name, weights=path, device="cpu", dtype="fp32", depth_size=112)


@pytest.fixture(scope="module")
def wanted(official):
    return load(official).infer_network(stand_in.picture())


@pytest.mark.parametrize("kind", ["safetensors", "hf safetensors", "legacy pth", "wrapped", "parallel"])
def test_every_layout_gives_the_same_network(kind, state, wanted, tmp_path):
    path = tmp_path / ("x.safetensors" if "safetensors" in kind else "x.pth")
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "hf safetensors":
        save_file(to_transformers_layout(state), path)
    elif kind == "legacy pth":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    elif kind == "wrapped":
        torch.save({"epoch": 3, "state_dict": state}, path)
    else:
        torch.save({"model": {f"module.{key}": value for key, value in state.items()}}, path)
    assert torch.equal(load(path).infer_network(stand_in.picture()), wanted)


def test_a_transformers_folder_gives_the_same_network(state, wanted, tmp_path):
    folder = write_folder(tmp_path / "model", state)
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n# card\n")
    model = load_model(str(folder), device="cpu", dtype="fp32", depth_size=112)
    assert torch.equal(model.infer_network(stand_in.picture()), wanted)
    assert model.info.licence == "cc-by-nc-4.0"
    assert "no commercial use" in model.info.notes[0]


def test_metric_networks_answer_near_as_large(state, tmp_path):
    folder = write_folder(tmp_path / "metric", state, depth_estimation_type="metric", max_depth=20)
    arch = architecture_of(folder)
    assert arch.max_depth == 20
    net = load_network(arch, official_layout(read_checkpoint(folder / "model.safetensors")), folder).prepare(
        torch.float32
    )
    model = load_model(str(folder), device="cpu", dtype="fp32", depth_size=112)
    pixels = model.net_input.from_rgb(stand_in.picture(), torch.device("cpu"))
    metres = net(pixels)
    assert 0 < metres.min() < metres.max() <= 20
    torch.testing.assert_close(model.runner(pixels), 1 / metres.clamp_min(0.1))


def test_the_taps_come_from_the_config(state, tmp_path):
    """Depth-Anything V1 has V2's tensors and other taps: reading it as V2 would be quietly wrong."""
    config = small_config()
    config["backbone_config"]["out_indices"] = [9, 10, 11, 12]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert architecture_of(tmp_path).taps == (8, 9, 10, 11)
    assert architecture_of(tmp_path).label != SMALL.label


def test_other_networks_are_not_taken_for_ours(tmp_path):
    for change in ({"model_type": "dpt"}, {"head_hidden_size": 64}, {"backbone_config": {"model_type": "swinv2"}}):
        (tmp_path / "config.json").write_text(json.dumps(small_config(**change)))
        assert architecture_of(tmp_path) is None


def test_the_weights_of_another_size(official):
    with pytest.raises(WeightsError, match="weights of small, not of large") as caught:
        load(official, "large")
    assert f"--model small --weights {official}" in caught.value.hint


def broken_files(official):
    whole = official.read_bytes()
    yield "truncated.pth", whole[: len(whole) // 2]
    yield "empty.pth", b""
    yield "noise.pth", bytes(range(256)) * 40
    yield "lfs.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 99\n"
    yield "page.pth", b"<!DOCTYPE html><html></html>"
    buffer = io.BytesIO()
    torch.save({"weights": [1, 2]}, buffer)
    yield "other.pth", buffer.getvalue()
    yield "cut.safetensors", (5000).to_bytes(8, "little") + b'{"a":'


def test_files_that_are_no_checkpoint(official, tmp_path):
    for name, content in broken_files(official):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(WeightsError) as caught:
            load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.hint
    with pytest.raises(WeightsError, match="No such file"):
        load(tmp_path / "absent.pth")
    with pytest.raises(WeightsError):
        load(tmp_path)


def test_loading_is_strict(state, tmp_path):
    key = "depth_head.scratch.refinenet2.out_conv.bias"
    lacking = {k: v for k, v in state.items() if k != key}
    for changed in (lacking, state | {"extra.weight": state[key].clone()}, state | {key: state[key][:5].clone()}):
        save_file(changed, tmp_path / "x.safetensors")
        with pytest.raises(WeightsError, match="does not fit small"):
            load(tmp_path / "x.safetensors")
    save_file({"conv.weight": torch.zeros(3)}, tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match="not a Depth-Anything-V2 checkpoint"):
        load(tmp_path / "x.safetensors")


def test_folders_without_a_model(state, tmp_path):
    with pytest.raises(WeightsError, match=r"config\.json"):
        load_model(str(tmp_path), device="cpu")
    (tmp_path / "config.json").write_text(json.dumps(small_config()))
    with pytest.raises(WeightsError, match="no weights"):
        load_model(str(tmp_path), device="cpu")


def test_the_identity_says_what_the_numbers_depend_on(official):
    digest = hashlib.sha256(official.read_bytes()).hexdigest()
    assert fingerprint([official]) == digest
    identities = {
        load_model("small", weights=official, device="cpu", dtype=dtype, depth_size=size).info.identity
        for dtype in ("fp32", "bf16")
        for size in (None, 252, "924x518")
    }
    assert len(identities) == 6
    assert all(digest in identity and "vits" in identity for identity in identities)
