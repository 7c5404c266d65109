"""Both eyes of a batch on CUDA, by kernels alone: a launch for each step and size of plane, whole planes in their own type.

Memory traffic, *computed* from the loads and stores below, not measured (not run on a GPU). Bytes a luma pixel of 8-bit 4:2:0, both
eyes, each buffer once for each kernel that reads or writes it (what a kernel reads again is taken to come from the cache;
the few pixels that ``fill`` and ``blend`` touch are left out):

===================  ======================================================  ======================  ====
step                 read                                                    written                 sum
===================  ======================================================  ======================  ====
``cover``            shift 4, luma 1                                         2 shifts 8, chroma's 2  15
luma ``warp``        2 shifts 8, luma 1                                      2 surfaces 8, views 2   19
luma fill, blend     2 surfaces 8 + 8                                                                16
chroma stacked       0.5                                                     0.5                     1
chroma ``warp``      2 shifts 2, planes 0.5                                  2 surfaces 2, views 1   5.5
chroma fill, blend   2 surfaces 2 + 2                                                                4
===================  ======================================================  ======================  ====

Together 60.5 bytes. The least possible, with ``shift`` given at full size, is 4 + 1.5 + 3 = 8.5 bytes, and 16.5 with the surfaces that
filling over time needs: this is 7.1 and 3.7 times as much, nearly all of it float32 surfaces between kernels. At 1080p 125 MB, 37
microseconds at 3.35 TB/s; at 4K 502 MB, 150 microseconds. What ``edges.refine`` moves comes on top: 0.9 for depth of 924x518 at 1080p,
4 + 1 for rows, 4 + 4 for columns, 6 for finding that there is nothing to smooth, 20 together.
"""

from __future__ import annotations

import torch

from stereo3d.frames import FrameBatch
from stereo3d.render import borders_triton, edges_triton, fill_triton, warp_triton
from stereo3d.render.rules import JOIN
from stereo3d.render.warp_triton import Signs

__all__ = ["eyes", "view"]


def eyes(frames: FrameBatch, shift: torch.Tensor, signs: Signs) -> tuple[tuple[FrameBatch, torch.Tensor], ...]:
    """The frames of each eye of ``signs`` and the shift of what it sees, [N, 1, H, W], -inf in holes. ``shift`` [N, 1, H, W]
    float32, as :func:`stereo3d.render.edges.refine` gives it."""
    cells = (1 << frames.format.chroma_x, 1 << frames.format.chroma_y)
    wide, small = edges_triton.cover(shift.contiguous(), frames.planes[0].unsqueeze(1), signs, cells)
    first = 3 if frames.format.is_rgb else 1
    planes, seen = _planes(frames.planes[:first], wide, signs)
    if len(frames.planes) > first:
        planes += _planes(frames.planes[first:], small, signs)[0]
    parts = zip(*(plane.chunk(len(signs)) for plane in planes), strict=True)
    return tuple(
        (FrameBatch(part, frames.pts, frames.index, frames.format), surface)
        for part, surface in zip(parts, seen.chunk(len(signs)), strict=True)
    )


def _planes(
    planes: tuple[torch.Tensor, ...], covered: edges_triton.Covered, signs: Signs
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    """Planes of one size through one z-buffer: each [E * N, H, W], contiguous; and that z-buffer."""
    image = torch.stack(planes).movedim(0, 1) if len(planes) > 1 else planes[0].unsqueeze(1)
    out, seen = warp_triton.warp(image, covered.shift, covered[1:], signs, join=JOIN)
    return _finish(out, image, seen, signs).unbind(1), seen


def view(image: torch.Tensor, seen: torch.Tensor, signs: Signs, *, fill: bool = True) -> torch.Tensor:
    """:func:`stereo3d.render.warp.sample` of stacked eyes: ``image`` [N, C, H, W], its pictures contiguous; ``seen``
    [E * N, 1, H, W]. Equal to it up to the order of sums: one code value of whole numbers, 1e-4 of the range of floats."""
    if image.dtype in (torch.float16, torch.bfloat16):
        return view(image.float(), seen, signs, fill=fill).to(image.dtype)
    out = warp_triton.sample(image, seen, signs)
    return _finish(out, image, seen, signs) if fill else out


def _finish(out: torch.Tensor, image: torch.Tensor, seen: torch.Tensor, signs: Signs) -> torch.Tensor:
    """Holes filled and borders blended, in place."""
    fill_triton.fill(out, image, seen)
    borders_triton.blend(out, image, seen, signs, jump=JOIN)
    return out
