"""The film path: a batch of frames and their depth to the two eyes' frames, in the source's own planes.

The disparity is brought to the picture once (size, edges); each eye's z-buffer is made once for luma and once for
chroma, and every plane is sampled through it by :mod:`stereo3d.render.warp`. Nothing is converted: not to RGB, not to
another chroma format, not to another bit depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from stereo3d.frames import FrameBatch
from stereo3d.render import edges, warp
from stereo3d.render.disparity import disparity_px

__all__ = ["EYE_POSITION", "Eyes", "picture_shift", "render_eyes", "render_views"]

EYE_POSITION = 0.5
"""Each eye is moved by this share of the disparity: left +, right -."""

_RAMP_PER_SAMPLE = 8
"""Pixels of the depth map, in its own size, that its softest edges are wide."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """The views of N frames and what lies behind them.

    ``shift`` [N, 1, H, W] float32: pixels that the source is moved by, for each eye, larger = nearer. ``seen``: of each eye, the
    shift of what it sees, the same shape, -inf in holes; None where the eye is the source itself.
    """

    left: FrameBatch
    right: FrameBatch
    shift: torch.Tensor
    seen: tuple[torch.Tensor | None, torch.Tensor | None]

    def cut(self, start: int, end: int) -> Eyes:
        """Frames [start, end), as views."""
        left, right = (None if surface is None else surface[start:end] for surface in self.seen)
        return Eyes(self.left.cut(start, end), self.right.cut(start, end), self.shift[start:end], (left, right))


def render_views(
    frames: FrameBatch, depth: torch.Tensor, *, strength: float, zero_parallax: float
) -> tuple[FrameBatch, FrameBatch]:
    """(left, right) of the frames; see :func:`render_eyes`."""
    eyes = render_eyes(frames, depth, strength=strength, zero_parallax=zero_parallax)
    return eyes.left, eyes.right


def render_eyes(frames: FrameBatch, depth: torch.Tensor, *, strength: float, zero_parallax: float) -> Eyes:
    """The two views of the frames.

    ``depth``: [N, 1, h, w] float, 0 far .. 1 near, any size of about the frames' aspect. ``strength``: the depth budget in % of
    the width, ``zero_parallax``: the depth on the screen. With strength 0 both are the frames themselves, bit for bit.
    Raises UsageError for values out of bounds, ValueError for a depth of another count of frames.
    """
    if depth.ndim != 4 or depth.shape[:2] != (len(frames), 1):
        raise ValueError(f"depth is {tuple(depth.shape)}, expected [{len(frames)}, 1, h, w]")
    disparity = disparity_px(depth, width=frames.width, strength=strength, zero_parallax=zero_parallax)
    if strength == 0:
        still = disparity.new_zeros(1).expand(len(frames), 1, frames.height, frames.width)
        return Eyes(frames, frames, still, (None, None))
    shift = picture_shift(frames, disparity * EYE_POSITION)
    (left, one), (right, two) = _eye(frames, shift, 1), _eye(frames, shift, -1)
    return Eyes(left, right, shift, (one, two))


def picture_shift(frames: FrameBatch, shift: torch.Tensor) -> torch.Tensor:
    """``shift`` [N, 1, h, w] (pixels of the picture, values not sizes) brought to the frames' size and edges, on their device."""
    luma = frames.planes[0].unsqueeze(1)
    size = (frames.height, frames.width)
    stretch = frames.width / shift.shape[3]
    shift = shift.to(luma.device, torch.float32)
    if shift.shape[2:] != size:
        shift = functional.interpolate(shift, size, mode="bilinear", align_corners=True)
    longest = max(edges.LONGEST, round(_RAMP_PER_SAMPLE * stretch))
    return edges.refine(shift.contiguous(), luma, longest=longest)


def _eye(frames: FrameBatch, shift: torch.Tensor, sign: int) -> tuple[FrameBatch, torch.Tensor]:
    """A view, and the shift of what it sees."""
    shift = edges.cover(shift, frames.planes[0].unsqueeze(1), sign)
    first = 3 if frames.format.is_rgb else 1
    seen = warp.surface(shift, sign)
    planes = [*_planes(frames.planes[:first], seen, sign)]
    if len(frames.planes) > first:
        small = edges.chroma(shift, 1 << frames.format.chroma_x, 1 << frames.format.chroma_y)
        planes += _planes(frames.planes[first:], warp.surface(small, sign), sign)
    return FrameBatch(tuple(planes), frames.pts, frames.index, frames.format), seen


def _planes(planes: tuple[torch.Tensor, ...], seen: torch.Tensor, sign: int) -> tuple[torch.Tensor, ...]:
    """Planes of one size through one z-buffer."""
    image = torch.stack(planes, 1) if len(planes) > 1 else planes[0].unsqueeze(1)
    view = warp.sample(image, seen, sign)
    return tuple(plane.contiguous() for plane in view.unbind(1))
