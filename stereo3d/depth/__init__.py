"""Depth of films: networks and the classic estimator, behind one protocol (:mod:`stereo3d.depth.base`)."""

from __future__ import annotations

from stereo3d.depth.load import load_model

__all__ = ["load_model"]
