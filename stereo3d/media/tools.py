"""The ffmpeg command that comes with the package, and the little that it is asked besides muxing."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from stereo3d.errors import OutputError

__all__ = ["Listing", "ffmpeg_exe", "listing"]

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


@dataclass(frozen=True, slots=True)
class Listing:
    """What the ffmpeg command says of a picture, and PyAV does not. ``chroma_location``: where chroma samples sit, as FFmpeg names it, or
    "". ``dolby_vision``: (profile, compatibility id), None where it is none."""

    chroma_location: str = ""
    dolby_vision: tuple[int, int] | None = None


def listing(path: Path, stream: int) -> Listing:
    """Of one stream of a file."""
    words = [ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "verbose", "-i", f"file:{path}"]
    text = subprocess.run(words, capture_output=True, check=False).stderr.decode(errors="replace")
    own = re.search(rf"Stream #0:{stream}\b.*?: Video: (.*?)(?=\n  Stream #|\Z)", text, re.DOTALL)
    if own is None:
        return Listing()
    tags = re.search(r"\w+p(?:\d+\w+)?\(([^()\n]*)\)", own[1].partition("\n")[0])
    found = [word for word in re.split(r"[,\s]+", tags[1] if tags else "") if word in _LOCATIONS]
    dovi = re.search(r"DOVI configuration record: .*?profile: (\d+).*?compatibility id: (\d+)", own[1])
    return Listing(found[0] if found else "", (int(dovi[1]), int(dovi[2])) if dovi else None)
