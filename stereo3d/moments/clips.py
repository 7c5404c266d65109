"""Short films of moments, by the real conversion: of a piece cut out of the film, so that nothing before it is read."""

from __future__ import annotations

import tempfile
import threading
from fractions import Fraction
from pathlib import Path

from stereo3d.errors import InputError
from stereo3d.job.places import default_output
from stereo3d.job.report import Report
from stereo3d.media.excerpt import cut_out
from stereo3d.media.probe import probe
from stereo3d.progress import clock
from stereo3d.settings import Settings
from stereo3d.watch import convert_watched

__all__ = ["make_clip"]


def make_clip(source: Path, folder: Path, time: Fraction, length: Fraction, settings: Settings) -> Report:
    """Convert ``length`` seconds around ``time`` into ``folder``; the name tells time and strength. Raises the errors of a conversion."""
    info = probe(source)
    begin = max(Fraction(0), time - length / 2)
    name = f"{source.stem} {clock(float(time)).replace(':', '-')} strength {settings.view.strength:g}"
    flat = {**settings.to_flat(), "start": None, "end": None, "overwrite": True, "report": "none"}
    with tempfile.TemporaryDirectory(prefix="stereo3d-", ignore_cleanup_errors=True) as temporary:
        piece = Path(temporary) / "piece.mkv"
        try:
            origin = cut_out(info, begin, begin + length, piece)
        except InputError:  # pictures, and what cannot be sought: from the source itself
            piece, origin = source, Fraction(0)
        flat |= {"start": _text(begin - origin), "end": _text(begin + length - origin)}
        own = Settings.from_flat(flat)
        output = folder / default_output(Path(name + ".mkv"), own, picture=False).name
        return convert_watched(piece, output, own, threading.Event())


def _text(time: Fraction) -> str:
    return f"{max(0.0, float(time)):.6f}"
