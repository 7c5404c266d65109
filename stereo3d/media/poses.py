"""How each picture of a film is to be shown: some films change their pixels' shape or their turn on the way."""

from __future__ import annotations

from fractions import Fraction

import av

from stereo3d.media.info import Pose, VideoInfo
from stereo3d.media.sidedata import said_turn

__all__ = ["Poses"]

_THOUSAND = 1000
_SAME = 0.002


class Poses:
    """For the frames of one run, in order. ``context``: their decoder's."""

    def __init__(self, video: VideoInfo, context: av.VideoCodecContext) -> None:
        self._video, self._context = video, context
        self._coded: Fraction | None = None
        self._turn = video.rotation, video.hflip
        self._graph: av.filter.Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def of(self, frame: av.VideoFrame) -> Pose:
        """How ``frame`` is to be shown."""
        video, said = self._video, self._context.sample_aspect_ratio
        if self._coded is None or said != self._coded:
            # The context is some frames ahead, and PyAV does not tell what a frame says itself.
            own = self._own_sar(frame)
            known = (sar for sar in (self._coded, said, video.coded_sar) if sar and abs(own / sar - 1) < _SAME)
            self._coded = next(known, own) or Fraction(0)
        if frame.key_frame:
            self._turn = said_turn(frame) or (video.rotation, video.hflip)
        changed = self._coded and self._coded != video.coded_sar
        return Pose(self._coded if changed else video.sar, *self._turn)

    def _own_sar(self, frame: av.VideoFrame) -> Fraction:
        """A frame's own sample aspect ratio, to a thousandth, 0 for none: a filter knows it, and makes a picture so many pixels wide."""
        shape = frame.width, frame.height, frame.format.name
        if self._graph is None or shape != self._shape:
            self._shape, self._graph = shape, av.filter.Graph()
            size = f"video_size={shape[0]}x{shape[1]}:pix_fmt={shape[2]}:time_base=1/1000:pixel_aspect=1/1"
            wide = f"w='max(2,round({_THOUSAND}*sar))':h=2:flags=neighbor:eval=frame"
            nodes = self._graph.add("buffer", size), self._graph.add("scale", wide), self._graph.add("buffersink")
            self._graph.link_nodes(*nodes)
            self._graph.configure()
        self._graph.vpush(frame)
        width = self._graph.vpull().width
        return Fraction(width, _THOUSAND) if width > 2 else Fraction(0)
