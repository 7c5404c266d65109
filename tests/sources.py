"""Sources of every kind, made by the ffmpeg command: what codec, container, rate, depth and colour can be had together.

``python -m tests.sources`` (from the repository) prints the table of docs/reference/sources.md.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

from stereo3d.media.tools import ffmpeg_exe

__all__ = ["CODECS", "CONTAINERS", "FRAMES", "Source", "all_sources", "table"]

FRAMES = 24
SIZE = "96x64"
SOUND_DELAY = Fraction(3, 10)
CODECS = {
    "h264": ["libx264", "-preset", "ultrafast", "-bf", "3", "-g", "12", "-x264-params", "open-gop=1:scenecut=0"],
    "hevc": ["libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=3:keyint=12:open-gop=1"],
    "av1": ["libsvtav1", "-preset", "12", "-g", "12"],
    "mpeg2": ["mpeg2video", "-bf", "2", "-g", "12", "-q:v", "3"],
    "vp9": [
        "libvpx-vp9",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
        "-g",
        "12",
        "-lag-in-frames",
        "8",
        "-auto-alt-ref",
        "1",
    ],
    "prores": ["prores_ks", "-profile:v", "hq"],
}
# container -> (sound, subtitles)
CONTAINERS = {
    "mkv": ("flac", "srt"),
    "mp4": ("aac", "mov_text"),
    "ts": ("aac", ""),
    "avi": ("libmp3lame", ""),
    "mov": ("aac", "mov_text"),
    "webm": ("libopus", "webvtt"),
}
RATES = {"23.976": Fraction(24000, 1001), "25": Fraction(25), "59.94": Fraction(60000, 1001), "VFR": Fraction(25)}
COLOURS = {
    "8 bit 709": ("8", "bt709:color_primaries=bt709:colorspace=bt709"),
    "10 bit 709": ("10", "bt709:color_primaries=bt709:colorspace=bt709"),
    "10 bit PQ": ("10", "smpte2084:color_primaries=bt2020:colorspace=bt2020nc"),
}
_NO_CODEC = {
    ("mp4", "prores"): "not in MP4",
    ("mov", "av1"): "FFmpeg writes none",
    ("mov", "vp9"): "FFmpeg writes none",
    ("ts", "av1"): "not in TS",
    ("avi", "hevc"): "FFmpeg does not read its own",
    ("ts", "vp9"): "not in TS",
    ("ts", "prores"): "not in TS",
    ("webm", "h264"): "not in WebM",
    ("webm", "hevc"): "not in WebM",
    ("webm", "mpeg2"): "not in WebM",
    ("webm", "prores"): "not in WebM",
}


@dataclass(frozen=True)
class Source:
    codec: str
    container: str
    rate: str
    colour: str

    def __str__(self) -> str:
        return f"{self.codec}-{self.container}-{self.rate}-{self.colour.replace(' ', '-')}"

    @property
    def missing(self) -> str:
        """Why there is no such file; "" where there is."""
        if (self.container, self.codec) in _NO_CODEC:
            return _NO_CODEC[self.container, self.codec]
        if self.codec == "mpeg2" and self.colour != "8 bit 709":
            return "MPEG-2 has 8 bit only"
        if self.codec == "prores" and self.colour == "8 bit 709":
            return "ProRes has 10 bit and more"
        if self.codec == "mpeg2" and self.rate == "VFR":
            return "MPEG-2 has constant rates only"
        if self.container == "avi" and self.rate == "VFR":
            return "AVI has constant rates only"
        return ""

    @property
    def times(self) -> list[Fraction]:
        """Seconds of each frame as meant, from the first one on."""
        if self.rate != "VFR":
            return [n / RATES[self.rate] for n in range(FRAMES)]
        return [Fraction(40 * n + 8 * (n // 5) + 4 * (n % 3), 1000) for n in range(FRAMES)]

    def make(self, folder: Path, frames: int = FRAMES) -> Path:
        """The file, of so many frames. Raises subprocess.CalledProcessError where ffmpeg cannot make it."""
        path = folder / f"{self}.{self.container}"
        sound, subtitles = CONTAINERS[self.container]
        bits, colour = COLOURS[self.colour]
        chroma = "422" if self.codec == "prores" else "420"
        pixels = f"yuv{chroma}p" + ("10le" if bits == "10" else "")
        filters = f"format={pixels},setparams=color_trc={colour}:range=tv"
        if self.rate == "VFR":
            filters += ",settb=1/1000,setpts='40*N+8*floor(N/5)+4*mod(N,3)'"
        text = folder / "text.srt"
        text.write_text("1\n00:00:00,050 --> 00:00:00,300\nHello\n")
        words = ["-f", "lavfi", "-i", f"testsrc2=size={SIZE}:rate={RATES[self.rate]}"]
        words += [
            "-itsoffset",
            f"{float(SOUND_DELAY)}",
            "-f",
            "lavfi",
            "-i",
            f"sine=frequency=440:duration={frames / 25 - 0.4}",
        ]
        words += ["-i", str(text), "-map", "0:v", "-map", "1:a", *(["-map", "2:s"] if subtitles else [])]
        words += ["-vf", filters, "-frames:v", str(frames), "-c:v", *CODECS[self.codec], "-threads:v", "1"]
        words += ["-fps_mode", "passthrough", *(["-enc_time_base:v", "1:1000"] if self.rate == "VFR" else [])]
        words += ["-c:a", sound, *(["-c:s", subtitles] if subtitles else [])]
        words += ["-metadata:s:a:0", "language=fra", "-metadata", "title=A film"]
        argv = [ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *words, str(path)]
        subprocess.run(argv, check=True, capture_output=True, timeout=250)
        return path


def table() -> str:
    """Markdown: codecs by containers; what each cell was tried with, or why there is no such source."""
    rows = ["| | " + " | ".join(CONTAINERS) + " |", "| --- |" + " --- |" * len(CONTAINERS)]
    for codec in CODECS:
        cells = []
        for container in CONTAINERS:
            there = [s for s in all_sources() if (s.codec, s.container) == (codec, container) and not s.missing]
            lacks = [r for r in RATES if all(s.rate != r for s in there)]
            lacks += [c for c in COLOURS if all(s.colour != c for s in there)]
            some = "all but " + ", ".join(lacks) if lacks else "all"
            cells.append(some if there else _NO_CODEC[container, codec])
        rows.append(f"| {codec} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def all_sources() -> list[Source]:
    return [Source(*cell) for cell in product(CODECS, CONTAINERS, RATES, COLOURS)]


if __name__ == "__main__":
    print(table())
