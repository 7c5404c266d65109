"""Checkpoints of Depth-Anything networks, V2 and Video: read, recognise, convert to the official names, load strictly.

Two layouts exist: the official one (``pretrained.*``, ``depth_head.*``; queries, keys and values in one matrix) and the
one of the transformers library (``backbone.*``, ``neck.*``, ``head.*``). Both are accepted as ``.pth`` and ``.safetensors``.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from stereo3d.depth.folder import read_config
from stereo3d.depth.network import DepthAnythingNet
from stereo3d.depth.registry import MODELS, Architecture
from stereo3d.errors import WeightsError
from stereo3d.files import file_sha256

__all__ = [
    "architecture_of",
    "fingerprint",
    "load_network",
    "load_strictly",
    "official_layout",
    "read_checkpoint",
    "recognise",
]

State = dict[str, Tensor]
Net = TypeVar("Net", bound=nn.Module)

_REFETCH = "fetch the file again; its size must be the one its web page gives"

_HF_NAMES: tuple[tuple[str, str], ...] = (
    (r"backbone\.embeddings\.cls_token", "pretrained.cls_token"),
    (r"backbone\.embeddings\.mask_token", "pretrained.mask_token"),
    (r"backbone\.embeddings\.position_embeddings", "pretrained.pos_embed"),
    (r"backbone\.embeddings\.patch_embeddings\.projection\.", "pretrained.patch_embed.proj."),
    (r"backbone\.encoder\.layer\.(\d+)\.attention\.(?:output\.dense|o_proj)\.", r"pretrained.blocks.\1.attn.proj."),
    (r"backbone\.encoder\.layer\.(\d+)\.layer_scale(\d)\.lambda1", r"pretrained.blocks.\1.ls\2.gamma"),
    (r"backbone\.encoder\.layer\.(\d+)\.(norm\d|mlp\.fc\d)\.", r"pretrained.blocks.\1.\2."),
    (r"backbone\.layernorm\.", "pretrained.norm."),
    (r"neck\.reassemble_stage\.layers\.(\d)\.projection\.", r"depth_head.projects.\1."),
    (r"neck\.reassemble_stage\.layers\.(\d)\.resize\.", r"depth_head.resize_layers.\1."),
    (r"head\.conv1\.", "depth_head.scratch.output_conv1."),
    (r"head\.conv2\.", "depth_head.scratch.output_conv2.0."),
    (r"head\.conv3\.", "depth_head.scratch.output_conv2.2."),
)
_HF_QKV = re.compile(
    r"backbone\.encoder\.layer\.(\d+)\.attention\.(?:attention\.)?(query|key|value|q_proj|k_proj|v_proj)\.(\w+)"
)
_HF_CONVS = re.compile(r"neck\.convs\.(\d)\.(\w+)")
_HF_FUSION = re.compile(r"neck\.fusion_stage\.layers\.(\d)\.(projection|residual_layer(\d)\.convolution(\d))\.(\w+)")


def fingerprint(files: Iterable[Path]) -> str:
    """sha256 over the files' contents, in the order given; one file gives what ``sha256sum`` gives. Raises WeightsError."""
    paths = tuple(files)
    try:
        return file_sha256(*paths)
    except OSError as error:
        path = error.filename or ", ".join(map(str, paths))
        raise WeightsError(f"cannot read {path}: {error.strerror}", hint="check the path and its permissions") from None


def read_checkpoint(path: Path) -> State:
    """The tensors of a checkpoint, on the CPU, mapped from the file where its format allows. Raises WeightsError."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
        size = path.stat().st_size
    except OSError as error:
        hint = "give the path of a .pth or .safetensors file"
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}", hint=hint) from None
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(
            f"{path} is a Git LFS pointer, not the weights", hint="run git lfs pull, or fetch the file itself"
        )
    if start.lstrip()[:1] == b"<":
        raise WeightsError(f"{path} is a web page, not the weights", hint="use the page's download link")
    try:
        if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < max(size, 1 << 20):
            return load_file(path)
        if start[:2] not in (b"PK", b"\x80\x02"):
            raise WeightsError(f"{path} is not a checkpoint ({size} bytes)", hint="give a .pth or .safetensors file")
        # Files of PyTorch before 1.6 are not zip archives and cannot be mapped.
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=start[:2] == b"PK")
    except (SafetensorError, RuntimeError, OSError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise WeightsError(f"{path} is broken or truncated ({size} bytes): {reason}", hint=_REFETCH) from None
    return _unwrap(content, path)


def _unwrap(content: Any, path: Path) -> State:
    """The state dict inside what training scripts save around it."""
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise WeightsError(
            f"{path} holds no network weights", hint="give a Depth-Anything-V2 or Video-Depth-Anything checkpoint"
        )
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def official_layout(state: State) -> State:
    """The same tensors under the official names (transformers names are translated, others kept)."""
    if not any(key.startswith("backbone.") for key in state):
        return dict(state)
    out: State = {}
    qkv: dict[tuple[str, str], State] = {}
    for key, value in state.items():
        if match := _HF_QKV.fullmatch(key):
            qkv.setdefault((match[1], match[3]), {})[match[2][0]] = value
        else:
            out[_official_name(key)] = value
    for (layer, kind), parts in qkv.items():
        if parts.keys() == {"q", "k", "v"}:
            out[f"pretrained.blocks.{layer}.attn.qkv.{kind}"] = torch.cat([parts["q"], parts["k"], parts["v"]])
    if "pretrained.mask_token" not in out and "pretrained.cls_token" in out:  # only training needs it
        out["pretrained.mask_token"] = torch.zeros_like(out["pretrained.cls_token"][0])
    return out


def _official_name(key: str) -> str:
    if match := _HF_CONVS.fullmatch(key):
        return f"depth_head.scratch.layer{int(match[1]) + 1}_rn.{match[2]}"
    if match := _HF_FUSION.fullmatch(key):
        part = "out_conv" if match[2] == "projection" else f"resConfUnit{match[3]}.conv{match[4]}"
        return f"depth_head.scratch.refinenet{4 - int(match[1])}.{part}.{match[5]}"
    for pattern, name in _HF_NAMES:
        renamed, count = re.subn(rf"^{pattern}", name, key)
        if count:
            return renamed
    return key


def recognise(state: State) -> str:
    """Which network a state dict in the official layout is: ``small`` .. ``video-large``, or ''."""
    token = state.get("pretrained.cls_token")
    layers = len({key.split(".")[2] for key in state if key.startswith("pretrained.blocks.")})
    temporal = any(key.startswith("head.motion_modules.") for key in state)
    for entry in MODELS.values():
        arch = entry.architecture
        if (
            arch
            and token is not None
            and (token.shape[-1], layers, temporal) == (arch.width, arch.layers, arch.temporal)
        ):
            return entry.name
    return ""


def load_network(arch: Architecture, state: State, path: Path) -> DepthAnythingNet:
    """The Depth-Anything network with the tensors of ``state``: :func:`load_strictly`."""
    return load_strictly(DepthAnythingNet, arch, state, path)


def load_strictly(kind: Callable[[Architecture], Net], arch: Architecture, state: State, path: Path) -> Net:
    """A network with every tensor of ``state`` (official layout) in its place, float32, not copied.

    ``path`` is for messages. Raises WeightsError for any missing, unknown or differently shaped tensor.
    """
    with torch.device("meta"):
        net = kind(arch)
    wanted = net.state_dict()
    missing, unknown = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    shapes = [key for key in wanted.keys() & state.keys() if wanted[key].shape != state[key].shape]
    if missing or unknown or shapes:
        raise _mismatch(arch, state, path, missing, unknown, sorted(shapes))
    net.load_state_dict({key: value.float() for key, value in state.items()}, strict=True, assign=True)
    return net


def _mismatch(
    arch: Architecture, state: State, path: Path, missing: list[str], unknown: list[str], shapes: list[str]
) -> WeightsError:
    known = ((entry.name, entry.architecture) for entry in MODELS.values() if entry.architecture)
    asked = next((name for name, a in known if (a.width, a.temporal) == (arch.width, arch.temporal)), arch.name)
    looks_like = recognise(state)
    if looks_like and looks_like != asked:
        return WeightsError(
            f"{path} holds the weights of {looks_like}, not of {asked}",
            hint=f"use --model {looks_like} --weights {path}",
        )
    if not looks_like:
        return WeightsError(
            f"{path} is not a {'Video-Depth-Anything' if arch.temporal else 'Depth-Anything-V2'} checkpoint "
            f"({len(state)} tensors, first {min(state)!r})",
            hint="models with a name take the official .pth, or .safetensors; for other networks use --model DIR",
        )
    first = (missing + unknown + shapes)[0]
    return WeightsError(
        f"{path} does not fit {asked}: {len(missing)} tensors missing, {len(unknown)} unknown, {len(shapes)} of another "
        f"shape, first {first!r}",
        hint=_REFETCH,
    )


def architecture_of(folder: Path) -> Architecture | None:
    """The Depth-Anything architecture that a transformers folder's config.json describes; None for other networks.

    Raises WeightsError when there is no readable config.json.
    """
    config = read_config(folder)
    backbone = config.get("backbone_config")
    if config.get("model_type") != "depth_anything" or not isinstance(backbone, dict):
        return None
    stages = backbone.get("out_indices") or [
        int(str(name).removeprefix("stage")) for name in backbone.get("out_features") or ()
    ]
    width = backbone.get("hidden_size", 768)
    neck, fusion = tuple(config.get("neck_hidden_sizes", (48, 96, 192, 384))), config.get("fusion_hidden_size", 64)
    plain = (
        backbone.get("model_type") == "dinov2"
        and (backbone.get("patch_size", 14), backbone.get("image_size", 224), backbone.get("mlp_ratio", 4))
        == (14, 518, 4)
        and backbone.get("apply_layernorm", True)
        and not backbone.get("reshape_hidden_states", True)
        and not backbone.get("use_swiglu_ffn", False)
        and list(config.get("reassemble_factors", (4, 2, 1, 0.5))) == [4, 2, 1, 0.5]
        and config.get("head_hidden_size", 32) == 32
        and config.get("head_in_index", -1) == -1
        and len(neck) == len(stages) == 4
    )
    if not plain:
        return None
    names = {384: "vits", 768: "vitb", 1024: "vitl"}
    first, second, third, fourth = (int(stage) - 1 for stage in stages)
    return Architecture(
        name=names.get(width, f"vit{width}"),
        width=width,
        layers=backbone.get("num_hidden_layers", 12),
        heads=backbone.get("num_attention_heads", 12),
        taps=(first, second, third, fourth),
        neck=neck,
        fusion=fusion,
        max_depth=float(config.get("max_depth") or 1) if config.get("depth_estimation_type") == "metric" else None,
    )
