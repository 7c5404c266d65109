"""The ffmpeg command that comes with the package, and the little that it is asked besides muxing."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from stereo3d.errors import OutputError

__all__ = ["chroma_location", "ffmpeg_exe"]

_LOCATIONS = ("topleft", "top", "bottomleft", "bottom", "left", "center")


@cache
def ffmpeg_exe() -> str:
    """Path of the ffmpeg command. Raises OutputError where there is none."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise OutputError(
            f"no ffmpeg command: {error}", hint="install imageio-ffmpeg's wheel, or set IMAGEIO_FFMPEG_EXE to an ffmpeg"
        ) from error


def chroma_location(path: Path, stream: int) -> str:
    """Where chroma samples sit, as FFmpeg names it, or "" where the stream does not say (PyAV does not tell)."""
    listing = subprocess.run(
        [ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "verbose", "-i", f"file:{path}"],
        capture_output=True,
        check=False,
    ).stderr.decode(errors="replace")
    line = re.search(rf"Stream #0:{stream}\b.*?: Video: (.*)", listing)
    tags = re.search(r"\w+p(?:\d+\w+)?\(([^()]*)\)", line.group(1)) if line else None
    words = re.split(r"[,\s]+", tags.group(1)) if tags else []
    return next((word for word in words if word in _LOCATIONS), "")
