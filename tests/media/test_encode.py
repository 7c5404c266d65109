"""The choice of an encoder, and segment files."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stereo3d.errors import EncodeError, UsageError, VerificationError
from stereo3d.frames import Colour, FrameBatch, PixelFormat
from stereo3d.media.encode import EncoderSpec, choose_encoder
from stereo3d.media.info import HdrInfo
from stereo3d.media.probe import probe
from stereo3d.media.segment import SegmentWriter
from stereo3d.media.still import write_picture
from stereo3d.media.verify import verify_segment
from stereo3d.settings import EncodeSettings
from tests.media.conftest import Built, Clip, pixels, scanned

YUV = PixelFormat("yuv420p", 8, 1, 1, Colour(1, 1, 1))
TEN = PixelFormat("yuv420p10le", 10, 1, 1, Colour(9, 16, 9))
BASE = Fraction(1, 90000)


def _spec(format: PixelFormat = YUV, width: int = 64, height: int = 48, **settings: object) -> EncoderSpec:
    return choose_encoder(EncodeSettings(**{"codec": "auto", **settings}), width, height, format, threads=1)


def _batch(count: int, format: PixelFormat = YUV, *, seed: int = 0, start: int = 0, step: int = 3600) -> FrameBatch:
    make = torch.Generator().manual_seed(seed)
    planes = []
    for plane in range(1 if format.name == "gray" else 3):
        width, height = format.plane_size(plane, 64, 48)
        noise = torch.randint(0, 1 << format.bits, (count, height, width), generator=make)
        planes.append(noise.to(format.dtype))
    return FrameBatch(tuple(planes), tuple(start + n * step for n in range(count)), 0, format)


def _writer(path: Path, spec: EncoderSpec, format: PixelFormat = YUV) -> SegmentWriter:
    return SegmentWriter(path, spec, format, 64, 48, time_base=BASE, rate=Fraction(25))


def test_auto_is_h264_up_to_its_limits() -> None:
    assert _spec().encoder == "libx264"
    assert _spec(width=4096, height=2160).encoder == "libx264"
    assert _spec(width=4098).encoder == "libx265"
    assert _spec(height=4320).encoder == "libx265"
    assert _spec(TEN).encoder == "libx265"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"codec": "h264", "width": 7680, "height": 2160}, "4096"),
        ({"codec": "h264", "crf": 52}, "0..51"),
        ({"codec": "hevc", "crf": 60}, "0..51"),
        ({"codec": "ffv1", "crf": 1}, "lossless"),
        ({"codec": "h264", "encoder_preset": "8"}, "presets"),
        ({"codec": "av1", "encoder_preset": "fast"}, "presets"),
        ({"codec": "ffv1", "encoder_preset": "fast"}, "no presets"),
        ({"codec": "auto", "width": 63}, "63x48"),
        ({"codec": "h264", "format": PixelFormat("yuv420p12le", 12, 1, 1, Colour())}, "12-bit"),
        ({"codec": "av1", "format": PixelFormat("yuv444p", 8, 0, 0, Colour())}, "4:2:0"),
    ],
)
def test_what_cannot_work_is_refused_first(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        _spec(**options)
    assert caught.value.hint
    if options.get("width") == 7680:
        assert "hevc" in caught.value.hint


@pytest.mark.parametrize(
    ("codec", "preset"), [("h264", "ultrafast"), ("hevc", "ultrafast"), ("av1", "13"), ("ffv1", None)]
)
@pytest.mark.parametrize("format", [YUV, TEN])
def test_tags_and_pictures_come_back(tmp_path: Path, codec: str, preset: str | None, format: PixelFormat) -> None:
    path = tmp_path / "s.mkv"
    source = _batch(6, format)
    smooth = tuple(torch.full_like(p, 60 + 20 * n) for n, p in enumerate(source.planes))
    batch = FrameBatch(smooth, source.pts, 0, format)
    with _writer(path, _spec(format, codec=codec, encoder_preset=preset), format) as writer:
        writer.write(batch)
    verify_segment(path, 6)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert [round(f.pts * f.time_base * 25) for f in frames] == list(range(6))
    colour = format.colour
    first = frames[0]
    assert (first.color_primaries, first.color_trc, first.colorspace, first.color_range) == (
        colour.primaries, colour.transfer, colour.matrix, 1,
    )  # fmt: skip
    assert first.format.name == format.name
    luma = np.frombuffer(first.planes[0], np.uint8 if format.bits == 8 else np.uint16).reshape(48, -1)[:, :64]
    assert abs(int(np.median(luma)) - 60) <= 1


def test_ffv1_is_lossless_and_grey_and_rgb_pass(tmp_path: Path) -> None:
    for format in (
        YUV,
        TEN,
        PixelFormat("gray", 8, 0, 0, Colour(1, 1, 1, True)),
        PixelFormat("gbrp", 8, 0, 0, Colour(1, 13, 0, True)),
    ):
        path = tmp_path / f"{format.name}.mkv"
        batch = _batch(3, format)
        with _writer(path, _spec(format, codec="ffv1"), format) as writer:
            writer.write(batch)
        with av.open(str(path)) as container:
            for n, frame in enumerate(container.decode(video=0)):
                planes = frame.reformat(format=format.name).planes  # ffv1 keeps 8-bit RGB packed
                for plane, wanted in zip(planes, batch.planes, strict=True):
                    got = np.frombuffer(plane, np.uint8 if format.bits == 8 else np.uint16)
                    assert np.array_equal(got.reshape(plane.height, -1)[:, : plane.width], wanted[n].numpy())


def _medians(frame: av.VideoFrame) -> list[float]:
    planes = (np.frombuffer(p, np.uint8).reshape(p.height, -1)[:, : p.width] for p in frame.planes)
    return [float(np.median(p)) for p in planes]


def test_grey_and_rgb_become_playable_yuv(tmp_path: Path) -> None:
    grey = PixelFormat("gray", 8, 0, 0, Colour(1, 1, 1, True))
    planes = (torch.full((2, 48, 64), 200, dtype=torch.uint8),)
    with _writer(tmp_path / "g.mkv", _spec(grey), grey) as writer:
        writer.write(FrameBatch(planes, (0, 3600), 0, grey))
    rgb = PixelFormat("gbrp", 8, 0, 0, Colour(1, 13, 0, True))
    red = tuple(torch.full((2, 48, 64), v, dtype=torch.uint8) for v in (0, 0, 255))
    with _writer(tmp_path / "r.mkv", _spec(rgb), rgb) as writer:
        writer.write(FrameBatch(red, (0, 3600), 0, rgb))
    with av.open(str(tmp_path / "g.mkv")) as container:
        frame = next(container.decode(video=0))
        assert _medians(frame) == pytest.approx([200, 128, 128], abs=0.5)
        assert frame.color_range == 2
    with av.open(str(tmp_path / "r.mkv")) as container:
        frame = next(container.decode(video=0))
        values = _medians(frame)
    assert values == pytest.approx([63, 102, 240], abs=2)  # BT.709 red in the studio range


def test_hdr10_is_written(tmp_path: Path) -> None:
    hdr = HdrInfo((*tuple(Fraction(n, 50000) for n in (34000, 16000, 13250, 34500, 7500, 3000, 15635, 16450)), Fraction(1, 10000), Fraction(1000)), 1000, 400)  # fmt: skip
    for codec, preset in (("h264", "ultrafast"), ("hevc", "ultrafast"), ("av1", "13"), ("nvenc", "ultrafast")):
        path = tmp_path / f"{codec}.mkv"
        settings = EncodeSettings(codec=codec if codec != "nvenc" else "hevc", encoder_preset=preset)
        spec = choose_encoder(settings, 64, 48, TEN, hdr=hdr, threads=1)
        if codec == "nvenc":  # what is put into a card's packets, in x265's, which says nothing by itself here
            card = choose_encoder(EncodeSettings(codec="hevc"), 64, 48, TEN, hdr=hdr, hardware=True)
            spec = replace(choose_encoder(settings, 64, 48, TEN, threads=1), units=card.units)
        with _writer(path, spec, TEN) as writer:
            writer.write(_batch(4, TEN))
        from stereo3d.media.sidedata import hdr10

        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            found = hdr10(frame)
            assert found is not None, codec
            assert (found.max_cll, found.max_fall) == (1000, 400)
            assert [float(v) for v in found.mastering] == pytest.approx([float(v) for v in hdr.mastering], abs=1e-4)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_chroma_location_is_written_and_probed(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "s.mkv"
    settings = EncodeSettings(codec=codec, encoder_preset="ultrafast")
    spec = choose_encoder(settings, 64, 48, TEN, chroma_location="topleft", threads=1)
    with _writer(path, spec, TEN) as writer:
        writer.write(_batch(2, TEN))
    assert probe(path).video.chroma_location == "topleft"


def test_frames_less_than_a_millisecond_apart_stay_in_order(tmp_path: Path) -> None:
    path = tmp_path / "s.mkv"
    with _writer(path, _spec(encoder_preset="medium")) as writer:
        writer.write(_batch(20, step=9, start=5_616_000))
    with av.open(str(path)) as container:
        times = [p.pts for p in container.demux(video=0) if p.size]
    assert sorted(t for t in times if t is not None) == list(range(20))


def _write_all(writer: SegmentWriter, batches: Iterable[FrameBatch], stop: Exception | None = None) -> None:
    with writer:
        for batch in batches:
            writer.write(batch)
        if stop is not None:
            assert writer.path.with_name("s.mkv.part").exists()
            assert not writer.path.exists()
            raise stop


def test_an_aborted_segment_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.mkv"
    many = (_batch(10, start=start) for start in range(0, 300_000, 36_000))
    with pytest.raises(RuntimeError):
        _write_all(_writer(path, _spec()), many, RuntimeError("stop"))
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="increase"):
        _write_all(_writer(path, _spec()), [_batch(2), _batch(2)])
    assert not list(tmp_path.iterdir())


@contextmanager
def _files_up_to(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("frames", [12, 60])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, frames: int) -> None:
    batches = [_batch(1, seed=n, start=n * 3600) for n in range(frames)]
    writer = _writer(tmp_path / "s.mkv", _spec(crf=10))
    with _files_up_to(40_000), pytest.raises(EncodeError) as caught:
        _write_all(writer, batches)
    assert "s.mkv" in caught.value.message
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_results_count_frames_and_bytes(tmp_path: Path) -> None:
    writer = _writer(tmp_path / "s.mkv", _spec())
    writer.write(_batch(7))
    result = writer.close()
    assert (result.packets, result.bytes) == (7, (tmp_path / "s.mkv").stat().st_size)
    with pytest.raises(VerificationError, match="7 frames, not 8"):
        verify_segment(tmp_path / "s.mkv", 8)
    (tmp_path / "bad.mkv").write_bytes(b"nothing")
    with pytest.raises(VerificationError, match="cannot be read"):
        verify_segment(tmp_path / "bad.mkv", 8)


def test_pictures_out(tmp_path: Path, clip: Clip) -> None:
    info, report = scanned(clip("rgb"))
    from stereo3d.media.decode import decode

    (batch,) = decode(info, report.timeline, 2, 3, batch=1)
    for name in ("a.png", "a.jpg"):
        write_picture(tmp_path / name, batch)
        with av.open(str(tmp_path / name)) as container:
            got = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        wanted = torch.stack([batch.planes[i][0] for i in (2, 0, 1)], -1).numpy().astype(int)
        assert abs(got - wanted).mean() < (0.01 if name == "a.png" else 3), name
    with pytest.raises(EncodeError, match="png"):
        write_picture(tmp_path / "a.gif", batch)
    assert {p.name for p in tmp_path.iterdir()} == {"a.png", "a.jpg"}


def test_encoding_is_repeatable(build: Callable[..., Built], clip: Clip) -> None:
    first = build("main", cuts=(0, 30))
    again = build("main", cuts=(0, 30))
    for a, b in zip(first.segments, again.segments, strict=True):
        assert pixels(*scanned(a))[3].tobytes() == pixels(*scanned(b))[3].tobytes()


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_the_same_frames_give_the_same_segment_every_time(tmp_path: Path, codec: str) -> None:
    """A continued film must be the film that was begun; x264's AVX-512 code breaks this at widths such as 320."""
    width, height, count = 320, 96, 60
    spec = _spec(width=width, height=height, codec=codec)
    texture = np.random.default_rng(0).integers(0, 255, (height, width // 8 + 20), np.uint8).repeat(8, 1)
    luma = np.stack([texture[:, 2 * n : 2 * n + width] for n in range(count)])
    chroma = torch.from_numpy(np.ascontiguousarray(luma[:, ::2, ::2]))
    planes = (torch.from_numpy(luma), chroma, chroma)
    contents = set()
    for attempt in range(5):
        path = tmp_path / f"{attempt}.mkv"
        with SegmentWriter(path, spec, YUV, width, height, time_base=BASE, rate=Fraction(25)) as writer:
            writer.write(FrameBatch(planes, tuple(3600 * n for n in range(count)), 0, YUV))
        with av.open(str(path)) as container:
            contents.add(b"".join(bytes(packet) for packet in container.demux(video=0)))
    assert len(contents) == 1
