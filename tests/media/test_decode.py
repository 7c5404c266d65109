"""Decoding gives exactly the wanted frames, upright, square and even."""

from __future__ import annotations

import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stereo3d.frames import Timeline
from stereo3d.media.decode import Decoder, Replacement, decode
from stereo3d.media.geometry import output_size
from stereo3d.media.probe import probe
from stereo3d.media.tools import ffmpeg_exe
from tests.media.conftest import Clip, ffmpeg, pixels, scanned


def _reference(path: Path, form: str, *filters: str) -> bytes:
    """All frames as the ffmpeg command decodes them."""
    words = ["-nostdin", "-loglevel", "error", "-noautorotate", "-i", path, "-map", "0:v:0", *filters]
    words += ["-fps_mode", "passthrough", "-pix_fmt", form, "-f", "rawvideo", "-"]
    return subprocess.run([ffmpeg_exe(), *map(str, words)], check=True, capture_output=True).stdout


def _flat(path: Path) -> bytes:
    """All planes of all frames as this package decodes them."""
    info, report = scanned(path)
    batches = decode(info, report.timeline, 0, report.frames, batch=5, seekable=report.seekable, threads=1)
    return b"".join(p[n].numpy().tobytes() for b in batches for n in range(len(b)) for p in b.planes)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("main", "yuv420p"), ("vfr", "yuv420p"), ("ten_bit", "yuv420p10le"), ("deep422", "yuv422p12le"),
        ("full_range", "yuvj420p"), ("nv12", "yuv420p"), ("rgb", "gbrp"), ("avi", "yuv420p"), ("hdr", "yuv420p10le"),
    ],
)  # fmt: skip
def test_every_plane_is_what_ffmpeg_decodes(clip: Clip, name: str, form: str) -> None:
    assert _flat(clip(name)) == _reference(clip(name), form)


@pytest.mark.parametrize(
    "name", ["main", "open_gop", "vfr", "vfr_mp4", "ts61", "ts", "avi", "raw", "edit_list", "negative", "interlaced"]
)
def test_any_run_equals_the_whole(clip: Clip, name: str) -> None:
    info, report = scanned(clip(name))
    whole = pixels(info, report)
    assert len({frame.tobytes() for frame in whole}) > report.frames * 0.9
    choose = random.Random(7)
    for _ in range(8):
        start = choose.randrange(report.frames)
        end = min(report.frames, start + choose.randrange(1, 12))
        run = pixels(info, report, start, end, batch=3)
        assert len(run) == end - start
        assert all(np.array_equal(a, b) for a, b in zip(run, whole[start:end], strict=True)), (start, end)


def test_interlaced_seeks_are_exact_also_at_keyframes(clip: Clip) -> None:
    info, report = scanned(clip("interlaced"))
    assert report.seekable
    whole = pixels(info, report)
    for start in (0, 1, 11, 12, 13, 24, report.frames - 1):
        assert np.array_equal(pixels(info, report, start, start + 1)[0], whole[start]), start


def test_a_subset_of_the_frames(clip: Clip) -> None:
    info, report = scanned(clip("main"))
    whole = pixels(info, report)
    third = Timeline(report.timeline.pts[10:70:3], report.timeline.time_base, 1536)
    batches = list(decode(info, third, 2, 15, batch=6, threads=1))
    assert [(b.index, len(b)) for b in batches] == [(2, 6), (8, 6), (14, 1)]
    assert sum((b.pts for b in batches), ()) == third.pts[2:15]
    got = [p.numpy() for b in batches for p in b.planes[0]]
    assert all(np.array_equal(a, b) for a, b in zip(got, whole[16:55:3], strict=True))


def test_runs_in_a_row_share_one_decoder(clip: Clip) -> None:
    info, report = scanned(clip("raw"))
    whole = pixels(info, report)
    with Decoder(info, report.timeline, seekable=False, threads=1) as decoder:
        for start, end in ((0, 20), (20, 33), (40, 41), (5, 9)):
            run = [p.numpy() for b in decoder.batches(start, end, batch=4) for p in b.planes[0]]
            assert all(np.array_equal(a, b) for a, b in zip(run, whole[start:end], strict=True))


def test_missing_frames_show_their_neighbour_and_are_reported(clip: Clip) -> None:
    info, report = scanned(clip("main"))
    whole = pixels(info, report)
    pts = list(report.timeline.pts[:20])
    pts[0] -= 7
    pts[9] += 3
    heard: list[Replacement] = []
    batches = decode(
        info, Timeline(tuple(pts), report.timeline.time_base, 512), 0, 20, batch=20, on_replaced=heard.append
    )
    frames = next(batches).planes[0].numpy()
    assert [r.index for r in heard] == [0, 9]
    assert np.array_equal(frames[0], whole[1]) or np.array_equal(frames[0], whole[0])
    assert np.array_equal(frames[9], whole[8])
    assert np.array_equal(frames[10], whole[10])


def test_rotation_and_mirror(clip: Clip) -> None:
    coded = pixels(*scanned(clip("main")), 0, 1)[0]
    assert np.array_equal(pixels(*scanned(clip("rotated")), 0, 1)[0], np.rot90(coded))
    assert np.array_equal(pixels(*scanned(clip("mirrored")), 0, 1)[0], np.rot90(coded[:, ::-1], 3))


def test_odd_sides_repeat_their_edge(clip: Clip) -> None:
    info, report = scanned(clip("odd"))
    frame = pixels(info, report, 0, 1)[0]
    wanted = np.frombuffer(_reference(clip("odd"), "gray"), np.uint8)  # plane 0, up to the range of grey
    assert frame.shape == (92, 162)
    assert wanted.size % (161 * 91) == 0
    assert np.array_equal(frame[:, -1], frame[:, -2])
    assert np.array_equal(frame[-1], frame[-2])
    with av.open(str(clip("odd"))) as container:
        plane = next(container.decode(video=0)).planes[0]
        luma = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width]
        assert np.array_equal(frame[:91, :161], luma)


def test_square_pixels_and_height(clip: Clip) -> None:
    info, report = scanned(clip("anamorphic"))
    (batch,) = decode(info, report.timeline, 3, 5, batch=2, threads=1)
    assert (batch.width, batch.height) == (256, 144)
    assert output_size(info.video, 72) == (128, 72)
    (small,) = decode(info, report.timeline, 3, 5, batch=2, height=72, threads=1)
    assert (small.width, small.height) == (128, 72)
    coarse = torch.nn.functional.avg_pool2d(batch.planes[0].float()[:, None], 2)[:, 0]
    assert (coarse - small.planes[0].float()).abs().mean() < 3


def test_full_range_survives_scaling(clip: Clip) -> None:
    info, report = scanned(clip("full_range"))
    full = pixels(info, report, 0, 1)[0].astype(float)
    small = pixels(info, report, 0, 1, height=46)[0].astype(float)
    assert abs(full.mean() - small.mean()) < 1
    assert small.std() > 0.93 * full.std()  # a conversion to the studio range would take 14 % of it


def test_a_size_change_on_the_way_is_fitted(clip: Clip, tmp_path: Path) -> None:
    ffmpeg(
        *["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=1", "-c:v", "mpeg2video", "-g", "5"],
        tmp_path / "b.ts",
    )
    ffmpeg(
        *["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-c:v", "mpeg2video", "-g", "5"],
        tmp_path / "a.ts",
    )
    path = tmp_path / "c.ts"
    path.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    info, report = scanned(path)
    frames = pixels(info, report)
    assert {f.shape for f in frames} == {(90, 160)}
    assert frames[0][:, :10].std() > 10
    assert (frames[-1][:, :18] == 16).all()  # pillars beside the narrower picture


def test_folders_and_pictures(tmp_path: Path) -> None:
    ffmpeg(*["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=24", "-frames:v", "11"], tmp_path / "f_%d.png")
    info, report = scanned(tmp_path)
    assert (report.frames, report.timeline.pts, report.seekable) == (11, tuple(range(11)), True)
    whole = list(decode(info, report.timeline, 0, 11, batch=1))
    with av.open(str(tmp_path / "f_10.png")) as container:
        tenth = next(container.decode(video=0)).to_ndarray(format="gbrp")
    planes = [p[0].numpy() for p in whole[9].planes]
    assert np.array_equal(np.stack([planes[2], planes[0], planes[1]], -1), tenth)
    assert np.array_equal(pixels(info, report, 9, 10)[0], planes[0])
    ffmpeg(
        *["-f", "lavfi", "-i", "testsrc2=size=32x48:rate=24", "-frames:v", "1", "-update", "1"], tmp_path / "f_12.png"
    )
    info, report = scanned(tmp_path)
    last = pixels(info, report, 11, 12)[0]
    assert last.shape == (48, 64)
    assert (last[:, :16] == 0).all()
    assert last[:, 16:48].std() > 10


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff", "bmp"])
def test_picture_kinds(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"one.{suffix}"
    words = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=64x48:rate=24,crop=63:47:0:0:exact=1",
        "-frames:v",
        "1",
        "-update",
        "1",
    ]
    ffmpeg(*words, *(["-pix_fmt", "rgb24"] if suffix == "tiff" else []), path)
    info, report = scanned(path)
    (batch,) = decode(info, report.timeline, 0, 1, batch=4)
    assert (info.kind, batch.width, batch.height) == ("picture", 64, 48)
    assert batch.planes[0].float().std() > 20


def test_bad_runs_are_refused(clip: Clip) -> None:
    info = probe(clip("main"))
    with pytest.raises(ValueError, match="frames"):
        next(decode(info, Timeline((0, 512), info.video.time_base, 512), 0, 3, batch=2))


def test_many_decoders_at_once(clip: Clip) -> None:
    info, report = scanned(clip("open_gop"))
    whole = pixels(info, report)
    runs = [(start, min(start + 20, report.frames)) for start in range(0, report.frames, 5)]
    with ThreadPoolExecutor(6) as pool:
        for (start, end), run in zip(runs, pool.map(lambda r: pixels(info, report, *r), runs), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(run, whole[start:end], strict=True))
    unfinished = decode(info, report.timeline, 0, report.frames, batch=2)
    next(unfinished)
    unfinished.close()
