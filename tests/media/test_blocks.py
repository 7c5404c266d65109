"""What a segment's file says of its packets, read without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from stereo3d.errors import VerificationError
from stereo3d.media.blocks import ranks, read_blocks
from tests.media.conftest import Built, Clip

Build = Callable[..., Built]


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "ffv1"])
def test_header_and_times_are_those_that_ffmpeg_reads(build: Build, codec: str) -> None:
    for segment in build("vfr", codec).segments:
        with av.open(str(segment)) as container:
            stream = container.streams.video[0]
            header = stream.codec_context.extradata
            times = tuple(packet.pts for packet in container.demux(stream) if packet.size)
        blocks = read_blocks(segment)
        assert (blocks.header, blocks.times) == (header or b"", times)


def test_a_file_that_is_cut_off_or_no_segment_is_refused(build: Build, clip: Clip, tmp_path: Path) -> None:
    whole = build("silent", cuts=(0, 10)).segments[0].read_bytes()
    part = tmp_path / "part.mkv"
    for length in (len(whole) - 1, len(whole) // 2, 100, 7):
        part.write_bytes(whole[:length])
        with pytest.raises(VerificationError, match=r"part\.mkv"):
            read_blocks(part)
    for other in (clip("main"), clip("mkv")):  # not Matroska; two tracks
        with pytest.raises(VerificationError, match="cannot be read"):
            read_blocks(other)


def test_ranks_are_places_in_display_order() -> None:
    assert ranks([0, 120, 40, 80, 160]) == [0, 3, 1, 2, 4]
