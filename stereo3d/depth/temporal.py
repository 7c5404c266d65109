"""From a shot's raw maps to depth that is steady from frame to frame.

Each frame is brought into the shot's gauge (:mod:`.temporal_gauge`), then one range for the whole shot makes it depth in
[0, 1]. The frames are held back until the range is known: all of a shot, or ``look_ahead`` frames of a longer one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from stereo3d.depth.align import IDENTITY, Affine, Values
from stereo3d.depth.temporal_anchor import (
    Anchor,
    anchor_from_cells,
    depth_range,
    is_flat,
    map_cells,
    map_extent,
    ranged,
)
from stereo3d.depth.temporal_gauge import SETTLE, GaugeTracker, NoGauge

__all__ = ["LOOK_AHEAD", "ShotStabiliser"]

LOOK_AHEAD = 300  # frames held back at most: 2 bytes a value, 1 MB a frame at 518 x 924
_PROBES = 16  # frames of the look-ahead, at most, that make the anchor of a shot that was not given one
_CHUNK = 8  # frames a tensor that finish() gives


@dataclass(slots=True)
class _Held:
    """A frame on its way: its map as 16 bit codes (value = step * code + zero), or no map where the network gave none
    that can be used. ``gauge`` is set once tracking has begun."""

    codes: torch.Tensor | None = None
    decode: Affine = IDENTITY
    cells: Values | None = None
    extent: tuple[float, float] = (0.0, 0.0)
    gauge: Affine = IDENTITY


class ShotStabiliser:
    """Steady depth of one shot (or of a piece of a long one: then with the shot's ``anchor``).

    A shot of at most ``look_ahead`` frames gets one range from all its frames. A longer one gets it from the first
    ``look_ahead``, and the range then follows the newest ``look_ahead`` frames by 1/look_ahead of the way a frame. With an
    ``anchor`` the range is the anchor's, and SETTLE frames are held back at most. ``align`` False: the frames keep the gauge
    the network gave them.

    The output depends on the sequence of frames alone, not on how it is cut into calls. ``missing`` lists the frames
    whose map was not finite, by number from 0; they, and flat maps, are given the depth of the frame before (of the next one at the start
    of a shot; 0.5 where there is nothing else). Not for calibrated models.
    """

    def __init__(self, look_ahead: int = LOOK_AHEAD, anchor: Anchor | None = None, *, align: bool = True) -> None:
        if look_ahead < 1:
            raise ValueError(f"look_ahead is {look_ahead}, allowed: 1 or more frames")
        self.missing: list[int] = []
        self._received = 0
        self._given = anchor
        self._align = align
        self._look_ahead = look_ahead
        self._hold = look_ahead if anchor is None else min(look_ahead, SETTLE)
        self._held: deque[_Held] = deque()
        self._tracker: GaugeTracker | NoGauge | None = None
        self._range = self._first_range = (0.0, 1.0)
        self._spread: list[_Held] = []
        self._recent: deque[tuple[float, float]] = deque(maxlen=look_ahead)
        self._last: torch.Tensor | None = None
        self._like = torch.empty(0, 1, 0, 0)

    def push(self, raw: torch.Tensor) -> torch.Tensor:
        """The next frames' raw maps, [k, 1, h, w] float, larger = nearer. Returns the depth that is ready, in order:
        [j, 1, h, w] float32 in [0, 1], 1 = near, on the maps' device; j may be 0."""
        if raw.ndim != 4 or raw.shape[1] != 1 or (self._like.numel() and raw.shape[2:] != self._like.shape[2:]):
            raise ValueError(f"raw maps are {tuple(raw.shape)}, expected [k, 1, h, w], one size for the whole shot")
        if not raw.shape[0]:
            return self._like[:0]
        self._like = raw[:1].detach().float()
        ready = []
        for frame in self._receive(raw.detach().float()):
            self._held.append(frame)
            if self._tracker is not None:
                self._track(frame)
            if len(self._held) > self._hold:
                self._begin()
                ready.append(self._release())
        return torch.cat(ready) if ready else self._like[:0]

    def finish(self) -> Iterator[torch.Tensor]:
        """The depth of the frames still held, in tensors of a few frames each."""
        if self._held:
            self._begin()
        while self._held:
            yield torch.cat([self._release() for _ in range(min(_CHUNK, len(self._held)))])
        self._last = None

    def sample(self, wanted: int) -> torch.Tensor:
        """Depth of at most ``wanted`` (16 or fewer) frames spread over those that were held when the range was first
        known, [n, 1, h, w]. Call it once something is ready, or before ``finish``; n = 0 where no frame has a map."""
        self._begin()
        chosen = np.linspace(0, len(self._spread) - 1, min(wanted, len(self._spread))).round().astype(int)
        return torch.cat([_depth(self._spread[i], self._first_range) for i in chosen] or [self._like[:0]])

    def _receive(self, raw: torch.Tensor) -> Iterator[_Held]:
        for number, cells in enumerate(map_cells(raw).astype(np.float64)):
            self._received += 1
            if not np.isfinite(cells).all():
                self.missing.append(self._received - 1)
                yield _Held()
                continue
            extent = map_extent(cells)
            if is_flat(extent):
                yield _Held()
                continue
            margin = extent[1] - extent[0]
            low = min(float(cells.min()), extent[0] - margin)
            high = max(float(cells.max()), extent[1] + margin)
            step = (high - low) / 65535
            decode = Affine(step, low + 32768 * step)
            codes = raw[number].sub(decode.shift).div_(step).round_().clamp_(-32768, 32767).to(torch.int16)
            yield _Held(codes, decode, cells, extent)

    def _begin(self) -> None:
        """Start tracking with what is held, unless begun, or unless no frame held has a map."""
        with_map = [f for f in self._held if f.cells is not None]
        if self._tracker is not None or not with_map:
            return
        self._spread = [
            with_map[i] for i in np.linspace(0, len(with_map) - 1, min(_PROBES, len(with_map))).round().astype(int)
        ]
        opening = [f.cells for f in with_map[:SETTLE] if f.cells is not None]
        anchor = self._given or anchor_from_cells([f.cells for f in self._spread if f.cells is not None])
        assert anchor is not None  # there is a frame that is finite and not flat
        self._tracker = GaugeTracker(anchor, opening, rehome=self._given is None) if self._align else NoGauge()
        for frame in self._held:
            self._track(frame)
        self._range = (anchor.low, anchor.high) if self._given is not None else depth_range(self._recent)
        self._first_range = self._range

    def _track(self, frame: _Held) -> None:
        if frame.cells is None or self._tracker is None:
            return
        frame.gauge = self._tracker.next(frame.cells)
        frame.cells = None
        self._recent.append((frame.gauge(frame.extent[0]), frame.gauge(frame.extent[1])))

    def _release(self) -> torch.Tensor:
        """Depth of the oldest frame held, [1, 1, h, w]."""
        frame = self._held.popleft()
        if frame.codes is None:
            frame = next((f for f in self._held if f.codes is not None), frame) if self._last is None else frame
        if frame.codes is not None:
            self._last = _depth(frame, self._range)
        if self._given is None and self._recent:
            share = 1 / self._look_ahead
            (low, high), (new_low, new_high) = self._range, depth_range(self._recent)
            self._range = (low + share * (new_low - low), high + share * (new_high - high))
        return torch.full_like(self._like, 0.5) if self._last is None else self._last


def _depth(frame: _Held, ends: tuple[float, float]) -> torch.Tensor:
    assert frame.codes is not None
    return ranged(frame.codes.float()[None], frame.gauge.after(frame.decode), ends)
