"""Depth films: how ours are encoded and marked, and how those of any tool are read."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from stereo3d.errors import InputError, UsageError
from stereo3d.frames import Colour, PixelFormat, Timeline
from stereo3d.media.decode import copy_plane
from stereo3d.media.encode import EncoderSpec
from stereo3d.media.formats import plain_name
from stereo3d.media.info import MediaInfo
from stereo3d.media.probe import open_input, probe
from stereo3d.media.reader import open_reader

__all__ = ["DepthMark", "DepthVideo", "depth_encoder", "depth_format", "match_frames", "open_depth", "read_mark"]

_HINT = "name a grey depth film (white is near), or a folder of numbered grey pictures, of this film"
_TAG = "STEREO3D_DEPTH"
_ASPECT = 0.03  # nets round their size to multiples of 14; other shapes are other films, or bars that were cut off
_SECONDS = 0.001  # Matroska rounds times to 1 ms, the film's and the depth's
_RINGING = 4  # codes (of 8 bit) that encoders overshoot by
_GREY = Colour(1, 1, 1, True)


def depth_format(codec: str) -> PixelFormat:
    """The grey format that depth is kept in: 12 bit in HEVC, 16 bit in the lossless codec."""
    bits = 16 if codec == "ffv1" else 12
    return PixelFormat(f"gray{bits}le", bits, 0, 0, _GREY)


def depth_encoder(codec: str) -> EncoderSpec:
    """How depth is encoded: ``hevc`` is some 10 KiB for a map of 518x924, off by 0.03 % of the range on average; ``ffv1``
    is exact to 16 bit and twenty times as large (docs/guides/depth.md)."""
    name = depth_format(codec).name
    if codec == "ffv1":
        options = {"level": "3", "g": "1", "slicecrc": "1", "slices": "12"}
        return EncoderSpec(codec, "ffv1", name, _GREY, None, "", tuple(options.items()))
    # Without B-frames, whose skipped blocks smear moving edges; the finest quantiser that x265 takes.
    options = {"preset": "ultrafast", "x265-params": "log-level=none:qp=0:bframes=0:keyint=48:open-gop=0:info=0"}
    return EncoderSpec(codec, "libx265", name, _GREY, None, "ultrafast", tuple(options.items()))


@dataclass(frozen=True, slots=True)
class DepthMark:
    """What a depth film of ours says about itself. ``model`` and ``identity``: what made it. ``screens``: (frame, depth on
    the screen from there on), as the shots were judged when it was made; empty where that was the user's choice."""

    model: str
    identity: str
    screens: tuple[tuple[int, float], ...] = ()

    def tags(self) -> dict[str, str]:
        """Metadata for the container."""
        value = {"version": 1, "near": 1, "far": 0, "model": self.model, "identity": self.identity}
        text = json.dumps({**value, "screens": self.screens}, separators=(",", ":"))
        return {"title": f"depth by {self.model}: white is near", _TAG: text}

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> DepthMark | None:
        """The mark in a container's metadata, or None where it is not a depth film of ours."""
        try:
            value: dict[str, Any] = json.loads(tags[_TAG])
            screens = tuple((int(frame), float(depth)) for frame, depth in value["screens"])
            return cls(str(value["model"]), str(value["identity"]), screens)
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class DepthVideo:
    """The depth film to render from. ``timeline``: of the pictures that belong to the output's frames, in their order, in
    the depth film's own time base. ``screens``: (output frame, depth on the screen from there on), or empty. ``model``: what made
    it, "" where it does not say. ``faults``: one line for everything that is wrong with it."""

    info: MediaInfo
    timeline: Timeline
    seekable: bool
    screens: tuple[tuple[int, float], ...] = ()
    model: str = ""
    faults: tuple[str, ...] = ()

    def screen(self, frame: int) -> float | None:
        """The depth on the screen at an output frame, None where the file does not say."""
        place = bisect_right(self.screens, frame, key=lambda item: item[0]) - 1
        return self.screens[place][1] if place >= 0 else None

    @classmethod
    def matched(
        cls, info: MediaInfo, whole: Timeline, seekable: bool, frames: Sequence[int], mark: DepthMark | None
    ) -> DepthVideo:
        """``frames``: for each output frame, its picture's number in the depth film (see :func:`match_frames`)."""
        timeline = Timeline(tuple(whole.pts[n] for n in frames), whole.time_base, whole.last_duration)
        screens, model = (mark.screens, mark.model) if mark is not None else ((), "")
        video = cls(info, timeline, seekable, screens, model)
        if not video.screens or len(frames) == len(whole):
            return video
        moved = [(number, video.screen(n)) for number, n in enumerate(frames)]
        return replace(video, screens=tuple((number, z) for number, z in moved if z is not None))


def match_frames(film: Timeline, depth: Timeline, *, part: bool) -> tuple[int, ...] | None:
    """For each of the film's frames the number of its depth picture, or None where they do not belong together.

    As many pictures as frames go together by number, whatever their times. For a ``part`` of a film (or fewer frames a
    second) pictures of the whole film go by time, to a millisecond.
    """
    if len(film) == len(depth):
        return tuple(range(len(film)))
    if not part or len(film) > len(depth):
        return None
    times = [float(pts * depth.time_base) for pts in depth.pts]
    found: list[int] = []
    for pts in film.pts:
        wanted = float(pts * film.time_base)
        place = bisect_right(times, wanted + _SECONDS) - 1
        if place < 0 or wanted - times[place] > _SECONDS or (found and place <= found[-1]):
            return None
        found.append(place)
    return tuple(found)


def read_mark(path: Path) -> DepthMark | None:
    """The mark of a depth film of ours; None for all else. Raises InputError."""
    if path.is_dir():
        return None
    with open_input(path) as container:
        return DepthMark.of(container.metadata)


def _uses_all_codes(frame: av.VideoFrame, format: PixelFormat) -> bool:
    """Whether depth that is not tagged as full range is so all the same: what is written through H.264 or HEVC loses its
    tag easily. Grey without a tag is, and so is a picture that goes beyond 16..235 (of 8 bit) in some places."""
    if format.name.startswith("gray") and frame.color_range != 1:
        return True
    if plain_name(frame.format.name) != format.name or format.is_rgb:
        return False
    luma = torch.empty((frame.planes[0].height, frame.planes[0].width), dtype=format.dtype)
    copy_plane(frame.planes[0], luma)
    low, high = np.quantile(luma.numpy(), (0.002, 0.998)) / (1 << (format.bits - 8))
    return bool(low < 16 - _RINGING or high > 235 + _RINGING)


def open_depth(path: Path, size: tuple[int, int]) -> MediaInfo:
    """Look at a depth film, or a folder of pictures, for a film of ``size`` (width, height). Frames will travel as grey of up
    to 16 bit where they are grey, else in the format they have. Raises UsageError."""
    try:
        info = probe(path)
        with open_reader(info) as reader:
            first = next(reader.frames(), None)
    except InputError as error:
        raise UsageError(f"--depth-from: {error.message}", hint=_HINT) from error
    video = info.video
    shape = video.out_width / video.out_height
    wanted = size[0] / size[1]
    if abs(shape / wanted - 1) > _ASPECT:
        raise UsageError(
            f"--depth-from {path}: {video.out_width}x{video.out_height} has another shape than the film's {size[0]}x{size[1]}",
            hint="any size will do, but the whole picture with the film's aspect, bars included",
        )
    format = video.format
    if max(component.bits for component in av.VideoFormat(video.source_format).components) > format.bits:
        format = replace(format, name=format.name.replace("12le", "16le"), bits=16)
    if first is not None and not format.colour.full_range and _uses_all_codes(first.frame, format):
        format = replace(format, colour=replace(format.colour, full_range=True))
    video = replace(video, format=format, interlaced=False)
    if video.sar == 1 and not video.rotation:  # odd sides need no padding here
        video = replace(video, out_width=video.width, out_height=video.height)
    return replace(info, video=video)
