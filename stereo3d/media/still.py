"""Single pictures out, and the one place where frames change their colour space."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from stereo3d.errors import EncodeError
from stereo3d.frames import Colour, FrameBatch

__all__ = ["convert", "jpeg", "quick_jpeg", "write_picture"]

_FLAGS = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)
_JPEG = Colour(1, 13, 5, True)
_RGB = Colour(1, 13, 0, True)


def convert(
    converter: VideoReformatter, frame: av.VideoFrame, name: str, colour: Colour, flags: Interpolation = _FLAGS
) -> av.VideoFrame:
    """``frame``, whose own tags are right, as pixel format ``name`` with the matrix and range of ``colour``."""
    source_range = ColorRange.JPEG if frame.color_range == 2 else ColorRange.MPEG
    converted = converter.reformat(
        frame,
        format=name,
        src_colorspace=_matrix(frame.colorspace),
        dst_colorspace=_matrix(colour.matrix),
        src_color_range=source_range,
        dst_color_range=ColorRange.JPEG if colour.full_range else ColorRange.MPEG,
        interpolation=flags,
    )
    converted.colorspace, converted.color_range = colour.matrix, 2 if colour.full_range else 1
    return converted


def _matrix(code: int) -> int:
    """swscale's number of an H.273 matrix; RGB has none, and either will do."""
    return {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020}.get(
        code, Colorspace.ITU601
    )


def write_picture(path: Path, batch: FrameBatch) -> None:
    """Write a batch of one frame as PNG (8 or 16 bit RGB) or JPEG (quality near its best), by suffix. Raises EncodeError."""
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise EncodeError(f"a picture is written as .png or .jpg, not {suffix!r}", hint=f"try {path.stem}.png")
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(_png(batch) if suffix == ".png" else jpeg(batch))
        part.replace(path)
    except (av.FFmpegError, OSError) as error:
        part.unlink(missing_ok=True)
        raise EncodeError(f"{path} cannot be written: {error}", hint="check the folder and its free space") from error


def jpeg(batch: FrameBatch, scale: int = 2) -> bytes:
    """A batch of one frame as a JPEG file's content. ``scale``: of the quantiser, 1 (best) .. 31."""
    return _encoded(batch, "mjpeg", "yuvj444p", _JPEG, scale)


def quick_jpeg(batch: FrameBatch, quality: int = 90) -> bytes:
    """The same for a screen at once, 1 (least) .. 100: five times as fast, for chroma is neither interpolated nor kept whole."""
    frame = convert(VideoReformatter(), _frame(batch), "bgr24", _RGB, Interpolation.BILINEAR)
    _, content = cv2.imencode(".jpg", frame.to_ndarray(), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(content)


def _png(batch: FrameBatch) -> bytes:
    return _encoded(batch, "png", "rgb24" if batch.format.bits == 8 else "rgb48be", _RGB)


def _frame(batch: FrameBatch) -> av.VideoFrame:
    if len(batch) != 1:
        raise ValueError(f"a picture is one frame, not {len(batch)}")
    frame = av.VideoFrame.from_dlpack(tuple(p[0].cpu() for p in batch.planes), format=batch.format.name)
    source = batch.format.colour
    frame.colorspace, frame.color_range = source.matrix, 2 if source.full_range else 1
    return frame


def _encoded(batch: FrameBatch, codec: str, name: str, colour: Colour, scale: int = 0) -> bytes:
    frame = convert(VideoReformatter(), _frame(batch), name, colour)
    frame.pts = 0
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = frame.width, frame.height, name
    context.time_base = Fraction(1, 25)
    context.color_range = 2
    if scale:
        context.qmin = context.qmax = scale
    return b"".join(bytes(memoryview(p)) for p in [*context.encode(frame), *context.encode(None)])
