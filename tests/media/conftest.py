"""Media files for the tests, made on the spot by the ffmpeg command, each only when a test asks for it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stereo3d.media.decode import decode
from stereo3d.media.encode import EncoderSpec, choose_encoder
from stereo3d.media.info import MediaInfo
from stereo3d.media.join import Sink, join
from stereo3d.media.mux import MuxReport, OutputPlan, mux
from stereo3d.media.probe import probe
from stereo3d.media.scan import ScanReport, scan
from stereo3d.media.segment import SegmentWriter
from stereo3d.media.tools import ffmpeg_exe
from stereo3d.settings import EncodeSettings

Clip = Callable[[str], Path]


def ffmpeg(*words: object) -> None:
    """Run the ffmpeg command."""
    argv = [ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, words)]
    subprocess.run(argv, check=True, capture_output=True)


def _picture(size: str = "160x90", rate: str = "25", seconds: float = 3) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]


_SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:duration=3"]
_X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-g", "25", "-threads", "1"]
_MAIN = [*_picture(), *_SOUND, *_X264, "-c:a", "aac"]
_VFR = "settb=1/90000,setpts='(N+floor(N/7)*3+mod(N*N,3)*0.2)/25/TB'"

# name -> (file name, words); a Path-like "@other" stands for another clip.
_RECIPES: dict[str, tuple[str, list[str]]] = {
    "main": ("main.mp4", _MAIN),
    "open_gop": ("open_gop.mkv", [*_MAIN, "-x264-params", "open-gop=1"]),
    "vfr": ("vfr.mkv", [*_picture(), *_X264, "-vf", _VFR, "-fps_mode", "passthrough", "-enc_time_base", "1:90000"]),
    "vfr_mp4": ("vfr.mp4", [*_picture(), *_X264, "-vf", _VFR, "-fps_mode", "passthrough", "-enc_time_base", "1:90000"]),
    "ntsc": ("ntsc.mp4", [*_picture(rate="24000/1001"), *_SOUND, *_X264, "-c:a", "aac"]),
    "ten_bit": ("ten_bit.mkv", [*_picture(seconds=1), "-pix_fmt", "yuv420p10le", "-c:v", "ffv1"]),
    "deep422": ("deep422.mkv", [*_picture(seconds=0.4), "-pix_fmt", "yuv422p12le", "-c:v", "ffv1"]),
    "anamorphic": ("anamorphic.mkv", [*_picture("180x144", seconds=1), *_X264, "-vf", "setsar=64/45"]),
    "tall_pixels": ("tall.mkv", [*_picture("180x144", seconds=0.4), *_X264, "-vf", "setsar=1/2"]),
    "odd": ("odd.mkv", [*_picture("162x92", seconds=1), "-vf", "crop=161:91:0:0:exact=1", "-c:v", "ffv1"]),
    "full_range": ("full.mp4", [*_picture(seconds=0.4), "-pix_fmt", "yuvj420p", *_X264]),
    "nv12": ("nv12.avi", [*_picture(seconds=0.4), "-pix_fmt", "nv12", "-c:v", "rawvideo"]),
    "rgb": ("rgb.mkv", [*_picture(seconds=0.4), "-pix_fmt", "bgr0", "-c:v", "ffv1"]),
    "silent": ("silent.mp4", [*_picture(seconds=1), *_X264]),
    "delayed": ("delayed.mkv", [*_picture(), "-itsoffset", "0.733", *_SOUND, *_X264, "-c:a", "aac"]),
    "sound": ("sound.m4a", [*_SOUND, "-c:a", "aac"]),
    "rotated": ("rotated.mp4", ["-display_rotation", "90", "-i", "@main", "-c", "copy"]),
    "mirrored": ("mirrored.mp4", ["-display_rotation", "90", "-display_hflip", "-i", "@main", "-c", "copy"]),
    "ts61": ("ts61.ts", ["-i", "@main", "-c", "copy", "-output_ts_offset", "61"]),
    "ts": ("ts.ts", ["-i", "@main", "-c", "copy"]),
    "raw": ("raw.h264", ["-i", "@main", "-an", "-c", "copy", "-bsf:v", "h264_mp4toannexb"]),
    "avi": ("b.avi", [*_picture(), *_SOUND, "-c:v", "mpeg4", "-bf", "2", "-g", "25", "-c:a", "mp3"]),
    "edit_list": ("edit.mp4", ["-ss", "1.13", "-i", "@main", "-c", "copy"]),
    "negative": ("neg.mkv", ["-i", "@main", "-c", "copy", "-output_ts_offset", "-0.5", "-avoid_negative_ts", "disabled"]),
    "faststart": ("fast.mp4", ["-i", "@main", "-c", "copy", "-movflags", "+faststart"]),
    "mkv": ("main.mkv", ["-i", "@main", "-c", "copy"]),
    "interlaced": (
        "inter.ts",
        [*_picture(rate="50"), "-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-g", "12", "-bf", "2", "-q:v", "3"],
    ),
    "hdr": (
        "hdr.mkv",
        [*_picture(seconds=0.4), "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)" ":max-cll=1000,400:colorprim=9:transfer=16:colormatrix=9"],
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Path of a generated clip, by name."""
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str) -> Path:
        file, words = _RECIPES[name]
        path = folder / file
        if not path.exists():
            ffmpeg(*(make(w[1:]) if w.startswith("@") else w for w in words), path)
        return path

    return make


def scanned(path: Path) -> tuple[MediaInfo, ScanReport]:
    """A source and what a whole pass over it found."""
    info = probe(path)
    work = scan(info, threads=1)
    for _ in work:
        pass
    return info, work.report


def pixels(
    info: MediaInfo, report: ScanReport, start: int = 0, end: int | None = None, **options: object
) -> list[np.ndarray]:
    """Plane 0 of every frame of a run."""
    end = report.frames if end is None else end
    options = {"batch": 4, "seekable": report.seekable, "threads": 1, **options}
    return [p.numpy() for b in decode(info, report.timeline, start, end, **options) for p in b.planes[0]]


class Built:
    """A source taken through segments and join."""

    def __init__(
        self, info: MediaInfo, report: ScanReport, folder: Path, spec: EncoderSpec, cuts: tuple[int, ...]
    ) -> None:
        self.info, self.report, self.timeline, self.cuts = info, report, report.timeline, cuts
        self.folder, self.spec = folder, spec
        self.segments: list[Path] = []
        video = info.video
        for number, (start, end) in enumerate(zip(cuts, (*cuts[1:], report.frames), strict=True)):
            path = folder / f"{number:03}.mkv"
            with SegmentWriter(
                path, spec, video.format, video.out_width, video.out_height, time_base=video.time_base, rate=report.rate
            ) as writer:
                for batch in decode(info, report.timeline, start, end, batch=8, seekable=report.seekable, threads=1):
                    writer.write(batch)
            self.segments.append(path)

    def deliver(self, name: str, plan: OutputPlan) -> tuple[Path, MuxReport]:
        def write(pipe: Sink) -> None:
            join(self.segments, self.timeline, self.cuts, pipe, origin=plan.origin)

        out = self.folder / name
        return out, mux(self.segments[0], write, self.info, out, plan)


@pytest.fixture
def build(clip: Clip, tmp_path: Path) -> Callable[..., Built]:
    """Take a clip (by name or path) through decode and encode, in segments that begin at ``cuts``."""

    def make(source: str | Path, codec: str = "h264", cuts: tuple[int, ...] = (0, 17, 40), **options: object) -> Built:
        info, report = scanned(clip(source) if isinstance(source, str) else source)
        video = info.video
        preset = {"h264": "ultrafast", "hevc": "ultrafast", "av1": "12"}.get(codec)
        settings = EncodeSettings(codec=codec, encoder_preset=preset, **options)
        spec = choose_encoder(
            settings,
            video.out_width,
            video.out_height,
            video.format,
            stereo_mode="left_right",
            hdr=video.hdr,
            threads=1,
        )
        return Built(info, report, tmp_path, spec, tuple(c for c in cuts if c < report.frames))

    return make


def times_of(path: Path, index: int = 0) -> list[Fraction]:
    """Sorted times of a stream's packets, in seconds."""
    import av

    with av.open(str(path)) as container:
        packets = [p for p in container.demux(container.streams[index]) if p.size and p.pts is not None]
        return sorted(p.pts * p.time_base for p in packets)
