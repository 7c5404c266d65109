"""Frames by DLPack: on the host, where every part but the video engines themselves can be tried. Not run on a GPU."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stereo3d.frames import Colour, Timeline
from stereo3d.job.survey import survey_source
from stereo3d.media import decode, reader, segment
from stereo3d.media.decode import Decoder
from stereo3d.media.device import DeviceFrames, nvdec_refusal, planar, semi_planar, semi_planar_format
from stereo3d.media.encode import ENCODERS, EncoderSpec
from stereo3d.media.probe import probe
from stereo3d.settings import TimeSettings
from tests.films import make_film, planes

SIZE = WIDTH, HEIGHT = 96, 64


def picture(bits: int) -> tuple[torch.Tensor, ...]:
    random = np.random.default_rng(bits)
    sizes = ((HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2), (HEIGHT // 2, WIDTH // 2))
    dtype = np.uint8 if bits == 8 else np.uint16
    return tuple(torch.from_numpy(random.integers(0, 1 << bits, size, dtype=dtype)) for size in sizes)


@pytest.mark.parametrize("bits", [8, 10])
def test_planes_survive_the_way_to_the_engines_frames_and_back(bits: int) -> None:
    there = picture(bits)
    frame = DeviceFrames(torch.device("cpu")).frame(there)
    assert frame.format.name == semi_planar_format(there[0].dtype) == ("nv12" if bits == 8 else "p010le")
    back = planar(frame.planes, there[0].dtype)
    assert all(torch.equal(a, b) for a, b in zip(there, back, strict=True))


@pytest.mark.parametrize(("bits", "name"), [(8, "yuv420p"), (10, "yuv420p10le")])
def test_ffmpeg_means_the_same_by_these_frames(bits: int, name: str) -> None:
    there = picture(bits)
    pair = semi_planar(there)
    frame = av.VideoFrame.from_dlpack(pair, format=semi_planar_format(there[0].dtype)).reformat(format=name)
    dtype = np.uint8 if bits == 8 else np.uint16
    for plane, expected in zip(frame.planes, there, strict=True):
        rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)[:, : plane.width]
        assert np.array_equal(rows, expected.numpy())


@pytest.mark.parametrize("bits", [8, 10])
def test_an_engine_finds_chroma_right_below_luma(bits: int) -> None:
    """NVENC is told of a frame where luma begins and how long a row is, and no more."""
    luma, chroma = semi_planar(picture(bits))
    pitch = luma.stride(0)
    assert chroma.stride() == (pitch, 2, 1)
    assert chroma.data_ptr() == luma.data_ptr() + pitch * HEIGHT * luma.element_size()
    assert pitch % 64 == 0
    assert luma.stride(1) == 1


def test_a_frames_memory_lives_as_long_as_the_planes_made_of_it() -> None:
    there = picture(8)
    back = planar(DeviceFrames(torch.device("cpu")).frame(there).planes, torch.uint8)
    assert torch.equal(back[1].clone(), there[1])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", (10,), size=SIZE, sound=False)


def timeline_of(film: Path) -> Timeline:
    return survey_source(probe(film), TimeSettings(), lambda _done: None).timeline


def test_what_nvdec_can_take_over(film: Path) -> None:
    info = probe(film)

    def refusal(height: int | None = None, **changed: object) -> str:
        return nvdec_refusal(replace(info, video=replace(info.video, **changed)), height)

    assert refusal() == ""
    assert all(refusal(codec=codec) == "" for codec in ("h264", "hevc", "av1"))
    assert refusal(source_format="yuv420p10le") == ""
    assert refusal(codec="vp9") == "it does not decode vp9"
    assert refusal(source_format="yuv422p") == "it does not decode yuv422p"
    assert refusal(interlaced=True) == "the source is deinterlaced"
    assert refusal(rotation=90) == refusal(sar=Fraction(4, 3)) == refusal(height=32) == "the source is scaled or turned"


def test_without_nvdec_software_decodes_and_it_is_told(film: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Here there is no card: NVDEC does not open, and the same frames come from software."""
    info = probe(film)
    with Decoder(info, timeline_of(film), device=torch.device("cpu"), direct=True) as decoder:
        batches = list(decoder.batches(0, 10, batch=4))
        assert decoder.fell_back
    assert "NVDEC is left" in caplog.text
    expected = planes(film)
    found = [[plane[n].numpy() for plane in batch.planes] for batch in batches for n in range(len(batch))]
    for ours, theirs in zip(found, expected, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert not decoder.replaced


def test_a_frame_that_nvdec_does_not_give_is_asked_of_software(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The direct reader opens, and ends after five frames."""
    opened: list[bool] = []
    plain = reader.open_reader

    def open_reader(info: object, *, threads: int = 0, direct: object = None) -> object:
        opened.append(direct is not None)
        real = plain(info, threads=threads)  # type: ignore[arg-type]
        if direct is not None:
            frames = real._frames  # type: ignore[union-attr]
            monkeypatch.setattr(real, "_frames", lambda packets: (f for n, f in enumerate(frames(packets)) if n < 5))
        return real

    monkeypatch.setattr(decode, "open_reader", open_reader)
    info = probe(film)
    with Decoder(info, timeline_of(film), device=torch.device("cpu"), direct=True) as decoder:
        batches = list(decoder.batches(0, 10, batch=3))
        assert decoder.fell_back.startswith("it gave no frame at")
        assert not decoder.replaced
    assert opened == [True, False]
    luma = torch.cat([batch.planes[0] for batch in batches])
    assert all(np.array_equal(a.numpy(), b[0]) for a, b in zip(luma, planes(film), strict=True))


@pytest.mark.parametrize("bits", [8, 10])
def test_a_segment_fed_with_semi_planar_frames_is_the_picture(
    bits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer's direct way, with frames on the host and a lossless software encoder in NVENC's place."""
    from stereo3d.frames import FrameBatch, PixelFormat

    name = "yuv420p" if bits == 8 else "yuv420p10le"
    format = PixelFormat(name, bits, 1, 1, Colour(1, 1, 1))
    spec = EncoderSpec("h264", "libx264", name, format.colour, 0, "ultrafast", (("preset", "ultrafast"), ("qp", "0")))
    assert ENCODERS["h264"].name == spec.encoder
    writer = segment.SegmentWriter(
        tmp_path / "s.mkv", spec, format, WIDTH, HEIGHT, time_base=Fraction(1, 25), rate=Fraction(25)
    )
    monkeypatch.setattr(writer, "_direct", DeviceFrames(torch.device("cpu")))
    there = picture(bits)
    with writer:
        writer.write(FrameBatch(tuple(p[None] for p in there), (0,), 0, format))
    for ours, plane in zip(planes(tmp_path / "s.mkv")[0], there, strict=True):
        assert np.array_equal(ours, plane.numpy())
