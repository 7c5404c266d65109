"""Between host and device: through pinned memory, so that copies run beside the host and beside the device's other streams.

The only places where the pipeline waits for a CUDA device are :func:`to_host`, which waits for the current stream alone, and where
a stage hands its work over (:mod:`stereo3d.pipeline.lanes`, :func:`stereo3d.media.device.copy_from_device`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

__all__ = ["numbers", "pinned", "to_device", "to_host"]


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """``tensor`` on a device (itself if it is there already); the host does not wait for it."""
    return pinned(tensor, device).to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def pinned(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """``tensor`` where it can be copied to ``device`` without a wait: itself, unless it lies in the host's other memory."""
    here = device.type != "cuda" or tensor.device.type != "cpu" or tensor.is_pinned()
    return tensor if here else tensor.pin_memory()


def to_host(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Tensors of one device on the host (themselves if they are there already): one wait for all of them."""
    device = tensors[0].device
    if device.type != "cuda":
        return tuple(tensor.cpu() for tensor in tensors)
    here = tuple(torch.empty_like(t, device=torch.device("cpu"), pin_memory=True) for t in tensors)
    for target, source in zip(here, tensors, strict=True):
        target.copy_(source, non_blocking=True)
    torch.cuda.current_stream(device).synchronize()
    return here


def numbers(values: Sequence[float], device: torch.device) -> torch.Tensor:
    """float32 numbers of the host on a device."""
    return to_device(torch.tensor(values, dtype=torch.float32), device)
