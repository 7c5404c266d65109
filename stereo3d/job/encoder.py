"""Which encoder writes the output: the one that is asked for, that the job began with, and that stands in where it fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from stereo3d.errors import UsageError
from stereo3d.job.framing import written_size
from stereo3d.job.job import Wish
from stereo3d.job.manifest import Manifest
from stereo3d.media.depth_video import depth_encoder
from stereo3d.media.encode import EncoderSpec, mixable
from stereo3d.media.info import MediaInfo
from stereo3d.media.trial import tried_encoder
from stereo3d.pipeline.recipe import Numerics
from stereo3d.plan.bars import Framing
from stereo3d.render.pack import Packing, packed_format
from stereo3d.render.paint import PAINTED
from stereo3d.settings import EncodeSettings, Settings

__all__ = ["as_begun", "encoder_for", "substitute_for", "with_fixed_threads"]


def encoder_for(
    info: MediaInfo, encode: EncodeSettings, settings: Settings, framing: Framing, *, canvas: bool = True
) -> EncoderSpec:
    """The encoder, refused before anything starts if it cannot hold the packed picture."""
    video = info.video
    if settings.paint.colormap == "none":
        if encode.target_size is not None:
            raise UsageError("--target-size goes with pictures, not with grey depth", hint="leave it away")
        return depth_encoder(encode.depth_codec)
    width, height = written_size(info, settings, framing, canvas=canvas)
    if settings.paint.colormap is not None:
        return tried_encoder(encode, width, height, PAINTED)
    packing = Packing.of(settings)
    return tried_encoder(
        encode,
        width,
        height,
        packed_format(video.format, packing.layout),
        stereo_mode=packing.layout.packing_mode(packing.swap_eyes),
        hdr=video.hdr,
        chroma_location=video.chroma_location,
    )


def with_fixed_threads(encoder: EncoderSpec, numerics: Numerics) -> EncoderSpec:
    """x264's pictures depend on its number of threads, which it would choose by itself: this is what it would choose."""
    if encoder.encoder != "libx264":
        return encoder
    return replace(encoder, threads=min(16, numerics.threads * 3 // 2))


def as_begun(wish: Wish, earlier: Manifest | None) -> Wish:
    """The wish with the encoder that the job began with, where one was to be chosen: what this machine has may have changed since.

    Raises UsageError where that one is not to be had any more.
    """
    now, then = wish.settings.to_flat(), earlier.settings if earlier is not None else {}
    ours = wish.settings.encode.encoder == "auto" and all(
        now[n] == then.get(n) for n in ("encoder", "codec", "colormap")
    )
    if earlier is None or not ours or earlier.encoder in ("", wish.encoder.encoder):
        return wish
    kind: Literal["nvenc", "software"] = "nvenc" if earlier.encoder.endswith("_nvenc") else "software"
    encode = wish.encode.model_copy(update={"encoder": kind})
    canvas = wish.settings.picture.bars != "crop"
    try:
        encoder = encoder_for(wish.info, encode, wish.settings, Framing(), canvas=canvas)
    except UsageError as error:
        raise UsageError(
            f"this film was begun with {earlier.encoder}, which does not do it now: {error.message}",
            hint="cure that, or begin anew with --encoder software (what is done is then made again)",
        ) from error
    return replace(wish, encode=encode, encoder=encoder)


def substitute_for(wish: Wish, encoder: EncoderSpec, framing: Framing, numerics: Numerics) -> EncoderSpec | None:
    """The software encoder for the segments at which a hardware encoder fails."""
    if not encoder.is_hardware:
        return None
    software = {"encoder": "software", "codec": encoder.codec, "encoder_preset": None}
    spec = encoder_for(wish.info, wish.encode.model_copy(update=software), wish.settings, framing)
    return mixable(with_fixed_threads(spec, numerics))
