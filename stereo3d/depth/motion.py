"""How the picture moves from frame to frame, in small (pure NumPy and OpenCV).

Dense inverse search flow (Kroeger et al. 2016) between neighbouring frames, on luma of 256x144 pixels or as many, both ways.
Each way comes with a *trust*: where it and its reverse disagree, or the two pictures do, one of them shows what the
other does not, and nothing may be carried along.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from stereo3d.frames import FrameBatch
from stereo3d.transfer import to_host

__all__ = ["PIXELS", "Grey", "Link", "Path", "link", "thumbnails", "ways"]

Grey = npt.NDArray[np.uint8]
Path = npt.NDArray[np.float32]

PIXELS = 256 * 144  # of a thumbnail
_CELL = 2  # pixels of a thumbnail along a cell, in which motion is kept: the flow knows no finer detail
_MISSED = 1.0  # thumbnail pixels by which a way and its reverse may miss one another
_UNLIKE = 12.0  # levels of 255 at which two pictures of one thing are likely not of one thing


@dataclass(frozen=True, slots=True)
class Link:
    """Two neighbouring frames. ``there``: from the first to the second, ``back``: the other way, [h, w, 3] float16 each:
    how far a cell moves, in cells along x and y, and the trust in it, 0..1."""

    there: npt.NDArray[np.float16]
    back: npt.NDArray[np.float16]


def thumbnails(frames: FrameBatch, pixels: int = PIXELS) -> list[Grey]:
    """Luma (green of RGB) of each frame as 8 bit, [h, w] in its shape: about ``pixels``, no more than the frame has, sides 16 or
    more."""
    plane = frames.planes[0]
    scale = min(1.0, math.sqrt(pixels / (frames.width * frames.height)))
    columns, height = (max(16, round(scale * side)) for side in (frames.width, frames.height))
    if plane.device.type != "cpu":
        codes = plane.to(torch.int32) if plane.dtype == torch.uint16 else plane  # uint16 has few kernels
        small = to_host(F.interpolate(codes[:, None].float(), (height, columns), mode="area")[:, 0])[0].numpy()
    else:
        small = np.stack([cv2.resize(p, (columns, height), interpolation=cv2.INTER_AREA) for p in plane.numpy()])
    levels = small / np.float32(1 << (frames.format.bits - 8))
    return list(np.clip(levels + 0.5, 0, 255).astype(np.uint8))


def link(before: Grey, after: Grey) -> Link:
    """The motion between two thumbnails."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    there, back = (_cells(search.calc(*pair, None) / _CELL) for pair in ((before, after), (after, before)))
    first, second = _cells(before), _cells(after)
    return Link(_trusted(there, back, first, second), _trusted(back, there, second, first))


def _cells(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    height, width = picture.shape[:2]
    return np.asarray(cv2.resize(picture, (-(-width // _CELL), -(-height // _CELL)), interpolation=cv2.INTER_AREA))


def _trusted(way: Path, reverse: Path, here: Grey, other: Grey) -> npt.NDArray[np.float16]:
    height, width = here.shape
    at_x, at_y = _landing(way)
    returned = cv2.remap(reverse, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.remap(other, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    missed = np.square((way + returned) * np.float32(_CELL / _MISSED)).sum(-1)
    unlike = np.square(cv2.absdiff(seen, here) / np.float32(_UNLIKE))
    inside = (at_x >= 0) & (at_x <= width - 1) & (at_y >= 0) & (at_y <= height - 1)
    return np.dstack([way, np.exp(-missed - unlike) * inside]).astype(np.float16)


def ways(behind: Sequence[Link], ahead: Sequence[Link]) -> Path:
    """The ways from a frame to those before it, the nearest first, then to those after it: [n, 3, h, w] float32, displacement in
    shares of the width and of the height, and trust. ``behind`` and ``ahead``: the links before and after it, in the
    order of time."""
    found = [*_chain([one.back for one in reversed(behind)]), *_chain([one.there for one in ahead])]
    height, width = found[0].shape[:2]
    shares = np.array([width, height, 1], np.float32)
    return np.ascontiguousarray((np.stack(found) / shares).transpose(0, 3, 1, 2))


def _chain(steps: Sequence[npt.NDArray[np.float16]]) -> Iterator[Path]:
    """The sums of the first steps, of one to all."""
    whole: Path | None = None
    for step in (step.astype(np.float32) for step in steps):
        if whole is None:
            whole = step
        else:
            at_x, at_y = _landing(whole)
            next_one = cv2.remap(step, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            whole = np.dstack([whole[..., :2] + next_one[..., :2], whole[..., 2] * next_one[..., 2]])
        yield whole


def _landing(way: Path) -> tuple[Path, Path]:
    rows, cols = np.indices(way.shape[:2], dtype=np.float32)
    return cols + way[..., 0], rows + way[..., 1]
