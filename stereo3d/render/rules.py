"""What counts as an edge, a surface, a mixture: numbers that every backend of the renderer goes by, and where the kernels run."""

from __future__ import annotations

import importlib.util

import torch

__all__ = ["BLUR", "FRACTION", "JOIN", "JUMP", "LONGEST", "MIXED", "MOVED", "NEAR", "PEAK", "PULL", "has_kernels"]

JOIN = 1.0
"""Pixels of shift between neighbours up to which they are one surface."""
PEAK = 0.5
"""Pixels of shift per pixel: a ramp is at least this steep somewhere."""
FRACTION = 0.2
"""A ramp ends where it is less steep than this share of its steepest place."""
PULL = 4.0
"""Weight of the depth's own opinion on where an edge is against the picture's, per pixel squared and length of ramp."""
NEAR = 0.3
"""Share of a ramp's height from which a pixel is near, in the depth's own opinion: the subject covers mixed pixels."""
JUMP = 1.0
"""Pixels of shift from which a step opens a gap."""
MIXED = 0.4
"""A pixel beyond an edge is a mixture when it is more than this share of the contrast away from the background's look."""
BLUR = 1000
"""Pixels of picture width for one pixel of blur."""
MOVED = 0.25
"""Pixels of shift: outlines are smoothed once more where smoothing changed more than this."""
LONGEST = 9
"""Pixels: the longest ramp that is an edge, for depth as large as a small picture; longer ones are slopes. A network looks at
about a thousand pixels across, so that in wider pictures it grows with the width."""


def has_kernels(device: torch.device) -> bool:
    """Whether the Triton kernels run there: CUDA, with triton installed."""
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None
