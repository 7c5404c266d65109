"""Depth films: matching with the film, marks, and what other tools write."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stereo3d.depth.grey import from_grey
from stereo3d.errors import UsageError
from stereo3d.frames import Timeline
from stereo3d.media.decode import Decoder
from stereo3d.media.depth_video import DepthMark, DepthVideo, match_frames, open_depth
from stereo3d.media.probe import probe
from stereo3d.media.scan import scan

WIDTH, HEIGHT = 97, 55  # both odd


def ramp(frame: int) -> np.ndarray:
    """Depth of a test frame, [h, w] in 0..1, with some thousand levels."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    return (0.8 * x + 0.15 * y + 0.01 * frame).clip(0, 1)


def read(path: Path) -> tuple[np.ndarray, list[int]]:
    info = open_depth(path, (WIDTH * 4, HEIGHT * 4))
    with scan(info) as passing:
        for _ in passing:
            pass
        timeline = passing.report.timeline
    with Decoder(info, timeline) as decoder:
        maps = [from_grey(batch).numpy() for batch in decoder.batches(0, len(timeline), batch=2)]
    return np.concatenate(maps)[:, 0], list(timeline.pts)


@pytest.mark.parametrize(("suffix", "bits"), [(".png", 16), (".png", 8), (".tiff", 16)])
def test_picture_sequences_keep_every_bit(tmp_path: Path, suffix: str, bits: int) -> None:
    top = (1 << bits) - 1
    wanted = [np.rint(ramp(n) * top).astype(np.uint16 if bits == 16 else np.uint8) for n in range(3)]
    for number, codes in enumerate(wanted):
        cv2.imwrite(str(tmp_path / f"depth_{number:03}{suffix}"), codes)
    found, _ = read(tmp_path)
    assert np.array_equal(np.rint(found * top).astype(int), np.stack(wanted))


def grey_frame(picture: np.ndarray, pixels: str) -> av.VideoFrame:
    """Depth in 0..1 in a format of any tool. Libswscale's 4:4:4 of 16 bit and odd width differs from run to run: made by hand."""
    if pixels == "yuv444p16le":
        luma = np.rint(picture * 65535).astype(np.uint16)
        middle = np.full_like(luma, 1 << 15)
        return av.VideoFrame.from_ndarray(np.stack([luma, middle, middle], -1), format=pixels)
    codes = np.ascontiguousarray(np.rint(picture * 65535).astype(np.uint16))
    return av.VideoFrame.from_ndarray(codes, format="gray16le").reformat(format=pixels)


@pytest.mark.parametrize(
    ("codec", "pixels", "options", "error"),
    [
        ("libx264", "gray", {"qp": "0"}, 0.6 / 255),
        ("libx264", "yuv420p", {"crf": "1"}, 3 / 255),
        ("libx265", "yuv420p10le", {"x265-params": "log-level=none:crf=0"}, 4 / 1023),
        ("libx265", "gray", {"x265-params": "log-level=none:crf=0"}, 3 / 255),
        ("ffv1", "gray10le", {}, 0.6 / 1023),
        ("ffv1", "gray16le", {}, 0.6 / 65535),
        ("ffv1", "yuv444p16le", {}, 2 / 65535),
    ],
)
def test_depth_films_of_other_tools(
    tmp_path: Path, codec: str, pixels: str, options: dict[str, str], error: float
) -> None:
    path = tmp_path / "depth.mkv"
    even = (slice(0, HEIGHT - 1), slice(0, WIDTH - 1)) if "420" in pixels else (slice(None), slice(None))
    wanted = np.stack([ramp(n)[even] for n in range(6)])
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options=options)
        stream.height, stream.width = wanted.shape[1:]
        stream.pix_fmt = pixels
        for picture in wanted:
            container.mux(stream.encode(grey_frame(picture, pixels)))
        container.mux(stream.encode(None))
    found, _ = read(path)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < error


def test_another_shape_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "depth_1.png"), np.zeros((100, 100), np.uint8))
    assert open_depth(tmp_path, (640, 640)).video.out_width == 100
    with pytest.raises(UsageError, match="another shape") as caught:
        open_depth(tmp_path, (640, 360))
    assert "bars included" in caught.value.hint


def test_pictures_go_with_frames_by_number_or_for_a_part_by_time() -> None:
    film = Timeline(tuple(range(100, 1100, 100)), Fraction(1, 2500), 100)  # 25 frames a second
    depth = Timeline(tuple(range(40, 440, 40)), Fraction(1, 1000), 40)
    whole = tuple(range(10))
    assert match_frames(film, depth, part=False) == whole
    assert match_frames(film, Timeline(whole, Fraction(1, 30), 1), part=False) == whole
    part = Timeline(film.pts[3:6], film.time_base, 100)
    assert match_frames(part, depth, part=True) == (3, 4, 5)
    assert match_frames(part, depth, part=False) is None
    shifted = Timeline(tuple(p + 10 for p in depth.pts), depth.time_base, 40)
    assert match_frames(part, shifted, part=True) is None
    assert match_frames(film, Timeline(depth.pts[:9], depth.time_base, 40), part=True) is None


def test_a_mark_survives_and_its_screens_follow_the_frames(tmp_path: Path) -> None:
    mark = DepthMark("large", "sha", ((0, 0.1 + 0.2), (40, 0.5)))
    assert DepthMark.of(mark.tags()) == mark
    assert DepthMark.of({"title": "x"}) is None
    assert DepthMark.of({"STEREO3D_DEPTH": "{broken"}) is None
    cv2.imwrite(str(tmp_path / "depth_1.png"), np.zeros((100, 100), np.uint8))
    whole = Timeline(tuple(range(60)), Fraction(1, 24), 1)
    video = DepthVideo.matched(probe(tmp_path), whole, True, range(30, 50), mark)
    assert video.timeline.pts == tuple(range(30, 50))
    assert [video.screen(n) for n in (0, 9, 10, 19)] == [0.1 + 0.2, 0.1 + 0.2, 0.5, 0.5]
