"""stereo3d turns a whole 2D film into a stereoscopic one.

::

    import stereo3d

    report = stereo3d.convert("film.mkv", "film.3D.SBS.mkv", model="small", strength=2.5)
    print(report.frames, report.fps, report.losses)

See also :func:`stereo3d.depth.load_model` and :func:`stereo3d.render.render_view`. Importing this package is cheap; torch
and FFmpeg are loaded by the first call that needs them.
"""

from __future__ import annotations

import os
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stereo3d.job.report import Report

__version__ = "0.1.0"

# torch's threads (GNU OpenMP) spin for milliseconds when there is nothing more to do, on the very cores that decoder, renderer and
# encoder want. So many turns (some tens of microseconds) bridge the gaps within a network and no more. Read once, when torch is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")

__all__ = ["__version__", "convert"]


def convert(
    source: str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    preset: str | PathLike[str] | None = None,
    **settings: Any,
) -> Report:
    """Convert a film, a picture or a folder of numbered pictures; continue an unfinished conversion of the same output.

    ``settings`` are the options of ``stereo3d convert`` with underscores (``zero_parallax=0.4``); ``preset`` is the name of a
    preset or a YAML file, which they override. Without ``output`` the result lies beside the source. Progress is silent
    unless ``progress="plain"`` or another is asked for.

    Returns a :class:`stereo3d.job.report.Report`; its ``losses`` say what could not be carried over. Raises the errors of
    :mod:`stereo3d.errors`.
    """
    import threading
    from pathlib import Path

    from stereo3d.job.convert import convert_film
    from stereo3d.presets import settings_from
    from stereo3d.progress import open_progress

    chosen = settings_from(preset, {"progress": "none", **settings})
    progress = open_progress(chosen.run.progress)
    try:
        return convert_film(Path(source), Path(output) if output else None, chosen, progress, threading.Event())
    finally:
        progress.close()
