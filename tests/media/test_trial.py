"""Encoders are tried before anything else is done; NVIDIA's without one: all up to the card."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from av.video.reformatter import VideoReformatter

from stereo3d.errors import UsageError
from stereo3d.frames import Colour, PixelFormat
from stereo3d.media import trial as room
from stereo3d.media.capabilities import usable_encoder
from stereo3d.media.encode import HARDWARE, choose_encoder
from stereo3d.media.info import HdrInfo
from stereo3d.media.still import convert
from stereo3d.media.tools import ffmpeg_exe
from stereo3d.media.trial import tried_encoder
from stereo3d.settings import EncodeSettings

YUV = PixelFormat("yuv420p", 8, 1, 1, Colour(1, 1, 1))
TEN = PixelFormat("yuv420p10le", 10, 1, 1, Colour(9, 16, 9))
HDR = HdrInfo((Fraction(1),) * 10, 1000, 400)
HERE = not usable_encoder("h264_nvenc")


def test_a_picture_that_the_encoder_refuses_is_found_before_the_night() -> None:
    spec = choose_encoder(EncodeSettings(codec="h264"), 256, 128, YUV)
    assert not room.trial(spec, 256, 128, YUV)
    assert room.trial(replace(spec, options=(("preset", "nonsense"),)), 256, 128, YUV)
    assert room.trial(replace(spec, encoder="libsvtav1", pix_fmt="yuv444p", options=()), 256, 128, YUV)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "ffv1"])
def test_software_passes_its_trial(codec: str) -> None:
    spec = tried_encoder(EncodeSettings(codec=codec, encoder="software"), 256, 128, YUV)
    assert spec == choose_encoder(EncodeSettings(codec=codec), 256, 128, YUV)


@pytest.mark.skipif(HERE, reason="this machine has NVIDIA's encoders")
@pytest.mark.parametrize("codec", HARDWARE)
def test_without_a_card_auto_is_software_and_nvenc_is_refused(codec: str) -> None:
    assert not tried_encoder(EncodeSettings(codec=codec), 256, 128, YUV).encoder.endswith("nvenc")
    with pytest.raises(UsageError, match="nvenc does not take 256x128") as caught:
        tried_encoder(EncodeSettings(codec=codec, encoder="nvenc"), 256, 128, YUV)
    assert "software" in caught.value.hint


@pytest.mark.skipif(not HERE, reason="needs NVIDIA's encoders")
@pytest.mark.parametrize("codec", HARDWARE)
@pytest.mark.parametrize("format", [YUV, TEN])
def test_with_a_card_auto_is_nvenc(codec: str, format: PixelFormat) -> None:
    if format.bits in HARDWARE[codec].depths and not usable_encoder(HARDWARE[codec].name):
        assert tried_encoder(EncodeSettings(codec=codec), 512, 256, format).encoder == HARDWARE[codec].name


def test_a_card_that_fails_its_trial_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def trial(spec: object, *_: object) -> str:
        tried.append(spec.encoder)
        return "no free session" if spec.encoder.endswith("nvenc") else ""

    monkeypatch.setattr(room, "trial", trial)
    monkeypatch.setattr(room, "_hardware_here", lambda: True)
    assert tried_encoder(EncodeSettings(), 256, 128, YUV).encoder == "libx264"
    assert tried == ["h264_nvenc", "libx264"]
    tried.clear()
    # What only the software can do is not even tried on the card.
    assert tried_encoder(EncodeSettings(encoder_preset="slow"), 256, 128, YUV).encoder == "libx264"
    assert tried_encoder(EncodeSettings(codec="av1"), 256, 128, TEN, hdr=HDR).encoder == "libsvtav1"
    assert tried_encoder(EncodeSettings(codec="ffv1"), 256, 128, YUV).encoder == "ffv1"
    assert tried == ["libx264", "libsvtav1", "ffv1"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"codec": "ffv1"}, "no ffv1"),
        ({"codec": "av1", "hdr": HDR}, "mastering display"),
        ({"codec": "hevc", "encoder_preset": "fast"}, "presets"),
        ({"codec": "hevc", "width": 16384}, "8192"),
        ({"codec": "h264", "format": TEN}, "10-bit"),
    ],
)
def test_what_nvenc_cannot_do_is_refused(options: dict[str, object], says: str) -> None:
    settings = {k: v for k, v in options.items() if k in ("codec", "encoder_preset")}
    with pytest.raises(UsageError, match=says):
        choose_encoder(
            EncodeSettings(**settings),
            options.get("width", 256),
            128,
            options.get("format", YUV),
            hdr=options.get("hdr"),
            hardware=True,
        )


@pytest.mark.parametrize("codec", HARDWARE)
def test_ffmpeg_knows_every_option_that_nvenc_is_given(codec: str) -> None:
    spec = choose_encoder(EncodeSettings(codec=codec, crf=25), 256, 128, YUV, hardware=True)
    options = dict(spec.options)
    assert (options["cq"], options["rc"], options["b"]) == ("25", "vbr", "0")
    argv = [ffmpeg_exe(), "-hide_banner", "-h", f"encoder={spec.encoder}"]
    known = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert spec.pix_fmt in known
    for name in options.keys() - {"b"}:  # the bit rate is an option of every encoder
        assert f"  -{name} " in known
    for choice in (options["preset"], options["tune"], options["rc"]):
        assert f"     {choice} " in known


def test_ten_bits_reach_nvenc_unchanged() -> None:
    assert choose_encoder(EncodeSettings(codec="hevc"), 256, 128, TEN, hardware=True).pix_fmt == "p010le"
    make = torch.Generator().manual_seed(1)
    planes = tuple(torch.randint(0, 1024, s, generator=make).to(torch.uint16) for s in ((48, 64), (24, 32), (24, 32)))
    frame = av.VideoFrame.from_dlpack(planes, format="yuv420p10le")
    frame.colorspace, frame.color_range = 9, 1
    deep = convert(VideoReformatter(), frame, "p010le", TEN.colour)
    luma = np.frombuffer(deep.planes[0], np.uint16).reshape(48, -1)[:, :64]
    chroma = np.frombuffer(deep.planes[1], np.uint16).reshape(24, -1)[:, :64]
    assert np.array_equal(luma >> 6, planes[0].numpy())
    assert np.array_equal(chroma[:, 0::2] >> 6, planes[1].numpy())
    assert np.array_equal(chroma[:, 1::2] >> 6, planes[2].numpy())
