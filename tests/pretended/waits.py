"""What makes the host wait for a CUDA device, and what crosses the bus: counted, with the line of the program that asked for it."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import torch

__all__ = ["WAITS", "Waits", "is_pinned", "pin"]

PACKAGE = str(Path(__file__).parents[2] / "stereo3d")
READ = (
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
    "aten::is_nonzero",
    "aten::equal",
)
"""Operations whose result, or its size, the host has to know."""


def pin(tensor: torch.Tensor) -> torch.Tensor:
    """A host's tensor as one in pinned memory."""
    tensor._pinned = True  # type: ignore[attr-defined]
    return tensor


def is_pinned(tensor: torch.Tensor) -> bool:
    return getattr(tensor, "_pinned", False)


class Waits:
    """``count``: (what, where) of each wait; ``bytes``: copied (to the device: up, from it: down), by where."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count: Counter[tuple[str, str]] = Counter()
        self.bytes: Counter[tuple[str, str]] = Counter()

    def note(self, what: str) -> None:
        if sys._getframe(2).f_code.co_filename.endswith("transfer.py"):
            what = "hand-over"
        with self._lock:
            self.count[what, _asker()] += 1

    def moved(self, to: str, source: torch.Tensor, host: torch.Tensor | None, *, beside: bool) -> None:
        """A copy. ``host``: the tensor at the host's end, if it is there already; ``beside``: ``non_blocking`` was asked for."""
        if source.numel() == 0:
            return
        self.bytes[to, _asker()] += source.numel() * source.element_size()
        if not beside or host is None or not is_pinned(host):
            self.note(f"copy {to} of memory that is not pinned" if beside else f"copy {to} that is waited for")

    def operation(self, name: str, args: tuple[Any, ...]) -> None:
        """An operation on the device."""
        if name in READ:
            self.note(name.removeprefix("aten::"))
        elif name in ("aten::index", "aten::index_put_", "aten::_index_put_impl_"):
            masks = [i for i in args[1] if isinstance(i, torch.Tensor) and i.dtype in (torch.bool, torch.uint8)]
            hosts = [i for i in args[1] if isinstance(i, torch.Tensor) and i.device.type == "cpu" and i.dim()]
            if masks:
                self.note("index by a mask")
            elif hosts:
                self.note("index from the host")

    def write(self, path: Path) -> None:
        """As JSON: lists of (what, where, how often) and of (way, where, bytes)."""
        with self._lock:
            found = [[(*key, n) for key, n in counter.most_common()] for counter in (self.count, self.bytes)]
        path.write_text(json.dumps({"waits": found[0], "bytes": found[1]}))


def _asker() -> str:
    """The innermost line of the package that is being executed, but those of :mod:`stereo3d.transfer`, which others ask."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE) and not frame.f_code.co_filename.endswith("transfer.py"):
            return f"{frame.f_code.co_filename.removeprefix(PACKAGE)[1:]}:{frame.f_code.co_name}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "?"


WAITS = Waits()
