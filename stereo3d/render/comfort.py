"""The strength that a real screen allows. Pure arithmetic."""

from __future__ import annotations

from stereo3d.render.disparity import screen_parallax

__all__ = ["comfortable_strength", "comfortable_width"]


def comfortable_strength(strength: float, zero_parallax: float, *, screen_width: float, eye_distance: float) -> float:
    """``strength`` (% of the width), or the largest below it that keeps the eyes from diverging.

    The farthest depth, 0, lies ``strength / 100 * zero_parallax * screen_width`` behind a screen of ``screen_width``
    metres; beyond ``eye_distance`` (millimetres) the eyes would have to look outwards. ``zero_parallax``: 0..1.
    """
    behind = screen_parallax(-strength * zero_parallax, width=100, screen_width=screen_width)
    return strength if behind <= eye_distance / 1000 else strength * (eye_distance / 1000) / behind


def comfortable_width(behind: float, eye_distance: float) -> float:
    """Metres: the widest screen on which ``behind`` (> 0, % of the width behind the screen) asks no eye to look outwards."""
    return eye_distance / 1000 / screen_parallax(-behind, width=100, screen_width=1.0)
