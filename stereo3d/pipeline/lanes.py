"""A CUDA stream for each stage, so that copies, depth and views run beside one another on the device.

What a stage hands over is finished on the device (its thread waits for that, and no other), and the memory of what it is
handed is kept from being used again while its own stream may still read it. On the CPU all of this is nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

__all__ = ["Lane", "keep_for_this_stream"]

_PLAIN = (int, float, str)
_known: dict[type[Any], tuple[str, ...]] = {}


class Lane:
    """The stream of one stage on a device; a null object anywhere but on CUDA."""

    def __init__(self, device: torch.device | None = None) -> None:
        on_cuda = device is not None and device.type == "cuda"
        self._stream: torch.cuda.Stream | None = torch.cuda.Stream(device) if on_cuda else None  # type: ignore[no-untyped-call]

    def __call__(self) -> AbstractContextManager[Any]:
        """What is done inside runs on this stream."""
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def finish(self) -> None:
        """Wait until the device has done all that was asked of it here."""
        if self._stream is not None:
            self._stream.synchronize()


def keep_for_this_stream(item: object) -> None:
    """Tell the device's memory that the current stream reads what ``item`` holds."""
    for tensor in tensors_in(item):
        if tensor.is_cuda:
            tensor.record_stream(torch.cuda.current_stream(tensor.device))


def tensors_in(item: object) -> Iterator[torch.Tensor]:
    """All tensors in dataclasses, tuples and lists."""
    if isinstance(item, torch.Tensor):
        yield item
    elif isinstance(item, tuple | list):
        for part in item:
            if not isinstance(part, _PLAIN):
                yield from tensors_in(part)
    else:
        for name in _fields(type(item)):
            yield from tensors_in(getattr(item, name))


def _fields(kind: type[Any]) -> tuple[str, ...]:
    """The names of a dataclass's fields, of any other class none: asked for with every item of every stage, so they are remembered."""
    if kind not in _known:
        _known[kind] = tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()
    return _known[kind]
