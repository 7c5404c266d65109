"""What one machine does alone when all segments are there: ``python -m tests.bench.tail FOLDER [--frames N] [--size WxH] [--kind mkv|mp4]``.

Makes, once, a source of that many frames (a small picture and two sound tracks) and segments of 320 frames: the first is noise encoded at
a size, the others are links to it, so that reading them costs what it costs and the disk keeps its room. Then times the join with all of the source (mux) and
the check, as :mod:`stereo3d.job.finish` runs them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from fractions import Fraction
from pathlib import Path

import torch

from stereo3d.files import flush
from stereo3d.frames import Colour, FrameBatch, PixelFormat, Timeline
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.join import Sink, join
from stereo3d.media.mux import OutputPlan, mux
from stereo3d.media.probe import probe
from stereo3d.media.segment import SegmentWriter
from stereo3d.media.split import packets_sha256
from stereo3d.media.tools import ffmpeg_exe
from stereo3d.media.verify import verify_output

_SEGMENT = 320
_TICKS = Fraction(1, 24)


def make_source(place: Path, frames: int) -> None:
    """A Matroska film of tiny pictures with two sound tracks."""
    seconds = frames * _TICKS
    picture = ["-f", "lavfi", "-i", f"color=size=64x36:rate=24:duration={float(seconds)}"]
    sound = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={float(seconds)}"]
    maps = ["-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "ac3"]
    argv = [ffmpeg_exe(), "-loglevel", "error", "-nostdin", "-y", *picture, *sound, *maps, "-frames:v", str(frames)]
    subprocess.run([*argv, str(place)], check=True)


def make_segment(place: Path, width: int, height: int) -> None:
    """Noise, as H.264 with B-frames; 752x424 gives about 110 kB a frame."""
    colour = Colour(1, 1, 1, False)
    options = {"preset": "superfast", "crf": "30", "bf": "3", "forced-idr": "1"}
    spec = EncoderSpec("h264", "libx264", "yuv420p", colour, 30, "superfast", tuple(options.items()))
    format = PixelFormat("yuv420p", 8, 1, 1, colour)
    torch.manual_seed(1)
    with SegmentWriter(place, spec, format, width, height, time_base=_TICKS, rate=1 / _TICKS) as writer:
        for first in range(0, _SEGMENT, 8):
            planes = tuple(
                torch.randint(16, 235, (8, *format.plane_size(p, width, height)[::-1]), dtype=torch.uint8)
                for p in range(3)
            )
            writer.write(FrameBatch(planes, tuple(range(first, first + 8)), first, format))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=40_000)
    parser.add_argument("--size", default="64x36")
    parser.add_argument("--kind", default="mkv")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    count = asked.frames // _SEGMENT
    frames, source = count * _SEGMENT, asked.folder / f"source{count}.mkv"
    if not source.exists():
        make_source(source, frames)
    first = asked.folder / f"{asked.size}.mkv"
    if not first.exists():
        make_segment(first, *map(int, asked.size.split("x")))
    segments = [asked.folder / f"{asked.size}-{n:04}.mkv" for n in range(count)]
    for segment in segments:
        if not segment.exists():
            os.link(first, segment)
    info, timeline = probe(source), _timeline(frames)
    plan, out = OutputPlan(timeline, "sbs-full"), asked.folder / f"out.{asked.kind}"
    firsts, recorded = range(0, frames, _SEGMENT), [packets_sha256(first)] * count
    clock = [time.perf_counter()]

    def write(pipe: Sink) -> None:
        join(segments, timeline, firsts, pipe, origin=plan.origin)

    report = mux(first, write, info, out, plan)
    clock.append(time.perf_counter())
    verify_output(out, segments, info, plan, report, recorded)
    clock.append(time.perf_counter())
    flush(out)
    clock.append(time.perf_counter())
    size, busy = out.stat().st_size, os.times()
    cores = busy.user + busy.system + busy.children_user + busy.children_system
    print(
        f"{frames} frames, {size / 1e6:.0f} MB, {asked.kind}; processor {cores:.1f} s, all {clock[-1] - clock[0]:.2f} s"
    )
    for name, a, b in zip(("join and mux", "verify", "flush"), clock, clock[1:], strict=False):
        print(f"  {name:12} {b - a:6.2f} s {frames / (b - a):8.0f} frames/s {size / 1e6 / (b - a):7.0f} MB/s")
    out.unlink()


def _timeline(frames: int) -> Timeline:
    return Timeline(tuple(round(n * 1000 / 24) for n in range(frames)), Fraction(1, 1000), 42)


if __name__ == "__main__":
    main()
