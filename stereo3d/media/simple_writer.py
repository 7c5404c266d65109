"""Small films for demos and tests: pictures and sound in, a file out, and pictures back.

The main job does not come through here (see :mod:`stereo3d.media.encode`): it never turns frames into RGB.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream

from stereo3d.errors import InputError

__all__ = ["read_frame", "write_film"]

_SCALER = (
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP | Interpolation.FULL_CHR_H_INT
)
_SOUND_BLOCK = 4096  # samples a packet, where the codec leaves the choice


def write_film(
    path: str | Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    rate: Fraction,
    sound: npt.NDArray[np.float32] | None = None,
    *,
    sample_rate: int = 48000,
    sound_codec: str = "flac",
    crf: int = 16,
    preset: str = "veryfast",
) -> int:
    """Write a film; the container follows the suffix (``.mkv``, ``.mp4``). Returns the number of frames.

    ``frames``: uint8 RGB [H, W, 3], full range, H and W even; frame k is shown at exactly k / rate seconds (MKV stores
    milliseconds). They become H.264, 4:2:0, BT.709 in the studio range, and are tagged so. ``sound``: float32
    [samples, 1 or 2], -1..1; ``sound_codec`` ``flac`` keeps 16 bits of it exactly, ``aac`` is smaller and smears clicks.
    Raises ValueError without a frame.
    """
    count = 0
    with av.open(str(path), "w") as container:
        video: VideoStream | None = None
        track = None if sound is None else _SoundTrack(container, sound, sample_rate, sound_codec)
        for picture in frames:
            if video is None:
                video = _add_video(container, picture, rate, crf, preset)
            container.mux(video.encode(_to_yuv(picture, count, rate)))
            count += 1
            if track is not None:
                track.write(until=int(count * sample_rate / rate))
        if video is None:
            raise ValueError(f"no frames for {path}: a film has at least one")
        container.mux(video.encode(None))
        if track is not None:
            track.write(until=len(track.samples), last=True)
    return count


def read_frame(path: str | Path, index: int) -> npt.NDArray[np.uint8]:
    """Frame ``index`` (in order of presentation, from 0) of the first video track: uint8 RGB [H, W, 3].

    Untagged video is taken as BT.709 in the studio range. Raises InputError where there is no such frame.
    """
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no video track")
        for number, frame in enumerate(container.decode(video=0)):
            if number == index:
                matrix = Colorspace.ITU709 if frame.colorspace == 2 else None
                picture = frame.reformat(
                    format="rgb24", src_colorspace=matrix, dst_color_range=ColorRange.JPEG, interpolation=_SCALER
                )
                return np.asarray(picture.to_ndarray(), dtype=np.uint8)
    raise InputError(f"{path} has no frame {index}", hint="frames are numbered from 0")


def _add_video(
    container: OutputContainer, picture: npt.NDArray[np.uint8], rate: Fraction, crf: int, preset: str
) -> VideoStream:
    stream = container.add_stream("libx264", rate=rate)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = 1 / rate
    stream.thread_type = "AUTO"
    context = stream.codec_context
    context.colorspace, context.color_range = 1, 1  # H.273: BT.709 matrix; FFmpeg: studio range
    context.color_primaries, context.color_trc = 1, 1
    stream.options = {"crf": str(crf), "preset": preset}
    return stream


def _to_yuv(picture: npt.NDArray[np.uint8], index: int, rate: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        dst_color_trc=ColorTrc.BT709,
        dst_color_primaries=ColorPrimaries.BT709,
        interpolation=_SCALER,
    )
    frame.pts, frame.time_base = index, 1 / rate
    return frame


class _SoundTrack:
    """Sound that is handed to the encoder as the picture advances, so that the container interleaves well."""

    def __init__(self, container: OutputContainer, sound: npt.NDArray[np.float32], rate: int, codec: str) -> None:
        self.samples = sound if sound.ndim == 2 else sound[:, None]
        self._layout = "stereo" if self.samples.shape[1] == 2 else "mono"
        self._container = container
        self._rate = rate
        self._done = 0
        self._stream = cast(AudioStream, container.add_stream(codec, rate=rate, layout=self._layout))
        self._planar = codec == "aac"
        if codec == "flac":
            self._stream.format = "s16"

    def write(self, *, until: int, last: bool = False) -> None:
        """Encode whole blocks up to sample ``until``; all that is left when it is the ``last`` call."""
        block = self._stream.frame_size or _SOUND_BLOCK
        while until - self._done >= block or (last and self._done < until):
            part = self.samples[self._done : min(self._done + block, until)]
            frame = self._frame(np.clip(part, -1, 1))
            frame.pts, frame.sample_rate, frame.time_base = self._done, self._rate, Fraction(1, self._rate)
            self._container.mux(self._stream.encode(frame))
            self._done += len(part)
        if last:
            self._container.mux(self._stream.encode(None))

    def _frame(self, part: npt.NDArray[np.float32]) -> av.AudioFrame:
        if self._planar:
            return av.AudioFrame.from_ndarray(np.ascontiguousarray(part.T), format="fltp", layout=self._layout)
        whole = np.rint(part * 32767).astype(np.int16).reshape(1, -1)
        return av.AudioFrame.from_ndarray(whole, format="s16", layout=self._layout)
