"""How good views are: measures against a true view, and over time. Pure functions of numpy arrays.

Pictures are [H, W, C] or [H, W], any real dtype, values in 0..``peak``; masks are bool [H, W]. A measure over no pixel at
all is nan. Raises ValueError where shapes do not fit one another.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["flicker", "flicker_along", "hole_share", "parallax_range", "psnr", "siou", "ssim"]

Picture = npt.NDArray[np.generic]
Mask = npt.NDArray[np.bool_]
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as SSIM and edge detectors are used
_WHOLLY = 0.99  # of a pixel's place in the frame before
_MOVED = 5  # code values of 8 bit by which a pixel differs from the other eye's to count as moved


def psnr(view: Picture, truth: Picture, mask: Mask | None = None, *, peak: float = 255.0) -> float:
    """Peak signal to noise ratio in dB over the pixels of ``mask`` (all if None), all channels together; inf if equal."""
    _fit(view, truth)
    error = np.square(view.astype(np.float64) - truth.astype(np.float64))
    if mask is not None:
        error = error[mask]
    if not error.size:
        return float("nan")
    return float(10 * np.log10(peak**2 / error.mean())) if error.any() else float("inf")


def ssim(view: Picture, truth: Picture, mask: Mask | None = None, *, peak: float = 255.0) -> float:
    """Mean over ``mask`` of the structural similarity of the lumas (Wang et al. 2004), 1 = equal: Gaussian window 11 x 11,
    sigma 1.5, K1 = 0.01, K2 = 0.03."""
    _fit(view, truth)
    x, y = _luma(view), _luma(truth)

    def mean(a: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(a, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT))

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    similar = (2 * mx * my + c1) * (2 * both + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    if mask is not None:
        similar = similar[mask]
    return float(similar.mean()) if similar.size else float("nan")


def siou(
    view: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], mask: Mask | None = None
) -> float:
    """Stereo intersection over union of Mono2Stereo (CVPR 2025), 0..1: 3/4 for the Canny edges (100, 200) of ``view`` and
    ``truth``, 1/4 for the pixels of each that differ from the ``other`` eye by more than 5. RGB of 8 bit."""
    _fit(view, truth)
    _fit(other, truth)

    def grey(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)

    def edges(picture: npt.NDArray[np.uint8]) -> Mask:
        return np.asarray(cv2.Canny(grey(picture), 100, 200) > 0)

    def moved(picture: npt.NDArray[np.uint8]) -> Mask:
        return np.asarray(grey(np.asarray(cv2.absdiff(picture, other), np.uint8)) > _MOVED)

    def shared(one: Mask, two: Mask) -> float:
        if mask is not None:
            one, two = one & mask, two & mask
        union = np.count_nonzero(one | two)
        return np.count_nonzero(one & two) / union if union else 1.0

    return 0.75 * shared(edges(view), edges(truth)) + 0.25 * shared(moved(view), moved(truth))


def hole_share(holes: Mask) -> float:
    """Share of pixels, 0..1, that no source pixel covers; ``holes`` of any shape."""
    return float(np.mean(holes)) if holes.size else float("nan")


def parallax_range(disparity: npt.NDArray[np.floating], width: int, *, trim: float = 0.01) -> tuple[float, float]:
    """(farthest, nearest) parallax in % of ``width``, positive in front of the screen, without the ``trim`` (share) most
    extreme pixels at each end. ``disparity``: pixels, ``x_left - x_right``, any shape."""
    far, near = np.quantile(disparity, (trim, 1 - trim))
    return float(far) * 100 / width, float(near) * 100 / width


def flicker(errors: npt.NDArray[np.floating], filled: Mask) -> float:
    """How restless filled areas are: root mean square of the change of ``errors`` from frame to frame, over the pixels that
    are filled in both frames; in code values.

    ``errors``: [T, H, W, C], views minus true views (then the film's own motion does not count), or views brought onto
    one another along the motion where no truth is known. ``filled``: [T, H, W].
    """
    if errors.shape[:3] != filled.shape:
        raise ValueError(f"errors {errors.shape} and filled {filled.shape} do not fit")
    both = filled[1:] & filled[:-1]
    change = np.diff(errors.astype(np.float64), axis=0)[both]
    return float(np.sqrt(np.square(change).mean())) if change.size else float("nan")


def flicker_along(views: Picture, flows: npt.NDArray[np.floating], filled: Mask) -> float:
    """The same where no truth is known: root mean square of the change of ``views`` [T, H, W, C] from frame to frame along the
    motion, over the pixels that are filled and were filled at the place they come from; in code values.

    ``flows`` [T - 1, H, W, 2]: from a pixel of frame t + 1 to its place in frame t, as pixels across and down. ``filled``:
    [T, H, W].
    """
    if views.shape[:3] != filled.shape or flows.shape != (len(views) - 1, *views.shape[1:3], 2):
        raise ValueError(f"views {views.shape}, flows {flows.shape} and filled {filled.shape} do not fit")
    total, count = 0.0, 0
    rows, columns = np.indices(filled.shape[1:], np.float32)
    for before, after, flow, was, now in zip(views, views[1:], flows, filled, filled[1:], strict=False):
        place = (columns + flow[..., 0].astype(np.float32), rows + flow[..., 1].astype(np.float32))
        moved = cv2.remap(before.astype(np.float32), *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        both = now & (cv2.remap(was.astype(np.float32), *place, cv2.INTER_LINEAR) > _WHOLLY)
        change = (after.astype(np.float64) - moved.reshape(after.shape))[both]
        total, count = total + float(np.square(change).sum()), count + change.size
    return float(np.sqrt(total / count)) if count else float("nan")


def _luma(picture: Picture) -> npt.NDArray[np.float64]:
    values = picture.astype(np.float64)
    return values if values.ndim == 2 else np.asarray(values @ _LUMA)


def _fit(one: Picture, two: Picture) -> None:
    if one.shape != two.shape:
        raise ValueError(f"pictures {one.shape} and {two.shape} do not fit")
