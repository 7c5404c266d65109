"""Segments of two encoders in one track: headers in every keyframe, so that each can be decoded whatever came before it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stereo3d.errors import VerificationError
from stereo3d.frames import Colour, FrameBatch, PixelFormat, Timeline
from stereo3d.media.encode import HARDWARE, EncoderSpec, choose_encoder, mixable
from stereo3d.media.headers import carries_headers
from stereo3d.media.join import join
from stereo3d.media.segment import SegmentWriter
from stereo3d.settings import EncodeSettings

YUV = PixelFormat("yuv420p", 8, 1, 1, Colour(1, 1, 1))
WIDTH, HEIGHT, COUNT = 160, 96, 12
# The stand-in for a card: the software encoder, set so that its headers differ from ours.
CARD = {
    "h264": (("preset", "ultrafast"), ("profile", "baseline")),
    "hevc": (("preset", "ultrafast"), ("x265-params", "log-level=none:ctu=16")),
    "av1": (("preset", "12"), ("crf", "40")),
}


def pictures(first: int) -> FrameBatch:
    make = torch.Generator().manual_seed(first)
    coarse = torch.rand(1, 1, 12, 20, generator=make)
    base = torch.nn.functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bicubic")[0, 0].clamp(0, 1) * 200 + 20
    luma = torch.stack([torch.roll(base, 3 * n, 1) for n in range(COUNT)]).to(torch.uint8)
    chroma = torch.full((COUNT, HEIGHT // 2, WIDTH // 2), 128, dtype=torch.uint8)
    return FrameBatch((luma, chroma, chroma.clone()), tuple(range(first, first + COUNT)), first, YUV)


def write(path: Path, spec: EncoderSpec, batch: FrameBatch) -> Path:
    with SegmentWriter(path, spec, YUV, WIDTH, HEIGHT, time_base=Fraction(1, 25), rate=Fraction(25)) as writer:
        writer.write(batch)
    return path


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    add = SegmentWriter._add_stream

    def adding(self: SegmentWriter, *arguments: object) -> av.VideoStream:
        spec = self._spec
        self._spec = replace(spec, encoder={"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}[spec.codec])
        try:
            return add(self, *arguments)  # type: ignore[arg-type]
        finally:
            self._spec = spec

    monkeypatch.setattr(SegmentWriter, "_add_stream", adding)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("codec", HARDWARE)
def test_segments_of_a_card_and_of_software_are_one_film(codec: str, suffix: str, tmp_path: Path) -> None:
    software = choose_encoder(EncodeSettings(codec=codec), WIDTH, HEIGHT, YUV, threads=1)
    card = replace(software, encoder=HARDWARE[codec].name, options=CARD[codec])
    specs = [card, mixable(software), card, card, mixable(software)]
    batches = [pictures(COUNT * n) for n in range(len(specs))]
    files = [write(tmp_path / f"{n}.mkv", *pair) for n, pair in enumerate(zip(specs, batches, strict=True))]
    film = tmp_path / f"film.{suffix}"
    total = COUNT * len(specs)
    join(files, Timeline(tuple(range(total)), Fraction(1, 25), 1), range(0, total, COUNT), film)
    source = np.concatenate([batch.planes[0].numpy() for batch in batches]).astype(float)

    def off(frame: av.VideoFrame, number: int) -> float:
        return float(np.abs(frame.to_ndarray()[:HEIGHT] - source[number]).mean())

    with av.open(str(film)) as container:
        assert [n for n, frame in enumerate(container.decode(video=0)) if off(frame, n) > 3] == []
    with av.open(str(film)) as container:
        video = container.streams.video[0]
        for number in (55, 30, 13, 2, 40, 26):
            container.seek(int(number / 25 / video.time_base), stream=video)
            frame = next(f for f in container.decode(video) if round(f.pts * video.time_base * 25) == number)
            assert off(frame, number) < 3


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "ffv1"])
def test_a_keyframe_without_headers_is_known_and_not_joined_to_others(codec: str, tmp_path: Path) -> None:
    usual = choose_encoder(EncodeSettings(codec=codec), WIDTH, HEIGHT, YUV, threads=1)
    files = [write(tmp_path / "a.mkv", usual, pictures(0)), write(tmp_path / "b.mkv", mixable(usual), pictures(COUNT))]
    carried = []
    for file in files:
        with av.open(str(file)) as container:
            carried.append(carries_headers(bytes(next(container.demux(video=0))), codec))
    assert carried == {"av1": [True, True], "ffv1": [False, False]}.get(codec, [False, True])
    if codec == "h264":
        other = write(tmp_path / "c.mkv", replace(usual, options=CARD["h264"]), pictures(COUNT))
        with pytest.raises(VerificationError, match="other settings"):
            join(
                [files[0], other], Timeline(tuple(range(2 * COUNT)), Fraction(1, 25), 1), [0, COUNT], tmp_path / "d.mkv"
            )


def test_what_is_no_picture_carries_nothing() -> None:
    for codec in ("h264", "hevc", "av1", "ffv1"):
        assert not carries_headers(b"", codec)
        assert not carries_headers(b"\0\0\0\1", codec)
        assert not carries_headers(bytes(40), codec)
