"""The numbers of the original implementation, from its own answers to seeded weights."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from stereo3d.depth import load_model
from stereo3d.depth.network_model import NetworkModel
from stereo3d.depth.preprocess import NetInput, SizeRule
from tests.depth import stand_in

TOLERANCE = 1e-4  # of the output's range
NAMES = {"vits": "small", "vitb": "base", "vitl": "large"}


@pytest.fixture(scope="module", params=["vits", "vitb", pytest.param("vitl", marks=pytest.mark.long)])
def loaded(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.pth"
    torch.save(stand_in.state_dict(request.param), path)
    model = load_model(NAMES[request.param], weights=path, device="cpu", dtype="fp32", depth_size=252)
    yield request.param, model
    path.unlink()


def _compare(model, rgb, golden, net_step):
    net = model.infer_network(rgb)
    image = F.interpolate(net, rgb.shape[-2:], mode="bilinear", align_corners=True)
    spread = np.ptp(golden["net"])
    assert net[0, 0, ::net_step, ::net_step].shape == golden["net"].shape
    assert np.abs(net[0, 0, ::net_step, ::net_step].numpy() - golden["net"]).max() < TOLERANCE * spread
    assert np.abs(image[0, 0, ::4, ::4].numpy() - golden["image"]).max() < TOLERANCE * spread


def test_values_of_the_original(loaded):
    encoder, model = loaded
    golden = np.load(stand_in.DATA / f"{encoder}_252_synthetic.npz")
    _compare(model, stand_in.picture(), golden, net_step=2)
    image = model.infer_raw(stand_in.picture())
    assert image.shape == (1, 1, 360, 640)
    assert np.abs(image[0, 0, ::4, ::4].numpy() - golden["image"]).max() < TOLERANCE * np.ptp(golden["net"])


@pytest.mark.parametrize("size", [252, 518])
def test_values_of_the_original_on_a_film_frame(loaded, size):
    encoder, model = loaded
    file = stand_in.SHARED / "data" / "depth_parity" / f"{encoder}_{size}_rebels.npz"
    if not file.is_file():
        pytest.skip(f"no {file.name} beside the repository")
    golden = np.load(file)
    bgr = cv2.imread(str(stand_in.SHARED / str(golden["picture"])))
    rgb = torch.from_numpy(bgr[..., ::-1].copy()).permute(2, 0, 1)[None]
    sized = NetworkModel(model.info, NetInput(SizeRule(short_side=size)), model.runner)
    _compare(sized, rgb, golden, net_step=1)


def test_bfloat16_stays_near_and_fine(tmp_path):
    path = tmp_path / "vits.pth"
    torch.save(stand_in.state_dict("vits"), path)
    exact = load_model("small", weights=path, device="cpu", dtype="fp32", depth_size=252)
    quick = load_model("small", weights=path, device="cpu", dtype="bf16", depth_size=252)
    rgb = stand_in.picture()
    wanted, values = exact.infer_network(rgb), quick.infer_network(rgb)
    error = (values - wanted).abs() / (wanted.max() - wanted.min())
    assert 0 < error.mean() < 0.001
    assert error.quantile(0.99) < 0.003
    assert values.unique().numel() > 2000
