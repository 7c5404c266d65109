"""Any depth-estimation model of the transformers library, from a folder. Slow to import: only loading does."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from stereo3d.depth.base import ModelInfo
from stereo3d.depth.depth_anything import Inverse, Running
from stereo3d.depth.folder import read_config
from stereo3d.depth.hub import licence_notes, licence_of, weight_files
from stereo3d.depth.network_model import NetworkModel
from stereo3d.depth.precision import Precision
from stereo3d.depth.preprocess import AUTO, IMAGENET, UPSTREAM, NetInput, SizeRule, Triple
from stereo3d.depth.runner import Runner
from stereo3d.depth.weights import fingerprint
from stereo3d.errors import Stereo3DError, WeightsError

__all__ = ["load_transformers"]

_METRIC_TYPES = ("glpn", "zoedepth")


class _Values(nn.Module):
    """The bare network: pixels [n, 3, h, w] float32 to its values [n, 1, h, w] float32."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        dtype = next(self.net.parameters()).dtype
        values: Tensor = self.net(pixel_values=pixels.to(dtype)).predicted_depth
        return (values[:, None] if values.ndim == 3 else values).float()


def load_transformers(folder: Path, how: Running, *, name: str) -> NetworkModel:
    """A model saved by the transformers library. Networks that answer in metres are turned into inverse depth.

    Input size, mean and deviation come from preprocessor_config.json; ``how.rule`` replaces its size rule unless it
    is the default. float16 falls back to float32. Raises WeightsError when the folder holds no such model, or its
    tensors are not all used.
    """
    config, files = read_config(folder), weight_files(folder)
    net = _read(folder)
    net_input = _net_input(folder, how.rule)
    values: nn.Module = _Values(net.requires_grad_(False).eval().to(how.precision.encoder))
    run = replace(how, precision=Precision(how.precision.encoder), rule=net_input.rule)
    identity = f"{config.get('model_type')} {fingerprint(files)} {run.label}"
    licence = licence_of(folder)
    info = ModelInfo(name=name, identity=identity, licence=licence, notes=licence_notes(licence))
    runner = Runner(
        Inverse(values) if _is_metric(config) else values,
        how.device,
        batch=how.batch,
        compiled=how.compiled,
        exact=how.precision.encoder == torch.float32,
        widen=_to_float32 if how.precision.encoder == torch.float16 else None,
        report=how.report,
    )
    return NetworkModel(info, net_input, runner)


def _to_float32(copied: nn.Module) -> nn.Module:
    return copied.float()


def _read(folder: Path) -> nn.Module:
    with _quiet():
        try:
            net, loading = transformers.AutoModelForDepthEstimation.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype=torch.float32, trust_remote_code=False
            )
        except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise WeightsError(
                f"{folder} cannot be read as a depth-estimation model: {reason[:160]}",
                hint="the folder must hold config.json and the weights of a transformers depth-estimation model",
            ) from None
    lost = sorted(loading["missing_keys"]) + sorted(str(key) for key in loading["mismatched_keys"])
    if lost:
        raise WeightsError(
            f"{folder}: {len(lost)} tensors are missing or of another shape, first {lost[0]!r}", hint="fetch it again"
        )
    assert isinstance(net, nn.Module)
    return net


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The library's bars and log lines belong neither to our progress nor to our reports; its errors are raised."""
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


def _is_metric(config: dict[str, Any]) -> bool:
    """Whether the network answers in metres. DPT heads on DINOv2 were only ever published for NYU and KITTI, in metres;
    Depth Pro's bare output is inverse depth already."""
    backbone = config.get("backbone_config") or {}
    return (
        config.get("model_type") in _METRIC_TYPES
        or config.get("depth_estimation_type") == "metric"
        or (config.get("model_type") == "dpt" and backbone.get("model_type") == "dinov2")
    )


def _net_input(folder: Path, rule: SizeRule) -> NetInput:
    """Size, mean and deviation as the model's own processor has them; a rule other than the default wins over its size."""
    processor = (
        read_config(folder, "preprocessor_config.json") if (folder / "preprocessor_config.json").exists() else {}
    )
    normal = processor.get("do_normalize", True)
    mean = _triple(processor.get("image_mean"), IMAGENET[0]) if normal else (0.0, 0.0, 0.0)
    std = _triple(processor.get("image_std"), IMAGENET[1]) if normal else (1.0, 1.0, 1.0)
    multiple = int(processor.get("ensure_multiple_of") or processor.get("size_divisor") or 1)
    size = processor.get("size") or {}
    if isinstance(size, int):
        size = {"height": size, "width": size}
    automatic = rule == AUTO
    if rule not in (UPSTREAM, AUTO):
        rule = replace(rule, multiple=max(multiple, rule.multiple if multiple == 1 else 1))
    elif "height" in size and processor.get("keep_aspect_ratio"):
        rule = SizeRule(short_side=min(size["height"], size["width"]), multiple=multiple)
    elif "height" in size:
        rule = SizeRule(fixed=(size["height"], size["width"]))
    elif "shortest_edge" in size:
        rule = SizeRule(short_side=size["shortest_edge"], multiple=multiple)
    elif multiple > 1:
        rule = replace(UPSTREAM, multiple=multiple)
    else:
        rule = UPSTREAM
    return NetInput(rule.capped() if automatic and not rule.fixed else rule, mean, std)


def _triple(value: Any, default: Triple) -> Triple:
    if value is None:
        return default
    if not isinstance(value, list) or len(value) != 3:
        raise Stereo3DError(f"preprocessor_config.json: {value!r} is not one number a channel")
    return (float(value[0]), float(value[1]), float(value[2]))
