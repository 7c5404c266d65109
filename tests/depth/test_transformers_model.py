"""Other networks of the transformers library, with tiny random weights saved by the library itself."""

from __future__ import annotations

import json
import warnings

import pytest
import torch

from stereo3d.depth import load_model
from stereo3d.errors import WeightsError
from tests.depth import stand_in
from tests.depth.test_weights import to_transformers_layout

transformers = pytest.importorskip("transformers")


def save(config, kind, folder, processor=None, seed=0):
    torch.manual_seed(seed)
    net = kind(config).eval()
    net.save_pretrained(folder)
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return net


@pytest.fixture(autouse=True, scope="module")
def _no_bars():
    transformers.utils.logging.disable_progress_bar()


@pytest.fixture(scope="module")
def dpt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dpt")
    config = transformers.DPTConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64, image_size=64, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 16, 24, 32], fusion_hidden_size=16, is_hybrid=False,
    )  # fmt: skip
    processor = {"size": {"height": 64, "width": 64}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    return folder, save(config, transformers.DPTForDepthEstimation, folder, processor)


def test_a_relative_network_keeps_its_own_values(dpt):
    folder, net = dpt
    model = load_model(str(folder), device="cpu", dtype="fp32")
    rgb = stand_in.picture(64, 64)
    with torch.inference_mode():
        wanted = net(pixel_values=rgb.float() / 127.5 - 1).predicted_depth[:, None]
    torch.testing.assert_close(model.infer_network(rgb), wanted, atol=1e-5, rtol=1e-5)
    assert model.infer_raw(stand_in.picture(48, 80)).shape == (1, 1, 48, 80)
    assert model.info.identity.startswith("dpt ")
    assert "64x64" in model.info.identity
    assert "not stated" in model.info.notes[0]


def test_metres_become_inverse_depth(tmp_path):
    config = transformers.GLPNConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16
    )
    processor = {"size_divisor": 32, "do_rescale": True, "do_normalize": False}
    net = save(config, transformers.GLPNForDepthEstimation, tmp_path, processor)
    model = load_model(str(tmp_path), device="cpu", dtype="fp32", depth_size=128)
    rgb = stand_in.picture(128, 128)
    with torch.inference_mode():
        metres = net(pixel_values=rgb.float() / 255).predicted_depth.reshape(1, 1, 128, 128)
    assert metres.std() > 0
    torch.testing.assert_close(model.infer_network(rgb), 1 / metres.clamp_min(0.1), atol=1e-5, rtol=1e-4)
    far, near = metres.flatten().argmax(), metres.flatten().argmin()
    values = model.infer_network(rgb).flatten()
    assert values[near] > values[far]


def test_weights_that_do_not_fill_the_network_are_refused(dpt, tmp_path):
    from safetensors.torch import load_file, save_file

    folder, _ = dpt
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    state = load_file(folder / "model.safetensors")
    lost = sorted(state)[3]
    save_file(
        {key: value for key, value in state.items() if key != lost}, tmp_path / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(WeightsError, match="1 tensors are missing"):
        load_model(str(tmp_path), device="cpu")


def test_a_folder_with_another_kind_of_network(dpt, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes((dpt[0] / "model.safetensors").read_bytes())
    with pytest.raises(WeightsError, match="cannot be read as a depth-estimation model") as caught:
        load_model(str(tmp_path), device="cpu")
    assert "\n" not in str(caught.value)


def test_loading_is_silent(dpt, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(str(dpt[0]), device="cpu", dtype="fp32")
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.long
def test_our_network_is_the_librarys_where_their_position_tables_agree(tmp_path):
    """At 518 x 518 nothing is interpolated, so an implementation independent of ours must give our numbers."""
    state = stand_in.state_dict("vits")
    backbone = transformers.Dinov2Config(
        hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14, out_indices=[3, 6, 9, 12],
        reshape_hidden_states=False,
    )  # fmt: skip
    net = transformers.DepthAnythingForDepthEstimation(
        transformers.DepthAnythingConfig(backbone_config=backbone)
    ).eval()
    path = tmp_path / "x.pth"
    torch.save(state, path)
    folder = tmp_path / "folder"
    net.save_pretrained(folder)
    from safetensors.torch import save_file

    save_file(to_transformers_layout(state), folder / "model.safetensors", {"format": "pt"})
    theirs = transformers.DepthAnythingForDepthEstimation.from_pretrained(folder).eval()
    model = load_model("small", weights=path, device="cpu", dtype="fp32")
    pixels = model.net_input.from_rgb(stand_in.picture(518, 518), torch.device("cpu"))
    with torch.inference_mode():
        wanted = theirs(pixel_values=pixels).predicted_depth[:, None]
    error = (model.runner(pixels) - wanted).abs().max() / (wanted.max() - wanted.min())
    assert error < 1e-4
