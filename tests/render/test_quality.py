"""A guard on picture quality: better than splatting with nearest background on a photographed pair."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).parents[2]
SHARED = REPO.parent / "shared"


def load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    if not (SHARED / "bench" / "dibr_bench.py").exists() or not (SHARED / "data" / "stereo" / "teddy").exists():
        pytest.skip("the shared view-synthesis bench is not beside the repository")
    pytest.importorskip("scipy")
    pytest.importorskip("skimage")
    os.environ["STEREO_DATA"] = str(SHARED / "data" / "stereo")
    source = tmp_path_factory.mktemp("bench") / "dibr_bench.py"  # a copy: its compiled code must not land in shared
    source.write_text((SHARED / "bench" / "dibr_bench.py").read_text())
    return load(source, "dibr_bench")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the bench leaves a file open
@pytest.mark.parametrize(("mode", "gain"), [("none", 0.3), ("da2", 1.0), ("soft", 1.0)])
def test_better_than_splatting_on_teddy(bench: ModuleType, mode: str, gain: float) -> None:
    plugin = load(REPO / "tests" / "bench" / "dibr_plugin.py", "dibr_plugin")
    scene = bench.load_scene("teddy")
    disparity = bench.degrade(scene["disp"], mode)
    ours = bench.score(scene, plugin.render_right(scene["left"], disparity))
    splat = bench.score(scene, bench.splat_bg(scene["left"], disparity))
    assert ours["psnr_all"] > splat["psnr_all"] + gain
    for name in ("psnr_dis", "psnr_edge", "ssim_all", "siou"):
        assert ours[name] > splat[name], name
