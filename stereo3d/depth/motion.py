"""How the picture moves from frame to frame, in small (pure NumPy and OpenCV).

Dense inverse search flow (Kroeger et al. 2016) between neighbouring frames, on luma of about 256 columns, both ways.
Each way comes with a *trust*: where it and its reverse disagree, or the two pictures do, one of them shows what the
other does not, and nothing may be carried along.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from stereo3d.frames import FrameBatch

__all__ = ["COLUMNS", "Grey", "Link", "Path", "link", "path", "thumbnails"]

Grey = npt.NDArray[np.uint8]
Path = npt.NDArray[np.float32]

COLUMNS = 256  # of a thumbnail
_COARSE = 2  # a link is kept in cells of so many pixels of the thumbnail: the flow knows no finer detail
_MISSED = 1.0  # thumbnail pixels by which a way and its reverse may miss one another
_UNLIKE = 12.0  # levels of 255 at which two pictures of one thing are likely not of one thing


@dataclass(frozen=True, slots=True)
class Link:
    """Two neighbouring frames. ``there``: from the first to the second, ``back``: the other way, [h, w, 3] float16 each:
    how far a cell moves, in cells along x and y, and the trust in it, 0..1."""

    there: npt.NDArray[np.float16]
    back: npt.NDArray[np.float16]


def thumbnails(frames: FrameBatch, columns: int = COLUMNS) -> list[Grey]:
    """Luma (green of RGB) of each frame as 8 bit, ``columns`` wide and 16 or more high, [h, w]."""
    plane = frames.planes[0]
    height = max(16, round(columns * frames.height / frames.width))
    if plane.device.type != "cpu":
        codes = plane.to(torch.int32) if plane.dtype == torch.uint16 else plane  # uint16 has few kernels
        small = F.interpolate(codes[:, None].float(), (height, columns), mode="area")[:, 0].cpu().numpy()
    else:
        small = np.stack([cv2.resize(p, (columns, height), interpolation=cv2.INTER_AREA) for p in plane.numpy()])
    levels = small / np.float32(1 << (frames.format.bits - 8))
    return list(np.clip(levels + 0.5, 0, 255).astype(np.uint8))


def link(before: Grey, after: Grey) -> Link:
    """The motion between two thumbnails."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    there, back = search.calc(before, after, None), search.calc(after, before, None)
    return Link(_trusted(there, back, before, after), _trusted(back, there, after, before))


def _trusted(way: Path, reverse: Path, here: Grey, other: Grey) -> npt.NDArray[np.float16]:
    height, width = here.shape
    at_x, at_y = _landing(way)
    returned = cv2.remap(reverse, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.remap(other, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    missed = np.square(way + returned).sum(-1) / _MISSED**2
    unlike = np.square(cv2.absdiff(seen, here) / np.float32(_UNLIKE))
    inside = (at_x >= 0) & (at_x <= width - 1) & (at_y >= 0) & (at_y <= height - 1)
    trust = np.exp(-missed - unlike) * inside
    both = np.dstack([way / _COARSE, trust])
    cells = (-(-width // _COARSE), -(-height // _COARSE))
    return np.asarray(cv2.resize(both, cells, interpolation=cv2.INTER_AREA), np.float16)


def path(links: list[Link], steps: int) -> Path:
    """The way over ``steps`` links, forward (or backward: negative) from the frame ``links`` begin (end) at: [3, h, w]
    float32: displacement in shares of the width and of the height, and trust."""
    ways = [one.there for one in links[:steps]] if steps > 0 else [one.back for one in links[: steps - 1 : -1]]
    whole = ways[0].astype(np.float32)
    for way in ways[1:]:
        at_x, at_y = _landing(whole)
        step = cv2.remap(way.astype(np.float32), at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        whole[..., :2] += step[..., :2]
        whole[..., 2] *= step[..., 2]
    height, width = whole.shape[:2]
    return np.ascontiguousarray((whole / np.array([width, height, 1], np.float32)).transpose(2, 0, 1))


def _landing(way: Path) -> tuple[Path, Path]:
    rows, cols = np.indices(way.shape[:2], dtype=np.float32)
    return cols + way[..., 0], rows + way[..., 1]
