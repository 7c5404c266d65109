"""What the FFmpeg on this machine can do."""

from __future__ import annotations

import os
import re
import subprocess
from fractions import Fraction

import av

from stereo3d.media.tools import ffmpeg_exe

__all__ = ["ffmpeg_command_version", "library_versions", "usable_encoder"]


def library_versions() -> tuple[str, dict[str, str]]:
    """(FFmpeg's version, version of each of its libraries), of the libraries in this process."""
    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return str(av.ffmpeg_version_info), libraries


def usable_encoder(name: str) -> str:
    """Empty if the encoder can be opened here, else why not (a hardware encoder may be built in and yet have no hardware)."""
    try:
        context = av.VideoCodecContext.create(name, "w")
    except (av.FFmpegError, ValueError):
        return "not in this FFmpeg"
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 256, 128, "yuv420p"
    context.time_base = Fraction(1, 24)
    if name == "libx265":
        context.options = {"x265-params": "log-level=none"}
    os.environ.setdefault("SVT_LOG", "1")  # errors only; these two print to stderr past FFmpeg's log
    try:
        context.open()
    except (av.FFmpegError, ValueError) as error:
        return f"built in, but does not open: {getattr(error, 'strerror', None) or error}"
    return ""


def ffmpeg_command_version() -> tuple[str, str]:
    """(path, version) of the ffmpeg command. Raises OutputError where there is none, or where it does not run."""
    path = ffmpeg_exe()
    first = subprocess.run([path, "-hide_banner", "-version"], capture_output=True, check=True, timeout=20).stdout
    match = re.match(rb"ffmpeg version (\S+)", first)
    return path, match.group(1).decode(errors="replace") if match else "unknown"
