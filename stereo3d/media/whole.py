"""Does everything in a finished film decode? The thorough half of verification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

from stereo3d.errors import VerificationError

__all__ = ["decode_whole"]

_EVERY = 24  # frames between two signs of life


def decode_whole(film: Path, frames: int, on_frames: Callable[[int], None]) -> tuple[str, ...]:
    """Decode all pictures and all sound of ``film``, which must hold ``frames`` pictures.

    ``on_frames`` hears how many pictures are done. Pictures are ours: one that does not decode cleanly raises
    VerificationError. Sound is the source's, packet by packet: one line for every track with packets that do not decode.
    """
    pictures = 0
    silent: dict[int, int] = {}
    try:
        with av.open(f"file:{film}") as container:
            video = container.streams.video[0]
            video.codec_context.options = {"err_detect": "explode"}
            video.thread_type = "AUTO"
            for packet in container.demux(video, *container.streams.audio):
                if packet.stream_index != video.index:
                    silent[packet.stream_index] = silent.get(packet.stream_index, 0) + (not _sounds(packet))
                    continue
                for frame in packet.decode():
                    pictures += 1
                    if getattr(frame, "is_corrupt", False):
                        raise VerificationError(f"{film.name}: frame {pictures - 1} is damaged", hint=_AGAIN)
                    if pictures % _EVERY == 0:
                        on_frames(pictures)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise VerificationError(f"{film.name} cannot be decoded at frame {pictures}: {error}", hint=_AGAIN) from error
    if pictures != frames:
        raise VerificationError(f"{film.name} decodes to {pictures} frames, not {frames}", hint=_AGAIN)
    return tuple(
        f"{count} packet(s) of sound in stream {index} do not decode: they are as in the source"
        for index, count in sorted(silent.items())
        if count
    )


_AGAIN = "run the same command again"


def _sounds(packet: Packet[Stream]) -> bool:
    try:
        packet.decode()
    except av.FFmpegError:
        return False
    return True
