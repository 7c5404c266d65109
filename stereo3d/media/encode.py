"""Which encoder, with which settings: decided, and refused where it cannot work, before anything starts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from stereo3d.errors import UsageError
from stereo3d.frames import Colour, PixelFormat
from stereo3d.media.info import HdrInfo
from stereo3d.media.sei import PACKINGS, hdr10_units
from stereo3d.settings import EncodeSettings

__all__ = [
    "ENCODERS",
    "HARDWARE",
    "Encoder",
    "EncoderSpec",
    "at_quality",
    "choose_encoder",
    "is_hardware",
    "lossless",
    "mixable",
]

_X26X_PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Encoder:
    """What an encoder can do. ``depths``: bits a sample; ``chroma``: 4:2:x layouts; ``limit``: pixels a side;
    ``max_crf`` None: it is lossless. ``bits``: bits a pixel of film at its usual ``crf``, on the large side; six steps halve it."""

    name: str
    depths: tuple[int, ...]
    chroma: tuple[str, ...]
    limit: int
    presets: tuple[str, ...]
    preset: str
    crf: int
    max_crf: int | None
    bits: float


_ALL_CHROMA = ("420", "422", "444")
ENCODERS = {
    "h264": Encoder("libx264", (8, 10), _ALL_CHROMA, 4096, _X26X_PRESETS, "veryfast", 18, 51, 0.16),
    "hevc": Encoder("libx265", (8, 10, 12), _ALL_CHROMA, 16384, _X26X_PRESETS, "fast", 20, 51, 0.1),
    "av1": Encoder("libsvtav1", (8, 10), ("420",), 16384, tuple(str(n) for n in range(14)), "8", 28, 63, 0.08),
    "ffv1": Encoder("ffv1", (8, 10, 12), _ALL_CHROMA, 65536, (), "", 0, None, 5.0),
}
_LOSSLESS = {"level": "3", "g": "1", "slicecrc": "1", "slices": "12"}
_NVENC_PRESETS = tuple(f"p{n}" for n in range(1, 8))
HARDWARE = {
    "h264": Encoder("h264_nvenc", (8,), ("420",), 4096, _NVENC_PRESETS, "p5", 21, 51, 0.16),
    "hevc": Encoder("hevc_nvenc", (8, 10), ("420",), 8192, _NVENC_PRESETS, "p5", 24, 51, 0.1),
    "av1": Encoder("av1_nvenc", (8, 10), ("420",), 8192, _NVENC_PRESETS, "p5", 30, 63, 0.08),
}
"""NVIDIA's encoders, by the limits of the Video Codec SDK's table; which of them a card has is found by trying."""


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """An encoder with all its settings. Two segments written with equal specs can be joined without encoding again; so can those of
    a hardware encoder and of its :func:`mixable` substitute.

    ``pix_fmt`` is what the encoder is fed (grey and RGB become YUV, except for the lossless codec). ``options`` are FFmpeg's
    encoder options. ``threads``: 0 = as many as the encoder likes. ``frame_packing``: the stereo mode that is said inside the
    pictures, a key of :data:`stereo3d.media.sei.PACKINGS`, or "". ``units``: what else is put into every keyframe, in hexadecimal.
    """

    codec: str
    encoder: str
    pix_fmt: str
    colour: Colour
    crf: float | None
    preset: str
    options: tuple[tuple[str, str], ...]
    threads: int = 0
    frame_packing: str = ""
    units: str = ""

    @property
    def is_hardware(self) -> bool:
        """Whether a card encodes. Its pictures may be joined with those of another encoder, as every keyframe has its own headers."""
        return is_hardware(self.encoder)


def is_hardware(encoder: str) -> bool:
    """Whether FFmpeg's encoder of this name is a card's."""
    return any(encoder == known.name for known in HARDWARE.values())


def mixable(spec: EncoderSpec) -> EncoderSpec:
    """A software encoder whose segments can stand between those of a hardware encoder: keyframes carry their headers with them.
    (SVT-AV1's always do.)"""
    name = {"libx264": "x264-params", "libx265": "x265-params"}.get(spec.encoder, "")
    options = dict(spec.options)
    if name and "repeat-headers=1" not in options.get(name, ""):
        options[name] = ":".join(filter(None, (options.get(name, ""), "repeat-headers=1")))
    return replace(spec, options=tuple(options.items()))


def choose_encoder(
    settings: EncodeSettings,
    width: int,
    height: int,
    format: PixelFormat,
    *,
    stereo_mode: str = "",
    hdr: HdrInfo | None = None,
    chroma_location: str = "",
    threads: int = 0,
    hardware: bool = False,
) -> EncoderSpec:
    """The encoder for packed pictures of ``width`` x ``height``.

    ``stereo_mode`` (see :meth:`stereo3d.layouts.Layout.packing_mode`; "" for flat pictures) is said inside the pictures where the
    settings want that. 'auto' means H.264 for 8 bit up to 4096 pixels a side, which every player knows, else
    HEVC. ``hardware``: NVIDIA's instead of the software one. Raises UsageError.
    """
    codec = settings.codec
    if codec == "auto":
        codec = "h264" if format.bits == 8 and max(width, height) <= ENCODERS["h264"].limit else "hevc"
    encoder = _encoder(codec, hdr, hardware=hardware)
    _check_picture(codec, encoder, width, height, format)
    preset = _preset(codec, encoder, settings.encoder_preset)
    crf = _crf(codec, encoder, settings)
    sized = settings.target_size is not None
    pix_fmt, colour = _fed_format(encoder, format)
    pix_fmt = _nvenc_format(pix_fmt) if hardware else pix_fmt
    options = {} if encoder.max_crf is None else {"preset": preset, "cq" if hardware else "crf": str(crf)}
    if chroma_location and pix_fmt.startswith("yuv420"):
        options["chroma_sample_location"] = chroma_location
    if encoder.name == "libx264":
        # Segments of different quality can only be joined where the film's header does not name the quality.
        options["x264-params"] = ":".join([*_x264_parameters(hdr), *(["stitchable=1"] if sized else [])])
    elif encoder.name == "libx265":
        options["x265-params"] = ":".join(["log-level=none", *_x265_parameters(hdr), *(["info=0"] if sized else [])])
    elif encoder.name == "libsvtav1":
        options["svtav1-params"] = ":".join(_svtav1_parameters(hdr))
    elif hardware:
        options |= {"tune": "hq", "rc": "vbr", "b": "0", "spatial-aq": "1", "rc-lookahead": "20"}
    else:
        options |= _LOSSLESS
    kept = tuple((key, value) for key, value in options.items() if value)
    packing = _frame_packing(codec, stereo_mode) if settings.frame_packing_sei else ""
    units = hdr10_units(hdr).hex() if hardware and hdr is not None else ""
    return EncoderSpec(codec, encoder.name, pix_fmt, colour, crf, preset, kept, threads, packing, units)


def at_quality(spec: EncoderSpec, crf: float) -> EncoderSpec:
    """The same encoder at another quality, which need not be a whole number."""
    options = dict(spec.options)
    if spec.encoder == "libsvtav1":  # FFmpeg's own option takes whole numbers only
        options.pop("crf", None)
        others = [o for o in options.get("svtav1-params", "").split(":") if o and not o.startswith("crf=")]
        options["svtav1-params"] = ":".join([f"crf={crf:.2f}", *others])
    else:
        options["cq" if "cq" in options else "crf"] = f"{crf:.2f}"
    return replace(spec, crf=crf, options=tuple(options.items()))


def lossless(spec: EncoderSpec) -> EncoderSpec:
    """What keeps the pictures that ``spec`` is fed for a while, as they are: quick, and large."""
    pix_fmt = {"p010le": "yuv420p10le"}.get(spec.pix_fmt, spec.pix_fmt)
    quick = (*_LOSSLESS.items(), ("coder", "0"), ("context", "0"))
    return EncoderSpec("ffv1", "ffv1", pix_fmt, spec.colour, None, "", quick)


def _encoder(codec: str, hdr: HdrInfo | None, *, hardware: bool) -> Encoder:
    if not hardware:
        return ENCODERS[codec]
    if codec not in HARDWARE:
        raise UsageError(f"--encoder nvenc: it has no {codec}", hint="use --encoder software")
    if hdr is not None and codec != "hevc":
        raise UsageError(
            f"--encoder nvenc would lose the film's mastering display and light level in {codec}",
            hint="use --codec hevc or --encoder software",
        )
    return HARDWARE[codec]


def _frame_packing(codec: str, mode: str) -> str:
    if codec not in ("h264", "hevc"):
        raise UsageError(f"--frame-packing-sei: {codec} has no such message", hint="use --codec h264 or hevc")
    if mode not in PACKINGS:
        raise UsageError(
            "--frame-packing-sei: televisions know it for side by side and over-under only",
            hint="use --layout sbs-half or ou-half, or leave it away",
        )
    return mode


def _check_picture(codec: str, encoder: Encoder, width: int, height: int, format: PixelFormat) -> None:
    if width % 2 or height % 2:
        raise UsageError(f"a picture of {width}x{height} cannot be encoded", hint="both sides must be even")
    if max(width, height) > encoder.limit:
        other = "hevc" if codec == "h264" else "ffv1" if codec != "ffv1" else ""
        raise UsageError(
            f"--codec {codec}: {width}x{height} is beyond its limit of {encoder.limit} pixels a side",
            hint=f"use --codec {other}, a half layout (sbs-half, ou-half), or a smaller --height" if other else "",
        )
    if format.bits not in encoder.depths:
        raise UsageError(
            f"--codec {codec} cannot hold {format.bits}-bit pictures; it takes {', '.join(map(str, encoder.depths))} bit",
            hint="use --codec hevc",
        )
    chroma = format.name[3:6]
    if format.name.startswith("yuv") and chroma not in encoder.chroma:
        raise UsageError(
            f"--codec {codec} cannot hold {format.name} pictures; it takes 4:2:0 only", hint="use --codec hevc or h264"
        )


def _preset(codec: str, encoder: Encoder, preset: str | None) -> str:
    if preset is None:
        return encoder.preset
    if not encoder.presets:
        raise UsageError(f"--encoder-preset {preset}: {codec} has no presets", hint="leave --encoder-preset away")
    if preset not in encoder.presets:
        raise UsageError(
            f"--encoder-preset {preset!r} is none of {codec}'s presets",
            hint=f"{codec} knows {', '.join(encoder.presets)}",
        )
    return preset


def _crf(codec: str, encoder: Encoder, settings: EncodeSettings) -> int | None:
    crf = settings.crf
    if settings.target_size is not None:
        if encoder.max_crf is None:
            raise UsageError(
                f"--target-size: {codec} is lossless and as large as it is", hint="use --codec h264, hevc or av1"
            )
        if crf is not None:
            raise UsageError("--target-size and --crf exclude one another", hint="leave one of them away")
    if encoder.max_crf is None:
        if crf is not None:
            raise UsageError(f"--crf {crf}: {codec} is lossless and has no quality setting", hint="leave --crf away")
        return None
    if crf is None:
        return encoder.crf
    if crf > encoder.max_crf:
        raise UsageError(f"--crf {crf} is beyond {codec}'s range of 0..{encoder.max_crf}", hint=f"try {encoder.crf}")
    return crf


def _fed_format(encoder: Encoder, format: PixelFormat) -> tuple[str, Colour]:
    """(pixel format, colour) the encoder gets. Grey and RGB would play almost nowhere, so they become 4:2:0 (not in ffv1)."""
    if encoder.max_crf is None or format.name.startswith("yuv"):
        # ffv1 knows 8-bit RGB only as packed; putting the planes together loses nothing.
        return ("bgr0" if format.name == "gbrp" else format.name), format.colour
    suffix = "" if format.bits == 8 else f"{format.bits}le"
    colour = format.colour
    if format.is_rgb:
        colour = Colour(colour.primaries, colour.transfer, 9 if colour.primaries == 9 else 1, False)
    return f"yuv420p{suffix}", colour


def _nvenc_format(pix_fmt: str) -> str:
    """NVENC takes ten bits only at the upper end of a word, chroma together."""
    return "p010le" if pix_fmt == "yuv420p10le" else pix_fmt


def _x264_parameters(hdr: HdrInfo | None) -> list[str]:
    parameters = []
    # With AVX-512 x264's macroblock tree gives other pictures from run to run, at most widths; a film that is continued
    # must be the film that was begun. (Named outright it would crash where a processor has not even AVX2.)
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        parameters.append("asm=avx2")
    if hdr is not None and hdr.mastering:
        parameters.append(f"mastering-display={_mastering(hdr)}")
    if hdr is not None and (hdr.max_cll or hdr.max_fall):
        parameters.append(f"cll={hdr.max_cll},{hdr.max_fall}")
    return parameters


def _x265_parameters(hdr: HdrInfo | None) -> list[str]:
    if hdr is None:
        return []
    parameters = ["hdr10=1", "repeat-headers=1"]
    if hdr.mastering:
        parameters.append(f"master-display={_mastering(hdr)}")
    if hdr.max_cll or hdr.max_fall:
        parameters.append(f"max-cll={hdr.max_cll},{hdr.max_fall}")
    return parameters


def _svtav1_parameters(hdr: HdrInfo | None) -> list[str]:
    parameters = []
    if hdr is not None and hdr.mastering:
        r, g, b, white, light = (tuple(float(v) for v in hdr.mastering[i : i + 2]) for i in range(0, 10, 2))
        pairs = zip("GBR", (g, b, r), strict=True)
        primaries = "".join(f"{name}({x:.4f},{y:.4f})" for name, (x, y) in pairs)
        parameters.append(
            f"mastering-display={primaries}WP({white[0]:.4f},{white[1]:.4f})L({light[1]:.4f},{light[0]:.4f})"
        )
    if hdr is not None and (hdr.max_cll or hdr.max_fall):
        parameters.append(f"content-light={hdr.max_cll},{hdr.max_fall}")
    return parameters


def _mastering(hdr: HdrInfo) -> str:
    """x264's and x265's notation: G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min); chromaticity in 1/50000, light in 1/10000 cd/m2."""
    r, g, b, white = (tuple(round(v * 50000) for v in hdr.mastering[i : i + 2]) for i in range(0, 8, 2))
    low, high = (round(v * 10000) for v in hdr.mastering[8:10])
    pairs = zip(("G", "B", "R", "WP"), (g, b, r, white), strict=True)
    return "".join(f"{name}({x},{y})" for name, (x, y) in pairs) + f"L({high},{low})"
