"""Both eyes in one picture by turns, for screens that show rows or pixels to one eye each."""

from __future__ import annotations

from collections.abc import Callable

import torch

from stereo3d.frames import FrameBatch

__all__ = ["checkerboard", "rows"]


def rows(first: FrameBatch, second: FrameBatch) -> FrameBatch:
    """Even rows of ``first`` and odd rows of ``second``, each where it was: nothing is scaled or filtered.

    That is what passive (row-polarised) screens expect of a picture that is shown pixel for pixel. Each eye gets every second
    row as filmed; a filter against the aliasing of very fine lines would cost both eyes sharpness everywhere. Where chroma
    has half the rows (4:2:0) one of its rows covers a row of each eye and is the mean of both. Equal eyes come out as they are.
    """

    def interleave(out: torch.Tensor, other: torch.Tensor) -> None:
        out[:, 1::2] = other[:, 1::2]

    return _by_turns(first, second, interleave, shared=first.format.chroma_y > 0)


def checkerboard(first: FrameBatch, second: FrameBatch) -> FrameBatch:
    """Pixels of ``first`` where column + row is even, of ``second`` elsewhere: the order of DLP sets and of H.264's frame packing 0.

    As with :func:`rows`, nothing is filtered, and chroma that covers pixels of both eyes (4:2:0, 4:2:2) is the mean of both.
    """

    def interleave(out: torch.Tensor, other: torch.Tensor) -> None:
        out[:, ::2, 1::2] = other[:, ::2, 1::2]
        out[:, 1::2, ::2] = other[:, 1::2, ::2]

    pixels = first.format
    return _by_turns(first, second, interleave, shared=pixels.chroma_x + pixels.chroma_y > 0)


def _by_turns(
    first: FrameBatch, second: FrameBatch, interleave: Callable[[torch.Tensor, torch.Tensor], None], *, shared: bool
) -> FrameBatch:
    """``interleave`` writes what the second eye has to show into a copy of the first. ``shared``: chroma covers both eyes."""
    planes = []
    for number, (one, two) in enumerate(zip(first.planes, second.planes, strict=True)):
        if number and shared and not first.format.is_rgb:
            planes.append(((one.to(torch.int32) + two.to(torch.int32) + 1) >> 1).to(one.dtype))
            continue
        out = one.clone()
        interleave(out, two)
        planes.append(out)
    return FrameBatch(tuple(planes), first.pts, first.index, first.format)
