from __future__ import annotations

import subprocess
import sys

import pytest

from stereo3d.depth import load_model
from stereo3d.depth.registry import MODELS, choose
from stereo3d.errors import UsageError


def test_listing_models_imports_nothing_heavy():
    code = "import sys, stereo3d.depth.registry; print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_licences_are_told_where_they_limit_use():
    assert MODELS["small"].licence == "Apache-2.0"
    assert MODELS["small"].notes == ()
    for name in ("base", "large"):
        assert MODELS[name].licence == "CC-BY-NC-4.0"
        assert "CC-BY-NC-4.0" in MODELS[name].notes[0]


def test_giant_was_never_released():
    with pytest.raises(UsageError, match="never released") as caught:
        load_model("giant")
    assert "large" in caught.value.hint


def test_what_a_name_means(tmp_path):
    assert choose("small").entry is MODELS["small"]
    assert choose(str(tmp_path)).folder == tmp_path
    assert choose("owner/some-model").hub_id == "owner/some-model"
    assert choose("depth-anything/Depth-Anything-V2-Large-hf").entry is MODELS["large"]


@pytest.mark.parametrize("name", ["smal", "Small", "", "./missing", "a/b/c", "~/nowhere"])
def test_unknown_names(name):
    with pytest.raises(UsageError) as caught:
        load_model(name)
    assert "small, base, large, classic" in caught.value.hint


@pytest.mark.parametrize("name", ["classic", "owner/some-model"])
def test_weights_go_with_the_named_networks_only(name):
    with pytest.raises(UsageError, match="--weights"):
        load_model(name, weights="x.pth")


@pytest.mark.parametrize(
    "option", [{"dtype": "fp8"}, {"device": "gpu"}, {"device": "cuda:99"}, {"depth_size": 50}, {"depth_size": "big"}]
)
def test_values_that_cannot_be_meant(option, tmp_path):
    with pytest.raises(UsageError) as caught:
        load_model("small", weights=tmp_path / "absent.pth", **option)
    assert caught.value.hint
    assert str(next(iter(option.values()))) in str(caught.value)
