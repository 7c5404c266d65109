"""Frames between FFmpeg and a CUDA device without the host: NVDEC's out of it, NVENC's into it, both by DLPack.

The video engines know semi-planar frames only (nv12, p010: chroma interleaved, ten bits at the upper end of a word); the
pipeline knows planes, as software decodes them. Both are the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import av
import torch
from av.codec.hwaccel import HWAccel
from av.video.frame import CudaContext

from stereo3d.media.geometry import output_size
from stereo3d.media.info import MediaInfo

__all__ = ["DeviceFrames", "copy_from_device", "nvdec", "nvdec_refusal", "planar", "semi_planar", "semi_planar_format"]

_CODECS = ("h264", "hevc", "av1")
_FORMATS = ("yuv420p", "yuvj420p", "yuv420p10le")
_TEN_BIT_SHIFT = 6
PITCH = 256
"""Samples of a row of a frame for the engines, or a multiple."""


class Exports(Protocol):
    """What gives a tensor away."""

    def __dlpack__(self) -> object: ...


def nvdec_refusal(info: MediaInfo, height: int | None) -> str:
    """Why NVDEC's frames cannot be taken as they come for this source at this height; "" if they can. Pure: whether this
    machine has it shows when it is tried."""
    video = info.video
    if info.kind != "film" or video.codec not in _CODECS:
        return f"it does not decode {video.codec or info.kind}"
    if video.source_format not in _FORMATS:
        return f"it does not decode {video.source_format}"
    if video.interlaced:
        return "the source is deinterlaced"
    coded = video.width, video.height
    if video.rotation or video.hflip or video.sar != 1 or output_size(video, height) != coded:
        return "the source is scaled or turned"
    return ""


def nvdec(device: torch.device) -> HWAccel:
    """For :func:`av.open`: decode on this device and leave the frames there; what it cannot decode is an error."""
    return HWAccel("cuda", device=str(device.index or 0), allow_software_fallback=False, is_hw_owned=True)


def copy_from_device(frame: av.VideoFrame, targets: tuple[torch.Tensor, ...]) -> None:
    """A device frame's picture to planes ([h, w] each, on that device). The frame may go when this returns: its surface belongs
    to the decoder, which has few."""
    device = targets[0].device
    own = torch.cuda.current_stream(device)
    own.wait_stream(torch.cuda.default_stream(device))  # on which FFmpeg fills the surface
    for source, target in zip(planar(frame.planes, targets[0].dtype), targets, strict=True):
        target.copy_(source[: target.shape[0], : target.shape[1]])
    own.synchronize()


def planar(planes: Sequence[Exports], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Luma [h, w] and the chroma planes [h/2, w/2] of a semi-planar frame: views of it for 8 bit; ten bits (``dtype`` uint16) are
    brought to the lower end."""
    # The capsule is asked for without a stream, which PyAV does not know.
    luma, chroma = (torch.utils.dlpack.from_dlpack(plane.__dlpack__()) for plane in planes)
    if dtype == torch.uint16:
        luma, chroma = ((t.to(torch.int32) >> _TEN_BIT_SHIFT).to(torch.uint16) for t in (luma, chroma))
    return luma, chroma[..., 0], chroma[..., 1]


def semi_planar(planes: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The reverse of :func:`planar`: (luma [h, w], chroma [h/2, w/2, 2]), views of one piece of memory, chroma right below luma, rows
    of :data:`PITCH` samples or a multiple of it: an engine is told where luma begins and how long a row is, and finds chroma by that."""
    (height, width), dtype = planes[0].shape, planes[0].dtype
    whole = planes[0].new_empty((height + height // 2, -(-width // PITCH) * PITCH))
    luma, chroma = whole[:height, :width], whole[height:, :width].view(height // 2, width // 2, 2)
    for target, source in zip((luma, chroma[..., 0], chroma[..., 1]), planes, strict=True):
        if dtype == torch.uint16:
            source = (source.to(torch.int32) << _TEN_BIT_SHIFT).to(torch.uint16)
        target.view(_signed(target)).copy_(source.view(_signed(source)))
    return luma, chroma


def _signed(tensor: torch.Tensor) -> torch.dtype:
    """uint16 has few kernels; the same bits signed have all."""
    return torch.int16 if tensor.dtype == torch.uint16 else tensor.dtype


def semi_planar_format(dtype: torch.dtype) -> str:
    """FFmpeg's name of what :func:`semi_planar` gives."""
    return "p010le" if dtype == torch.uint16 else "nv12"


class DeviceFrames:
    """Frames for NVENC from planes that lie on its device; on the host (for tests) the same frames there."""

    def __init__(self, device: torch.device) -> None:
        self._context = CudaContext(device.index or 0, primary_ctx=True) if device.type == "cuda" else None

    def frame(self, planes: Sequence[torch.Tensor]) -> av.VideoFrame:
        """4:2:0 planes ([h, w] each, 8 or 10 bit) as a frame that keeps them alive."""
        name, pair = semi_planar_format(planes[0].dtype), semi_planar(planes)
        if self._context is None:
            return av.VideoFrame.from_dlpack(pair, format=name)
        with torch.cuda.device(pair[0].device):  # torch gives away what lies on the current one alone
            torch.cuda.current_stream().synchronize()  # FFmpeg does not know on which stream it was made
            return av.VideoFrame.from_dlpack(
                pair, format=name, device_id=self._context.device_id, primary_ctx=True, cuda_context=self._context
            )
