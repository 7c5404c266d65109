"""Depth to disparity: pure arithmetic, no pictures.

Disparity is ``x_left - x_right`` in pixels of one eye's width, positive in front of the screen; parallax on a real
screen has the other sign (``x_right - x_left``, uncrossed positive) and is what comfort rules are written in.
"""

from __future__ import annotations

import torch

from stereo3d.errors import UsageError

__all__ = ["auto_zero_parallax", "disparity_px", "screen_parallax"]


def disparity_px(depth: torch.Tensor, *, width: int, strength: float, zero_parallax: float) -> torch.Tensor:
    """``strength / 100 * width * (depth - zero_parallax)``, pixels of one eye's width.

    ``depth``: float, any shape, 0 far .. 1 near. ``strength``: the whole depth budget in % of ``width``, 0..15.
    ``zero_parallax``: the depth that lies on the screen, 0..1. Raises UsageError out of these bounds.
    """
    if not 0 <= strength <= 15:
        raise UsageError(f"strength {strength:g} % is out of bounds", hint="strength is 0..15 % of one eye's width")
    if not 0 <= zero_parallax <= 1:
        raise UsageError(f"zero parallax {zero_parallax:g} is out of bounds", hint="zero parallax is a depth, 0..1")
    return (depth.float() - zero_parallax) * (strength / 100 * width)


def screen_parallax(disparity: torch.Tensor, *, width: int, screen_width: float) -> torch.Tensor:
    """Parallax on a screen ``screen_width`` wide, in the same unit of length: ``x_right - x_left``, positive behind.

    ``disparity``: pixels of one eye's ``width``. Above the distance of the eyes (63 mm) the eyes would have to diverge.
    """
    return disparity * (-screen_width / width)


def auto_zero_parallax(depths: torch.Tensor) -> float:
    """The depth to put on the screen for a whole shot: where its subject is.

    ``depths``: [N, 1, h, w] in 0..1, some or all frames of one shot. The subject is what is near in the middle of the
    picture: the 60 % quantile of depth weighted by a Gaussian (sigma 0.2 of the width, 0.25 of the height, centre at
    45 % of the height), then the median over frames, so that one passer-by does not move the screen.
    """
    frames, _, height, width = depths.shape
    x = (torch.arange(width) + 0.5) / width - 0.5
    y = (torch.arange(height) + 0.5) / height - 0.45
    weight = torch.exp(-0.5 * ((y[:, None] / 0.25) ** 2 + (x[None, :] / 0.2) ** 2)).flatten()
    values, order = depths.reshape(frames, -1).float().cpu().sort(dim=1)
    share = weight[order].double().cumsum(1)
    place = torch.searchsorted(share, share[:, -1:] * 0.6).clamp(max=values.shape[1] - 1)
    return min(max(float(values.gather(1, place).median()), 0.0), 1.0)
