"""Small films for end-to-end tests, and an independent look at what came out (PyAV, none of our own code)."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from stereo3d.cli import main

REPO = Path(__file__).parent.parent
SHARED = REPO.parent / "shared"


def make_film(
    path: Path,
    shots: tuple[int, ...],
    *,
    size: tuple[int, int] = (160, 96),
    rate: Fraction = Fraction(24000, 1001),
    sound: bool = True,
    seed: int = 1,
    keyframes: int = 250,
) -> Path:
    """A film of shots with the given frame counts: each a texture that pans, with a block moving across it. ``keyframes``: one in so
    many."""
    width, height = size
    random = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        video = container.add_stream(
            "libx264", rate=rate, options={"preset": "ultrafast", "crf": "20", "g": str(keyframes)}
        )
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = container.add_stream("aac", rate=48000, layout="stereo") if sound else None
        for number, count in enumerate(shots):
            coarse = random.integers(30, 220, (height // 8, width // 4, 3), dtype=np.uint8)
            texture = coarse.repeat(8, 0).repeat(8, 1)[:height]
            tint = np.array([1, 0.55, 0.3])[np.roll(range(3), number)]
            for frame in range(count):
                picture = texture[:, frame % width : frame % width + width].astype(float) * tint
                x = 4 * frame % (width - 40)
                picture[height // 3 : 2 * height // 3, x : x + 40] = 235 - 60 * tint
                converted = av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="rgb24")
                container.mux(video.encode(converted))
        container.mux(video.encode(None))
        if audio is not None:
            seconds = float(sum(shots) / rate)
            time = np.arange(int(48000 * seconds)) / 48000
            wave = np.stack([np.sin(2700 * time), np.sin(3900 * time + time**2)]).astype(np.float32) / 4
            frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo")
            frame.sample_rate = 48000
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def run(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The program's own entry point with these words, in this process: starting a new one takes seconds."""
    words, out, errors = [str(a) for a in arguments], io.StringIO(), io.StringIO()
    words += ["--no-watch"] if words[0] in ("convert", "depth") else []
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            code = main(words)
        except SystemExit as exit:  # as argparse leaves
            code = int(exit.code or 0)
    done = subprocess.CompletedProcess(words, code, out.getvalue(), errors.getvalue())
    if check:
        assert done.returncode == 0, done.stderr
    return done


def run_program(*arguments: str | Path, timeout: float = 280, check: bool = True) -> subprocess.CompletedProcess[str]:
    """The real program, in a process of its own."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=timeout, env=environment())
    if check:
        assert done.returncode == 0, done.stderr
    return done


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "stereo3d", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "error"}


def picture_hashes(path: Path) -> list[str]:
    """A hash of every decoded picture."""
    with av.open(str(path)) as container:
        return [hashlib.md5(frame.to_ndarray().tobytes()).hexdigest() for frame in container.decode(video=0)]


def picture_times(path: Path) -> list[Fraction]:
    """Seconds of every decoded picture."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def audio_packets(path: Path) -> list[list[str]]:
    """Hashes of the packets of each audio track."""
    with av.open(str(path)) as container:
        tracks: list[list[str]] = [[] for _ in container.streams.audio]
        order = {stream.index: number for number, stream in enumerate(container.streams.audio)}
        for packet in container.demux(*container.streams.audio) if tracks else ():
            if packet.size:
                tracks[order[packet.stream.index]].append(hashlib.md5(bytes(packet)).hexdigest())
    return tracks


def first_audio_time(path: Path) -> list[Fraction]:
    """Seconds of the first packet of each audio track."""
    with av.open(str(path)) as container:
        first: dict[int, Fraction] = {}
        for packet in container.demux(*container.streams.audio):
            if packet.size and packet.pts is not None:
                first.setdefault(packet.stream.index, packet.pts * packet.time_base)
    return [first[index] for index in sorted(first)]


def picture_size(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height


def planes(path: Path, count: int | None = None) -> list[list[np.ndarray]]:
    """The planes of the decoded pictures, as the decoder gave them (the first ``count``)."""
    pictures: list[list[np.ndarray]] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            dtype = np.uint16 if frame.format.components[0].bits > 8 else np.uint8
            pictures.append([np.frombuffer(p, dtype).reshape(p.height, -1)[:, : p.width].copy() for p in frame.planes])
            if count is not None and len(pictures) == count:
                break
    return pictures
