"""What the pieces of one long shot must agree on: the anchor.

A long shot is computed in pieces, each on its own, perhaps on different machines. The plan names a few *probe* frames
spread evenly over the whole shot; the anchor is computed from their raw maps and from nothing else, so every piece has
the same one, whoever computes it. It fixes the range of the shot, and the gauge as far as the probes can be recognised.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from stereo3d.depth.align import IDENTITY, Affine, Fit, Values, fit_affine, mean_affine
from stereo3d.transfer import to_host

__all__ = [
    "Anchor",
    "Probe",
    "Views",
    "anchor_from",
    "anchor_from_cells",
    "depth_range",
    "is_flat",
    "map_cells",
    "map_extent",
    "ranged",
]

_CELLS = 2500  # a map is compared by about this many box averages (14 x 14 values at 518 x 924)
_SURE, _LOST = 0.15, 0.25  # doubt below which a map and a probe count as the same view, and from which they do not
_KNEE = 0.05  # of the depth range at either end: beyond it values are compressed, never cut off
_COMPANY = 3  # probes that must show the same view; the mean gauge of fewer is no better than the network's own


def map_cells(raw: torch.Tensor) -> npt.NDArray[np.float32]:
    """Box averages of raw maps [k, 1, h, w] as [k, n] on the host, n about 2500, whatever the size. One copy from the
    device. A map with a value that is not finite has a cell that is not."""
    height, width = raw.shape[-2:]
    side = max(1, round(math.sqrt(height * width / _CELLS)))
    small = F.avg_pool2d(raw.float(), side, ceil_mode=True, count_include_pad=False)
    cells: npt.NDArray[np.float32] = to_host(small.flatten(1))[0].numpy()
    return cells


def map_extent(cells: npt.NDArray[Any]) -> tuple[float, float]:
    """(low, high) of one map: the percentiles 1 and 99 of its cells."""
    low, high = np.quantile(cells, (0.01, 0.99))
    return float(low), float(high)


def is_flat(extent: tuple[float, float]) -> bool:
    """No structure to speak of: the extent is lost in the last digits of its values."""
    low, high = extent
    return high - low <= 1e-4 * max(abs(low), abs(high))


def depth_range(extents: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The range of a shot from its frames' extents in one gauge: what comes near in 2 % of the frames is inside."""
    lows, highs = zip(*extents, strict=True)
    return float(np.quantile(lows, 0.02)), float(np.quantile(highs, 0.98))


def ranged(values: torch.Tensor, gauge: Affine, ends: tuple[float, float]) -> torch.Tensor:
    """Depth in [0, 1] of float32 ``values`` (overwritten): the gauge, then the range ``ends``, linear but for a knee near
    either end, where all that lies beyond finds room in order."""
    low, high = ends
    unit = Affine(1 / (high - low), -low / (high - low)).after(gauge)
    values.mul_(unit.scale).add_(unit.shift)
    core = values.clamp(_KNEE, 1 - _KNEE)
    beyond = values.sub_(core).div_(_KNEE)
    return core.add_(beyond.div(beyond.abs().add_(1)), alpha=_KNEE)


@dataclass(frozen=True, slots=True)
class Probe:
    """The cells of one probe map in the shot's gauge, as 16 bit codes: value = floor + step * code."""

    floor: float
    step: float
    codes: bytes

    @classmethod
    def of(cls, cells: Values) -> Self:
        floor, step = float(cells.min()), max(float(np.ptp(cells)) / 65535, 1e-30)
        return cls(floor, step, np.rint((cells - floor) / step).astype("<u2").tobytes())

    def cells(self) -> Values:
        return self.floor + self.step * np.frombuffer(self.codes, "<u2").astype(np.float64)


@dataclass(frozen=True, slots=True)
class Anchor:
    """``low``, ``high``: values in the shot's gauge that become depth 0 and 1. ``probes``: the views by which pieces of the
    shot know its gauge; there may be none. About 7 KiB a probe as JSON."""

    low: float
    high: float
    probes: tuple[Probe, ...] = ()

    def depth(self, raw: torch.Tensor) -> torch.Tensor:
        """Depth in [0, 1] of the probe maps themselves, [n, 1, h, w]; without those that are flat or not finite."""
        views = Views(self)
        usable = [(m, c) for m, c in zip(raw, map_cells(raw).astype(np.float64), strict=True) if _is_usable(c)]
        maps = [ranged(m.detach().float().clone(), views.target(c), (self.low, self.high)) for m, c in usable]
        return torch.stack(maps) if maps else raw[:0].float()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; ``from_json`` gives an equal anchor."""
        probes = [{"floor": p.floor, "step": p.step, "codes": base64.b64encode(p.codes).decode()} for p in self.probes]
        return {"low": self.low, "high": self.high, "probes": probes}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        probes = (Probe(float(p["floor"]), float(p["step"]), base64.b64decode(p["codes"])) for p in data["probes"])
        return cls(float(data["low"]), float(data["high"]), tuple(probes))


class Views:
    """The probes of an anchor, ready to be compared with."""

    def __init__(self, anchor: Anchor) -> None:
        self._cells = [probe.cells() for probe in anchor.probes]
        self._unit = [(c - c.mean()) / c.std() for c in self._cells]

    def target(self, cells: Values, home: Affine = IDENTITY) -> Affine:
        """The gauge that the probes suggest for a map: the fit to the most alike probe as far as that probe shows the
        same view, else ``home`` (the identity: the network's own values, right on the average over many frames)."""
        if not self._cells:
            return home
        best = int(np.argmax([unit @ cells for unit in self._unit]))
        fit = fit_affine(cells, self._cells[best])
        return home.toward(fit.affine, min(max((_LOST - fit.doubt) / (_LOST - _SURE), 0.0), 1.0))


def anchor_from(raw: torch.Tensor) -> Anchor | None:
    """The anchor of a shot from the raw maps [K, 1, h, w] of its probe frames (8 to 16 do). Maps that are flat or not
    finite are passed over; None where nothing is left (the pieces then go without)."""
    return anchor_from_cells([c for c in map_cells(raw).astype(np.float64) if _is_usable(c)])


def _is_usable(cells: Values) -> bool:
    return bool(np.isfinite(cells).all()) and not is_flat(map_extent(cells))


def anchor_from_cells(maps: Sequence[Values]) -> Anchor | None:
    """The same from the maps' cells, all finite, none flat."""
    if not maps:
        return None
    gauges, company = _common_gauge(maps)
    extents = [map_extent(c) for c in maps]
    low, high = depth_range([(g(lo), g(hi)) for g, (lo, hi) in zip(gauges, extents, strict=True)])
    seen = (Probe.of(g.scale * c + g.shift) for g, c, n in zip(gauges, maps, company, strict=True) if n >= _COMPANY)
    return Anchor(low, high, tuple(seen))


def _common_gauge(maps: Sequence[Values]) -> tuple[list[Affine], list[int]]:
    """A gauge for each map, and how many maps share it. Maps that show the same view (best links first) share one, which is the
    mean of their own; a map like no other keeps its own (the identity)."""
    links: list[tuple[Fit, int, int]] = [
        (fit_affine(maps[j], maps[i]), i, j) for i in range(len(maps)) for j in range(i + 1, len(maps))
    ]
    gauges = [IDENTITY] * len(maps)
    group = list(range(len(maps)))
    for fit, i, j in sorted(links, key=lambda link: link[0].doubt):
        if fit.doubt > _SURE or group[i] == group[j]:
            continue
        bridge = gauges[i].after(fit.affine).after(gauges[j].inverse())
        joined = group[j]
        for k in range(len(maps)):
            if group[k] == joined:
                gauges[k], group[k] = bridge.after(gauges[k]), group[i]
    for name in set(group):
        members = [k for k in range(len(maps)) if group[k] == name]
        centre = mean_affine(gauges[k].inverse() for k in members)
        for k in members:
            gauges[k] = centre.after(gauges[k])
    return gauges, [group.count(name) for name in group]
