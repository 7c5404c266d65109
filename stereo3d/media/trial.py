"""Encoders are tried before the night: a segment of two black pictures, written and read back."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from stereo3d.colour import black
from stereo3d.errors import EncodeError, Stereo3DError, UsageError, VerificationError
from stereo3d.frames import FrameBatch, PixelFormat
from stereo3d.media.capabilities import usable_encoder
from stereo3d.media.encode import HARDWARE, EncoderSpec, choose_encoder
from stereo3d.media.info import HdrInfo
from stereo3d.media.segment import SegmentWriter
from stereo3d.media.verify import verify_segment
from stereo3d.settings import EncodeSettings

__all__ = ["trial", "tried_encoder"]

_FRAMES = 2
_HOST = torch.device("cpu")


def tried_encoder(
    settings: EncodeSettings,
    width: int,
    height: int,
    format: PixelFormat,
    *,
    stereo_mode: str = "",
    hdr: HdrInfo | None = None,
    chroma_location: str = "",
) -> EncoderSpec:
    """The encoder that the settings mean (see :func:`choose_encoder`), tried. "auto" is NVIDIA's where the settings and the
    pictures suit it and the trial succeeds, else the software. Raises UsageError."""

    def choose(*, hardware: bool) -> EncoderSpec:
        return choose_encoder(
            settings,
            width,
            height,
            format,
            stereo_mode=stereo_mode,
            hdr=hdr,
            chroma_location=chroma_location,
            hardware=hardware,
        )

    if settings.encoder == "auto" and _hardware_here():
        try:
            spec = choose(hardware=True)
        except UsageError:  # the software may well do it
            spec = None
        if spec is not None and not trial(spec, width, height, format):
            return spec
    spec = choose(hardware=settings.encoder == "nvenc")
    reason = trial(spec, width, height, format)
    if reason:
        raise UsageError(
            f"{spec.encoder} does not take {width}x{height} {format.name}: {reason}",
            hint="use --encoder software" if settings.encoder == "nvenc" else "use another --codec or --height",
        )
    return spec


def trial(spec: EncoderSpec, width: int, height: int, format: PixelFormat, device: torch.device = _HOST) -> str:
    """Empty if two black pictures, on this device, can be written with ``spec`` and read back, else why not."""
    planes = []
    for plane in range(1 if format.name.startswith("gray") else 3):
        across, down = format.plane_size(plane, width, height)
        planes.append(torch.full((_FRAMES, down, across), black(format, plane), dtype=format.dtype).to(device))
    batch = FrameBatch(tuple(planes), tuple(range(_FRAMES)), 0, format)
    with TemporaryDirectory(prefix="stereo3d-") as folder:
        path = Path(folder) / "trial.mkv"
        try:
            with SegmentWriter(
                path, spec, format, width, height, time_base=Fraction(1, 25), rate=Fraction(25), device=device
            ) as writer:
                writer.write(batch)
            verify_segment(path, _FRAMES)
        except (EncodeError, VerificationError) as error:
            return _reason(error)
    return ""


def _reason(error: Stereo3DError) -> str:
    return error.message.partition(": ")[2] or error.message


@cache
def _hardware_here() -> bool:
    """Whether any of NVIDIA's encoders opens at all; without a card the answer takes no time."""
    return any(not usable_encoder(encoder.name) for encoder in HARDWARE.values())
