"""Depth that needs no steadying, held back all the same until a shot has been seen.

Calibrated models give depth in [0, 1] already; what is decided once for a shot (where its screen lies) still needs a look
over the shot. Maps wait as 16 bit codes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import torch

__all__ = ["ShotHold", "from_codes", "to_codes"]

_TOP = 65535
_CHUNK = 8  # frames a tensor that finish() gives
_SAMPLE = 16  # frames that show what is in a shot


def to_codes(depth: torch.Tensor) -> torch.Tensor:
    """Depth, float, as uint16: 65535 = 1 = near; what lies outside [0, 1] is clipped. On the CPU without torch's threads: waking them
    for a map takes longer than the map."""
    if depth.device.type != "cpu" or depth.dtype != torch.float32:
        return (depth * _TOP).round_().clamp_(0, _TOP).to(torch.int32).to(torch.uint16)
    values = depth.numpy() * np.float32(_TOP)
    np.clip(np.rint(values, out=values), 0, _TOP, out=values)
    return torch.from_numpy(values.astype(np.int32).astype(np.uint16))


def from_codes(codes: torch.Tensor) -> torch.Tensor:
    """The float32 depth in [0, 1] of :func:`to_codes`."""
    if codes.device.type != "cpu":
        return codes.float().div_(_TOP)
    return torch.from_numpy(np.divide(codes.numpy(), np.float32(_TOP), dtype=np.float32))


class ShotHold:
    """The calibrated counterpart of :class:`stereo3d.depth.temporal.ShotStabiliser`: same calls, values untouched."""

    def __init__(self, look_ahead: int) -> None:
        self._look_ahead = look_ahead
        self._held: deque[torch.Tensor] = deque()
        self._sample: list[torch.Tensor] | None = None

    def push(self, raw: torch.Tensor) -> torch.Tensor:
        """The next frames' depth [k, 1, h, w] in [0, 1]; returns what is ready, [j, 1, h, w] float32, j >= 0."""
        ready: list[torch.Tensor] = []
        for frame in to_codes(raw.detach().float()):
            if len(self._held) == self._look_ahead:
                self._look()
                self._held.append(frame)
                ready.append(self._held.popleft())
            else:
                self._held.append(frame)
        return _depth(ready) if ready else raw[:0].float()

    def sample(self, wanted: int) -> torch.Tensor:
        """Depth of at most ``wanted`` (16 or fewer) frames spread over the shot or, in a longer one, over its first
        ``look_ahead``: [n, 1, h, w]. Call it once something is ready, or before ``finish``."""
        sample = self._look()
        return _depth([sample[i] for i in _spread(len(sample), wanted)])

    def finish(self) -> Iterator[torch.Tensor]:
        """The depth of the frames still held, in tensors of a few frames each."""
        while self._held:
            yield _depth([self._held.popleft() for _ in range(min(_CHUNK, len(self._held)))])

    def _look(self) -> list[torch.Tensor]:
        if self._sample is None:
            self._sample = [self._held[i] for i in _spread(len(self._held), _SAMPLE)]
        return self._sample


def _spread(count: int, wanted: int) -> list[int]:
    """At most ``wanted`` of the numbers 0..count-1, evenly spread, the ends among them."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, wanted)).round()}) if count else []


def _depth(codes: Sequence[torch.Tensor]) -> torch.Tensor:
    return from_codes(torch.stack(list(codes))) if codes else torch.empty(0, 1, 1, 1)
