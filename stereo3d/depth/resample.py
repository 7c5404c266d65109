"""Cubic resampling of planes, with an exact phase: upstream's resize, and chroma that sits where it was sampled."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from stereo3d.transfer import constant

__all__ = ["resample"]

_A = -0.75  # OpenCV's INTER_CUBIC; no antialias, as the networks were trained


@lru_cache(maxsize=32)
def _taps(size: int, source: int, extent: float, shift: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indices [4, size] and weights [4, size] of Keys' kernel (1981); the edge sample is repeated outside."""
    position = (torch.arange(size, dtype=torch.float64) + 0.5) * (extent / size) - 0.5 + shift
    base = position.floor()
    t = position - base
    outer, inner = (1 + t, 2 - t), (t, 1 - t)
    far = [((_A * d - 5 * _A) * d + 8 * _A) * d - 4 * _A for d in outer]
    near = [((_A + 2) * d - (_A + 3)) * d * d + 1 for d in inner]
    weights = torch.stack([far[0], near[0], near[1], far[1]]).to(torch.float32)
    index = (base.long() + torch.arange(-1, 3)[:, None]).clamp(0, source - 1)
    return constant(index, device), constant(weights, device)


def resample(
    planes: Tensor,
    size: tuple[int, int],
    *,
    extent: tuple[float, float] | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Tensor:
    """Planes [N, H, W] of any dtype to [N, h, w] float32, cubic (a = -0.75), without antialias.

    ``size``: (h, w). ``extent``: how many samples of the plane the output spans, (rows, columns); the plane's own size
    unless its last sample hangs over the picture's edge. ``shift``: (down, right), in samples of the plane, added to
    where each output sample reads. With the defaults this is ``cv2.resize(..., INTER_CUBIC)`` on float32.
    """
    rows, columns = planes.shape[-2:]
    high, wide = extent or (rows, columns)
    if planes.dtype == torch.uint16:
        planes = planes.to(torch.int32)  # uint16 has few kernels
    index, weight = _taps(size[0], rows, high, shift[0], planes.device)
    out = planes[:, index[0]].float() * weight[0, :, None]
    for k in (1, 2, 3):
        out = torch.addcmul(out, planes[:, index[k]].float(), weight[k, :, None])
    index, weight = _taps(size[1], columns, wide, shift[1], planes.device)
    result = out[..., index[0]] * weight[0]
    for k in (1, 2, 3):
        result = torch.addcmul(result, out[..., index[k]], weight[k])
    return result
