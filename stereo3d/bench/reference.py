"""What stands beside our own rows: FFmpeg alone, and films and networks as the well-known tutorial scripts run them.

The scripts take one frame after the other. Depth: float32, attention with explicit score matrices, one decoded RGB frame a
call, resized with OpenCV on the CPU, and brought back to the frame's size and to the CPU. A film: that, both views by OpenCV's
remap on the CPU (faster than the scripts' own loops), and a JPEG. They write PNGs of all frames before and encode all JPEGs
after; that is left out.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from stereo3d.depth.preprocess import IMAGENET
from stereo3d.depth.registry import Architecture
from stereo3d.errors import InputError, Stereo3DError
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.info import MediaInfo
from stereo3d.media.tools import ffmpeg_exe

__all__ = ["run_ffmpeg", "tutorial_depth", "tutorial_film"]

# Of the picture's width, for each eye: 15 pixels at 1920.
_PARALLAX = 15 / 1920


def tutorial_film(
    arch: Architecture, film: Path, folder: Path, frames: int, size: tuple[int, int], device: torch.device
) -> Callable[[], None]:
    """A function that makes JPEGs of the first ``frames`` frames, side by side, in ``folder``. ``size``: the network's, (h, w). It raises
    InputError."""
    depth_of = tutorial_depth(arch, size, device)

    def run() -> None:
        capture = cv2.VideoCapture(str(film))
        for number in range(frames):
            there, bgr = capture.read()
            if not there:
                raise InputError(
                    f"OpenCV reads only {number} frames of {film.name}", hint="leave it out: --no-reference"
                )
            depth = depth_of(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
            near = (depth - depth.min()) / max(float(np.ptp(depth)), 1e-6)
            cv2.imwrite(str(folder / f"{number:05}.jpg"), np.hstack(_views(bgr, near)))
        capture.release()

    return run


def _views(picture: NDArray[np.uint8], near: NDArray[np.float32]) -> list[NDArray[np.uint8]]:
    """Left and right of a picture [H, W, 3]; ``near``: [H, W], 0..1. Each pixel is fetched from where its own depth points to."""
    height, width = near.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    shift = near * np.float32(_PARALLAX * width)
    return [
        np.asarray(cv2.remap(picture, x + sign * shift, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        for sign in (-1, 1)
    ]


def tutorial_depth(
    arch: Architecture, size: tuple[int, int], device: torch.device
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """A function that computes the depth [H, W] of a picture [H, W, 3], with random weights, at the network's ``size`` (h, w)."""
    net = _eager_network(arch).eval().to(device)
    mean, std = (np.array(t, np.float32) for t in IMAGENET)

    def run(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = cv2.resize(rgb / np.float32(255), size[::-1], interpolation=cv2.INTER_CUBIC)
        small = ((small - mean) / std).astype(np.float32)
        pixels = torch.from_numpy(small.transpose(2, 0, 1)[None].copy()).to(device)
        with torch.no_grad():
            depth = net(pixel_values=pixels).predicted_depth[:, None]
            whole = torch.nn.functional.interpolate(depth, rgb.shape[:2], mode="bilinear", align_corners=True)
        return np.asarray(whole[0, 0].cpu().numpy(), dtype=np.float32)

    return run


def _eager_network(arch: Architecture) -> Any:
    import transformers

    backbone = transformers.Dinov2Config(
        hidden_size=arch.width,
        num_hidden_layers=arch.layers,
        num_attention_heads=arch.heads,
        image_size=518,
        patch_size=14,
        out_indices=[tap + 1 for tap in arch.taps],
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=arch.width,
        neck_hidden_sizes=list(arch.neck),
        fusion_hidden_size=arch.fusion,
    )
    return transformers.DepthAnythingForDepthEstimation._from_config(config, attn_implementation="eager")


def run_ffmpeg(info: MediaInfo, spec: EncoderSpec, frames: int, output: Path, *, half: bool = False) -> None:
    """What FFmpeg alone does with a film's first frames: decode, stack two copies (``half``: at half their width), encode with the
    same settings. Raises Stereo3DError."""
    squeeze = "scale=iw/2:ih," if half else ""
    options = [word for key, value in spec.options for word in (f"-{key}:v", value)]
    command = [
        ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "error", "-y", "-i", f"file:{info.path}",
        "-filter_complex", f"[0:{info.video.index}]{squeeze}split[a][b];[a][b]hstack[v]", "-map", "[v]",
        "-frames:v", str(frames), "-fps_mode", "passthrough", "-pix_fmt", spec.pix_fmt,
        "-c:v", spec.encoder, *options, "-threads:v", str(spec.threads), str(output),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise Stereo3DError(f"the ffmpeg command failed: {lines[-1][:160]}", hint="stereo3d doctor looks at it")
