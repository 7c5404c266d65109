"""The film path: a batch of frames and their depth to the two eyes' frames, in the source's own planes.

The disparity is brought to the picture once (size, edges); each eye's z-buffer is made once for luma and once for
chroma, and every plane is sampled through it by :mod:`stereo3d.render.warp`. Nothing is converted: not to RGB, not to
another chroma format, not to another bit depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from stereo3d.frames import FrameBatch
from stereo3d.render import edges, eye
from stereo3d.render.comfort_window import soften_sides
from stereo3d.render.disparity import PerFrame, affine, disparity_px, each
from stereo3d.render.rules import has_kernels

if TYPE_CHECKING:
    from stereo3d.render.sight import Sight

__all__ = ["EYE_POSITIONS", "Eyes", "Synthetic", "both_eyes", "picture_shift", "render_eyes", "render_views"]

Synthetic = Literal["both", "left", "right"]
"""The eyes whose pictures are made; the other one's is the source."""

EYE_POSITIONS: dict[Synthetic, tuple[float, float]] = {"both": (0.5, -0.5), "left": (1, 0), "right": (0, -1)}
"""The share of the disparity that the left and the right eye are moved by."""

Eye = tuple[FrameBatch, torch.Tensor | None]
"""A view, and the shift of what it sees; None where it is the source itself."""

_RAMP_PER_SAMPLE = 8
"""Pixels of the depth map, in its own size, that its softest edges are wide."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """The views of N frames and what lies behind them.

    ``shift`` [N, 1, H, W] float32: pixels that the source is moved by, for each eye that is made, larger = nearer. ``seen``: of
    each eye, the shift of what it sees, the same shape, -inf in holes; None where the eye is the source itself. ``sights``: of each
    frame, instead of these two, where holes are filled over time on a device.
    """

    left: FrameBatch
    right: FrameBatch
    shift: torch.Tensor
    seen: tuple[torch.Tensor | None, torch.Tensor | None]
    sights: tuple[Sight, ...] = ()

    def cut(self, start: int, end: int) -> Eyes:
        """Frames [start, end), as views."""
        left, right = (None if surface is None else surface[start:end] for surface in self.seen)
        views = self.left.cut(start, end), self.right.cut(start, end)
        return Eyes(*views, self.shift[start:end], (left, right), self.sights[start:end])


def render_views(
    frames: FrameBatch,
    depth: torch.Tensor,
    *,
    strength: PerFrame,
    zero_parallax: PerFrame,
    soft_sides: bool = False,
    synthetic: Synthetic = "both",
) -> tuple[FrameBatch, FrameBatch]:
    """(left, right) of the frames; see :func:`render_eyes`."""
    eyes = render_eyes(
        frames, depth, strength=strength, zero_parallax=zero_parallax, soft_sides=soft_sides, synthetic=synthetic
    )
    return eyes.left, eyes.right


def render_eyes(
    frames: FrameBatch,
    depth: torch.Tensor,
    *,
    strength: PerFrame,
    zero_parallax: PerFrame,
    soft_sides: bool = False,
    synthetic: Synthetic = "both",
) -> Eyes:
    """The two views of the frames.

    ``depth``: [N, 1, h, w] float, 0 far .. 1 near, any size of about the frames' aspect. ``strength``: the depth budget in % of
    the width, ``zero_parallax``: the depth on the screen; both for all frames or for each. ``soft_sides``: nothing stands before
    the screen at the frame's sides. With strength 0 both are the frames themselves, bit for bit; the eye that is not
    ``synthetic`` always is. Raises UsageError for values out of bounds, ValueError for a depth of another count of frames.
    """
    if depth.ndim != 4 or depth.shape[:2] != (len(frames), 1):
        raise ValueError(f"depth is {tuple(depth.shape)}, expected [{len(frames)}, 1, h, w]")
    disparity = disparity_px(depth, width=frames.width, strength=strength, zero_parallax=zero_parallax)
    if not any(each(strength)):
        still = disparity.new_zeros(1).expand(len(frames), 1, frames.height, frames.width)
        return Eyes(frames, frames, still, (None, None))
    if soft_sides:
        pairs = zip(each(strength, len(frames)), each(zero_parallax, len(frames)), strict=True)
        disparity = soften_sides(disparity, [budget / 100 * (1 - zero) for budget, zero in pairs])
    left, right = EYE_POSITIONS[synthetic]
    shift = picture_shift(frames, affine(disparity, 0, max(left, -right)))
    signs = tuple(sign for sign, position in ((1, left), (-1, right)) if position)
    made = dict(zip(signs, both_eyes(frames, shift, signs), strict=True))
    source: Eye = (frames, None)
    (one, seen_left), (two, seen_right) = made.get(1, source), made.get(-1, source)
    return Eyes(one, two, shift, (seen_left, seen_right))


def picture_shift(frames: FrameBatch, shift: torch.Tensor) -> torch.Tensor:
    """``shift`` [N, 1, h, w] (pixels of the picture, values not sizes) brought to the frames' size and edges, on their device."""
    luma = frames.planes[0].unsqueeze(1)
    longest = round(_RAMP_PER_SAMPLE * frames.width / shift.shape[3])
    return edges.refine(shift.to(luma.device, torch.float32), luma, longest=longest)


def both_eyes(frames: FrameBatch, shift: torch.Tensor, signs: tuple[int, ...]) -> tuple[Eye, ...]:
    """The frames of the eyes ``signs`` (+1 left, -1 right): ``shift`` as :func:`picture_shift` gives it."""
    if has_kernels(shift.device):
        from stereo3d.render import views_triton

        return views_triton.eyes(frames, shift, signs)
    return tuple(_eye(frames, shift, sign) for sign in signs)


def _eye(frames: FrameBatch, shift: torch.Tensor, sign: int) -> Eye:
    cells = (1 << frames.format.chroma_x, 1 << frames.format.chroma_y)
    first = 3 if frames.format.is_rgb else 1
    chroma = _stacked(frames.planes[first:]) if len(frames.planes) > first else None
    luma, small = eye.look(_stacked(frames.planes[:first]), chroma, shift, sign, cells)
    planes = luma.picture.unbind(1) if small is None else (*luma.picture.unbind(1), *small.picture.unbind(1))
    whole = tuple(plane.contiguous() for plane in planes)
    return FrameBatch(whole, frames.pts, frames.index, frames.format), luma.seen


def _stacked(planes: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Planes of one size, [N, C, H, W]; on the CPU without torch's threads (see :func:`stereo3d.render.disparity.affine`)."""
    if len(planes) == 1:
        return planes[0].unsqueeze(1)
    if planes[0].device.type == "cpu":
        return torch.from_numpy(np.stack([plane.numpy() for plane in planes], 1))
    return torch.stack(planes, 1)
