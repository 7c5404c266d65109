"""A film of our own, computed with its truth: for ``make demo``, for tests and for measuring views and steadiness."""

from __future__ import annotations

from stereo3d.demo.film import SCENES, DemoFilm

__all__ = ["SCENES", "DemoFilm"]
