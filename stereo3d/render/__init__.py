"""Depth-image-based rendering: two views from one picture and its depth."""

from stereo3d.render.disparity import disparity_px, screen_parallax
from stereo3d.render.pack import Packing, pack, packed_size
from stereo3d.render.uncovered import Uncovered
from stereo3d.render.views import render_eyes, render_views
from stereo3d.render.warp import render_view

__all__ = [
    "Packing",
    "Uncovered",
    "disparity_px",
    "pack",
    "packed_size",
    "render_eyes",
    "render_view",
    "render_views",
    "screen_parallax",
]
