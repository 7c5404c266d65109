"""A step that runs out of the device's memory is repeated on fewer frames at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

__all__ = ["Fitting"]

T = TypeVar("T")


class Fitting:
    """``tell``: hears, in a line, of how many frames fit from now on."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._most: int | None = None

    def pieces(self, count: int, step: Callable[[int, int], T]) -> Iterator[T]:
        """``step(start, end)`` for ranges that together are [0, count), all at once where that fits. What a frame comes to must not
        depend on the range it is in. Raises torch.OutOfMemoryError where one frame is too much."""
        start = 0
        while start < count:
            end = min(count, start + (self._most or count))
            try:
                done = step(start, end)
            except torch.OutOfMemoryError:
                if end - start == 1:
                    raise
                self._most = (end - start) // 2
            else:
                yield done
                start = end
                continue
            # Only here, where the error no longer holds what the step had made.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self._tell(
                f"the device's memory does not hold the views of {end - start} frames: rendering {self._most} at a time"
            )
