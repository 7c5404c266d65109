"""The CUDA kernels against the reference: on a GPU where there is one, else in Triton's interpreter where triton is."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from stereo3d.render import render_view, warp
from tests.render.test_warp import noise, rough_shift

CHECKS = (
    "surface_equals",
    "cover_equals",
    "ramps_equal",
    "smooth_equals",
    "views_equal",
    "eyes_equal",
    "uncovered_equal",
)


def test_the_kernels_in_the_interpreter() -> None:
    if not find_spec("triton"):
        pytest.skip("triton is not installed")
    if torch.cuda.is_available():
        pytest.skip("the kernels are checked on the GPU itself")
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.render.kernels", *CHECKS],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def need_cuda() -> None:
    if not torch.cuda.is_available():
        if os.environ.get("STEREO3D_REQUIRE_CUDA") == "1":
            pytest.fail("STEREO3D_REQUIRE_CUDA=1, and there is no CUDA device")
        pytest.skip("no CUDA device")


@pytest.mark.needs_cuda
@pytest.mark.parametrize("check", CHECKS)
def test_a_kernel_on_the_gpu(check: str) -> None:
    """Against the reference; whole frames also bit for bit from run to run."""
    need_cuda()
    from tests.render import kernels

    getattr(kernels, check)("cuda")


@pytest.mark.needs_cuda
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
def test_the_gpu_equals_the_reference_and_itself(dtype: torch.dtype) -> None:
    """Holes exactly; pixels within one code value (floats: 1e-4 of the range); bit for bit from run to run."""
    need_cuda()
    image, shift = noise(2, 3, 64, 400, dtype=dtype), rough_shift(2, 64, 400)
    runs = [render_view(image.cuda(), shift.cuda(), position=-1.0) for _ in range(3)]
    seen = warp.surface_reference(shift.reshape(-1, 400), -1).reshape(shift.shape)
    want = warp.sample_reference(image, seen, -1).double()
    for view, holes in runs:
        assert torch.equal(holes.cpu(), seen.isinf())
        assert (view.cpu().double() - want).abs().max() <= (1e-4 if dtype == torch.float32 else 1)
        assert torch.equal(view, runs[0][0])
