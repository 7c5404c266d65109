"""Where a network runs and in which number formats: asked for, or chosen for the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from stereo3d.errors import UsageError

__all__ = ["DTYPES", "Precision", "choose_device", "choose_precision"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Precision:
    """``encoder``: matrix products of the encoder. ``pyramid``: the head but for its last layers, which are float32.

    ``wide_share``: the first part of the encoder's blocks whose linear layers stay float32.
    """

    encoder: torch.dtype
    pyramid: torch.dtype = torch.float32
    wide_share: float = 0.0

    @property
    def label(self) -> str:
        """One word for identities."""
        names = {dtype: name for name, dtype in DTYPES.items()}
        wide = f"-wide{self.wide_share:.2f}" if self.wide_share else ""
        return f"{names[self.encoder]}+{names[self.pyramid]}{wide}"


def choose_device(name: str) -> torch.device:
    """``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``mps``, ``cuda`` or ``cuda:N``. Raises UsageError if it is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device {name!r} is not a device", hint="give auto, cpu, mps, cuda or cuda:N") from None
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise UsageError(
            f"--device {name}: this machine's usable CUDA devices: {count or 'none'}", hint="--device cpu runs anywhere"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: this machine has no usable Metal device", hint="--device cpu runs anywhere")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def choose_precision(name: str, device: torch.device) -> Precision:
    """The number formats for ``auto``, ``fp32``, ``bf16`` or ``fp16`` on a device. Raises UsageError for another name.

    bfloat16 everywhere costs up to half a percent of the output's range at single pixels on a CPU. The linear layers of the first
    two thirds of the blocks in float32, attention and all the rest of the encoder in bfloat16, halve that. float16 is finer than
    bfloat16, and fast on GPUs only.
    """
    if name not in (*DTYPES, "auto"):
        raise UsageError(f"dtype {name!r} is not known", hint="give auto, fp32, bf16 or fp16")
    if name == "auto":
        name = _best(device)
    encoder = DTYPES[name]
    if device.type == "cpu":
        return Precision(encoder, wide_share=2 / 3 if encoder == torch.bfloat16 else 0.0)
    return Precision(encoder, pyramid=torch.float16 if encoder == torch.float16 else torch.float32)


def _best(device: torch.device) -> str:
    if device.type == "cuda":  # tensor cores for float16 came with compute capability 7.0
        return "fp16" if torch.cuda.get_device_capability(device) >= (7, 0) else "fp32"
    if device.type == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", bool)():
        return "bf16"  # emulated, and slower than float32, where the processor has no bfloat16 products
    return "fp32"
