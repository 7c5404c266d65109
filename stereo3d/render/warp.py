"""Forward warping along rows: where each source pixel lands, and what is seen from the other eye.

A row of the source is a chain of samples; neighbours whose shifts differ by at most :data:`JOIN` pixels are one surface
(a scanline mesh), a larger step is an edge where the background may appear. The *surface* of a view is its z-buffer: per
target pixel the largest shift of the surfaces that cover it, -inf in a hole. Where a pixel of the view came from follows
from that number alone: ``x_source = x_target - sign * shift``. The picture is then sampled with a cubic kernel
(Keys 1981, a = -1/2) kept within the range of its four taps, so that no value is invented and edges do not ring.

One idea, three forms of it: Numba on the CPU, Triton on CUDA, torch anywhere (the reference).
"""

from __future__ import annotations

import numpy as np
import torch

from stereo3d.render import borders
from stereo3d.render import fill as filling
from stereo3d.render.bands import over_rows
from stereo3d.render.fill import EMPTY
from stereo3d.render.rules import JOIN, has_kernels

__all__ = [
    "finish",
    "marks_for",
    "render_view",
    "rounding",
    "sample",
    "sample_reference",
    "surface",
    "surface_reference",
]

Marks = np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]

_WHOLE = (torch.uint8, torch.uint16)
_TYPES = (*_WHOLE, torch.float16, torch.bfloat16, torch.float32)


def render_view(
    image: torch.Tensor, disparity_px: torch.Tensor, *, position: float, fill: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """The picture seen from beside: a source pixel at x lands at ``x + position * disparity``, the nearest wins.

    ``image``: [N, C, H, W], uint8, uint16, float16, bfloat16 or float32, any channel count. ``disparity_px``: [N, 1, H, W]
    floating, pixels of this picture, larger = nearer. ``position``: +0.5 / -0.5 for the left / right eye of a centred
    source, -1 for the right eye when the source is the left one. Returns (view, holes): the view like ``image`` and a
    bool mask [N, 1, H, W] of the pixels that no source pixel covers; those are filled from the background beside them,
    or 0 with ``fill=False``. A shift of 0 gives back the source bit for bit.

    Raises TypeError for another dtype, ValueError for shapes or devices that do not fit one another.
    """
    if image.dtype not in _TYPES or not disparity_px.is_floating_point():
        raise TypeError(
            f"image is {image.dtype} and disparity {disparity_px.dtype}; allowed: 8/16-bit unsigned or float"
        )
    if image.ndim != 4 or disparity_px.shape != (image.shape[0], 1, *image.shape[2:]) or 0 in image.shape:
        raise ValueError(
            f"image {tuple(image.shape)} and disparity {tuple(disparity_px.shape)} must be [N, C, H, W], [N, 1, H, W]"
        )
    if image.device != disparity_px.device:
        raise ValueError(f"image on {image.device}, disparity on {disparity_px.device}")
    sign = 1 if position >= 0 else -1
    seen = surface(disparity_px.float() * abs(position), sign)
    return sample(image, seen, sign, fill=fill), seen == EMPTY


def surface(shift: torch.Tensor, sign: int) -> torch.Tensor:
    """The visible shift of a view: ``shift`` [N, 1, H, W] float32 >= or < 0, pixels, larger = nearer; a pixel at x lands
    at ``x + sign * shift``. Returns the same shape, -inf where nothing lands. Each row is independent."""
    frames, _, height, width = shift.shape
    rows = shift.reshape(-1, width).contiguous()
    if shift.device.type == "cpu":
        from stereo3d.render import warp_numba

        seen, near = torch.empty_like(rows), rows.numpy()
        over_rows(
            lambda start, stop: warp_numba.surface_rows(
                near, np.float32(sign), np.float32(JOIN), seen.numpy(), start, stop
            ),
            frames,
            height,
        )
    elif has_kernels(shift.device):
        from stereo3d.render import warp_triton

        seen = warp_triton.surface(shift.contiguous(), (sign,), join=JOIN)
    else:
        seen = surface_reference(rows, sign)
    return seen.reshape(shift.shape)


def surface_reference(rows: torch.Tensor, sign: int) -> torch.Tensor:
    """:func:`surface` in torch, [R, W] to [R, W]. Deterministic: a maximum does not depend on the order."""
    width = rows.shape[1]
    x = torch.arange(width, device=rows.device, dtype=torch.float32)
    lands = x + sign * rows
    left, right = lands[:, :-1], lands[:, 1:]
    step = rows[:, 1:] - rows[:, :-1]
    joined = step.abs() <= JOIN
    seen = torch.full_like(rows, EMPTY)

    def put(at: torch.Tensor, value: torch.Tensor, valid: torch.Tensor) -> None:
        valid = valid & (at >= 0) & (at < width)
        spot = torch.where(valid, at, 0).long()
        seen.scatter_reduce_(1, spot, torch.where(valid, value, EMPTY), "amax")

    length = torch.where(right > left, right - left, 1.0)
    for number in range(int(JOIN) + 2):  # a segment of length 1 + JOIN covers so many pixels at most
        at = left.ceil() + number
        put(at, rows[:, :-1] + (at - left) / length * step, joined & (right > left) & (at <= right))
    open_end = torch.ones_like(joined[:, :1])
    open_left, open_right = torch.cat([open_end, ~joined], 1), torch.cat([~joined, open_end], 1)
    at = (lands + 0.5).floor()
    put(at, rows, (open_left & (at <= lands)) | (open_right & (at >= lands)))
    return seen


def sample(image: torch.Tensor, seen: torch.Tensor, sign: int, *, fill: bool = True) -> torch.Tensor:
    """The view of ``image`` [N, C, H, W] whose visible shift is ``seen`` [N, 1, H, W] (of :func:`surface`)."""
    if has_kernels(image.device):
        from stereo3d.render import views_triton

        return views_triton.view(image.contiguous(), seen.contiguous(), (sign,), fill=fill).contiguous()
    if image.device.type != "cpu":
        return sample_reference(image, seen, sign, fill=fill)
    if image.dtype in (torch.float16, torch.bfloat16):
        return sample(image.float(), seen, sign, fill=fill).to(image.dtype)
    from stereo3d.render import warp_numba

    image, seen = image.contiguous(), seen.contiguous()
    view, marks = torch.empty_like(image), marks_for(seen)
    source, target, near = image.numpy(), view.numpy(), seen[:, 0].numpy()
    rule, half = (np.float32(sign), np.float32(JOIN)), rounding(image)
    over_rows(
        lambda a, b: warp_numba.sample_rows(source, near, rule, half, marks, target, a, b), len(image), image.shape[2]
    )
    if fill:
        finish(view, image, seen, marks, sign)
    return view


def rounding(image: torch.Tensor) -> np.float32:
    """What the CPU kernels add before they cut a value off: a half for whole numbers."""
    return np.float32(0.5 if image.dtype in _WHOLE else 0)


def marks_for(seen: torch.Tensor) -> Marks:
    """Memory for the marks of a view (:mod:`stereo3d.render.flags_numba`) whose visible shift is ``seen`` [N, 1, H, W]."""
    from stereo3d.render.flags_numba import padded

    frames, _, height, width = seen.shape
    return np.empty((frames, height, padded(width)), np.uint8)


def finish(view: torch.Tensor, image: torch.Tensor, seen: torch.Tensor, marks: Marks, sign: int) -> None:
    """The holes of ``view`` filled and its borders blended, in place, on the CPU; all contiguous."""
    from stereo3d.render import fill_numba

    numbers = (filling.SLACK, filling.SHARE, filling.REACH, filling.STRETCH, filling.CERTAIN)
    rule, half = (*map(np.float32, numbers), filling.BOX, filling.GRAIN), rounding(image)
    source, target, near = image.numpy(), view.numpy(), seen[:, 0].numpy()
    over_rows(
        lambda a, b: fill_numba.fill_rows(source, near, marks, rule, half, target, a, b), len(image), image.shape[2]
    )
    borders.blend(view, image, seen, marks, sign)


def sample_reference(image: torch.Tensor, seen: torch.Tensor, sign: int, *, fill: bool = True) -> torch.Tensor:
    """:func:`sample` in torch."""
    frames, channels, _, width = image.shape
    x = torch.arange(width, device=image.device, dtype=torch.float32)
    hole = seen == EMPTY
    at = torch.where(hole, x, x - sign * seen).clamp(0, width - 1)
    base = at.long()
    t = at - base
    weights = (
        0.5 * t * (t * (2 - t) - 1),
        0.5 * (t * t * (3 * t - 5) + 2),
        0.5 * t * (t * (4 - 3 * t) + 1),
        0.5 * t * t * (t - 1),
    )
    source = image.float()
    taps = [source.gather(3, (base + k).clamp(0, width - 1).expand(frames, channels, -1, -1)) for k in (-1, 0, 1, 2)]
    value = sum((w * p for w, p in zip(weights[1:], taps[1:], strict=True)), weights[0] * taps[0])
    stack = torch.stack(taps)
    value = value.clamp(stack.amin(0), stack.amax(0))
    value = torch.where(hole, 0.0, value)
    if fill:
        value = filling.fill(_whole(value, image.dtype), source, seen.reshape(-1, width))
        value = borders.blend_reference(_whole(value, image.dtype), source, seen, sign, jump=JOIN)
    return _whole(value, image.dtype).to(image.dtype)


def _whole(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Rounded half up for whole-number types, as the kernels do."""
    return (value + 0.5).floor() if dtype in _WHOLE else value
