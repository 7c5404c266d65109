"""What the pictures say of their eyes, and that FFmpeg's command can work with what we write."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace

import av
import pytest

from stereo3d.errors import UsageError, VerificationError
from stereo3d.frames import Colour, PixelFormat
from stereo3d.media.encode import choose_encoder
from stereo3d.media.mux import OutputPlan
from stereo3d.media.sei import PACKINGS, with_frame_packing
from stereo3d.media.sidedata import stereo_packing
from stereo3d.media.tools import ffmpeg_exe
from stereo3d.media.verify import verify_output
from stereo3d.settings import EncodeSettings
from tests.media.conftest import Built

Build = Callable[..., Built]
YUV = PixelFormat("yuv420p", 8, 1, 1, Colour(1, 1, 1))


@pytest.mark.parametrize("mode", PACKINGS)
@pytest.mark.parametrize(("codec", "slice_"), [("h264", b"\x65"), ("hevc", b"\x26\x01")])
def test_the_message_comes_before_the_first_slice(codec: str, slice_: bytes, mode: str) -> None:
    head = b"\0\0\0\1\x67abc" if codec == "h264" else b"\0\0\0\1\x40\1abc"
    packet = head + b"\0\0\1" + slice_ + b"picture" + b"\0\0\1" + slice_ + b"more"
    said = with_frame_packing(packet, codec, mode)
    message = said[len(head) : len(said) - len(packet) + len(head)]
    assert said == head + message + packet[len(head) :]
    arrangement, first = PACKINGS[mode]
    body = message[4 if codec == "h264" else 5 :]
    assert body[0] == 45
    assert body[2] == 0x80 | arrangement >> 1 | 0  # id 0 in one bit, not cancelled, then the arrangement's first bits
    assert (body[2] << 8 | body[3]) >> 7 & 127 == arrangement
    assert body[3] & 63 == first
    assert body[-1] == 0x80


def test_a_packet_without_a_slice_is_refused() -> None:
    with pytest.raises(ValueError, match="without a slice"):
        with_frame_packing(b"\0\0\1\x67abc", "h264", "left_right")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_message_reads_back(build: Build, codec: str, suffix: str) -> None:
    film = build("main", codec, frame_packing_sei=True)
    assert film.spec.frame_packing == "left_right"
    plan = OutputPlan(film.timeline, "sbs-full", frame_packing="left_right")
    out, report = film.deliver(f"out{suffix}", plan)
    verify_output(out, film.segments, film.info, plan, report)
    for segment in film.segments:
        with av.open(str(segment)) as container:  # there no container says anything
            said = [stereo_packing(frame) for frame in container.decode(video=0) if frame.key_frame]
            assert said == ["left_right"] * len(said) != []
    with pytest.raises(VerificationError, match="say 'left_right'"):
        verify_output(out, film.segments, film.info, replace(plan, frame_packing=""), report)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_ffmpeg_command_can_filter_an_output(build: Build, codec: str, suffix: str) -> None:
    """With both the container's tag and the message FFmpeg 9's command cannot: the message is written on request only."""
    film = build("main", codec)
    out, _ = film.deliver(f"out{suffix}", OutputPlan(film.timeline, "sbs-full"))
    argv = [ffmpeg_exe(), "-v", "error", "-nostdin", "-i", str(out), "-vf", "scale=64:-2", "-f", "null", "-"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("codec", "mode", "says"),
    [
        ("av1", "left_right", "av1 has no such"),
        ("ffv1", "left_right", "ffv1 has no such"),
        ("h264", "", "side by side"),
    ],
)
def test_what_cannot_say_it_is_refused(codec: str, mode: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        choose_encoder(EncodeSettings(codec=codec, frame_packing_sei=True), 64, 48, YUV, stereo_mode=mode)
