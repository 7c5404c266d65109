"""The film path's rendering as one function, for view-synthesis benchmarks that score a right view made from the left.

``render_right(left [H, W, 3] uint8, disparity [H, W] float32) -> right [H, W, 3] uint8``, near = large, and
``x_right = x_left - disparity``.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch

from stereo3d.render import edges, warp


def render_right(left: np.ndarray, disparity: np.ndarray) -> np.ndarray:
    image = torch.from_numpy(np.stack(cv2.split(left)))[None]
    luma = torch.from_numpy(cv2.cvtColor(left, cv2.COLOR_RGB2GRAY))[None, None]
    shift = torch.from_numpy(np.ascontiguousarray(disparity, np.float32))[None, None]
    shift = edges.cover(edges.refine(shift, luma), luma, -1)
    view = warp.sample(image, warp.surface(shift, -1), -1)
    return cv2.merge(list(view[0].numpy()))
