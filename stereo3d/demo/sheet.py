"""The still: source, depth and the two views in one labelled sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from stereo3d.errors import OutputError

__all__ = ["sheet", "write_png"]

Picture = npt.NDArray[np.uint8]


def _labelled(picture: Picture, label: str) -> Picture:
    out = np.ascontiguousarray(picture)
    scale = out.shape[0] / 720
    where, size = (round(18 * scale), round(38 * scale)), 1.0 * scale
    for colour, weight in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        cv2.putText(
            out, label, where, cv2.FONT_HERSHEY_SIMPLEX, size, colour, max(1, round(weight * scale)), cv2.LINE_AA
        )
    return out


def sheet(source: Picture, depth: npt.NDArray[np.float32], left: Picture, right: Picture) -> Picture:
    """RGB [2 H, 2 W, 3]: source | depth over left | right. Pictures uint8 RGB [H, W, 3]; depth [H, W], 0..1, 1 = near."""
    grey = np.repeat(np.rint(np.clip(depth, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=-1)
    top = np.hstack([_labelled(source, "source"), _labelled(grey, "depth (near is bright)")])
    bottom = np.hstack([_labelled(left, "left"), _labelled(right, "right")])
    return np.vstack([top, bottom])


def write_png(path: Path, picture: Picture) -> None:
    """Write RGB as PNG. Raises OutputError."""
    if not cv2.imwrite(str(path), picture[..., ::-1]):
        raise OutputError(f"cannot write {path}", hint="choose another folder with --out")
