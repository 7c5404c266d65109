"""How many operations a Depth-Anything network takes for a picture, counted from its architecture.

Two operations a multiply-add. Counted are matrix products and convolutions as our network computes them; the rest
(norms, activations, resizing, softmax) is below 1 %. A test compares the sum with torch's own counter.
"""

from __future__ import annotations

from dataclasses import dataclass

from stereo3d.depth.registry import Architecture

__all__ = ["Flops", "network_flops"]

_PATCH = 14


@dataclass(frozen=True, slots=True)
class Flops:
    """Operations for one picture. ``attention``: scores and mixing; ``linear``: the encoder's other products."""

    linear: int
    attention: int
    head: int

    @property
    def total(self) -> int:
        return self.linear + self.attention + self.head


def network_flops(arch: Architecture, height: int, width: int) -> Flops:
    """Operations for a network input of ``height`` x ``width`` pixels, both multiples of 14. Raises ValueError."""
    if height % _PATCH or width % _PATCH or min(height, width) < _PATCH:
        raise ValueError(f"{height}x{width}: both sides must be multiples of {_PATCH}")
    rows, columns = height // _PATCH, width // _PATCH
    patches, tokens = rows * columns, rows * columns + 1
    embed = 2 * patches * 3 * _PATCH**2 * arch.width
    blocks = arch.layers * 2 * tokens * 12 * arch.width**2  # queries, keys, values 3; projection 1; MLP 4 + 4
    attention = arch.layers * 2 * 2 * tokens**2 * arch.width
    return Flops(embed + blocks, attention, _head(arch, rows, columns))


def _head(arch: Architecture, rows: int, columns: int) -> int:
    patches, fusion = rows * columns, arch.fusion
    quarter = -(-rows // 2) * -(-columns // 2)
    areas = (16 * patches, 4 * patches, patches, quarter)
    a, b, _, d = arch.neck
    total = sum(_conv(patches, arch.width, channels, 1) for channels in arch.neck)
    total += _conv(patches, a, a, 4) + _conv(patches, b, b, 2) + _conv(quarter, d, d, 3)  # the first two are transposed
    for level, (area, channels) in enumerate(zip(areas, arch.neck, strict=True)):
        residual_units = 1 if level == 3 else 2  # the deepest level has nothing to be added to
        total += _conv(area, channels, fusion, 3)
        total += residual_units * 2 * _conv(area, fusion, fusion, 3) + _conv(area, fusion, fusion, 1)
    pixels = patches * _PATCH**2
    return (
        total
        + _conv(64 * patches, fusion, fusion // 2, 3)
        + _conv(pixels, fusion // 2, 32, 3)
        + _conv(pixels, 32, 1, 1)
    )


def _conv(positions: int, inputs: int, outputs: int, kernel: int) -> int:
    return 2 * positions * inputs * outputs * kernel**2
