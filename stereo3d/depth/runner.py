"""Runs a network over any number of pictures: in batches that fit, in a number format that holds."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from stereo3d.depth.compiled import Compiled
from stereo3d.errors import Stereo3DError, UsageError
from stereo3d.transfer import to_host

__all__ = ["BATCH_LIMIT", "Report", "Runner"]

Report = Callable[[str], None]
"""Takes one line about something that differs from what was asked for."""

BATCH_LIMIT = 16
_RESERVE = 0.7  # share of the free memory that a batch may take


class Runner:
    """``net`` ([n, 3, h, w] to [n, 1, h, w]) on one device.

    ``batch``: pictures a call, or 'auto': 1 on a CPU (more gains nothing there), on a GPU what fits by ``picture_bytes``
    (h, w -> bytes that one more picture takes). ``compiled``: through torch.compile, with CUDA graphs on a GPU; short
    batches are filled up, as each shape would be compiled anew. ``exact``: true float32 where the net is float32. When
    memory runs out all the same, the batch is halved and the call repeated; ``widen`` (a copy of the net -> that net in a
    wider format) answers values that are not finite. Both are told to ``report``.
    """

    def __init__(
        self,
        net: nn.Module,
        device: torch.device,
        *,
        batch: int | Literal["auto"] = "auto",
        picture_bytes: Callable[[int, int], int] | None = None,
        compiled: bool = False,
        exact: bool = False,
        widen: Callable[[nn.Module], nn.Module] | None = None,
        report: Report | None = None,
    ) -> None:
        if batch != "auto" and not 1 <= batch <= 256:
            raise UsageError(f"batch {batch} is not possible", hint="give 1..256, or auto")
        self.device = device
        self._net = net.to(device)
        self._compiled = Compiled(self._net, device) if compiled else None
        self._batch = batch
        self._picture_bytes = picture_bytes
        self._widen = widen
        self._wide: nn.Module | None = None
        self._exact = exact
        self._report = report or (lambda _line: None)

    def batch(self, height: int, width: int) -> int:
        """Pictures a call at a network size; the same answer ever after, unless memory runs out."""
        if self._batch == "auto":
            self._batch = self._fitting(height, width)
        return self._batch

    def _fitting(self, height: int, width: int) -> int:
        if self.device.type != "cuda":
            return 1
        if self._picture_bytes is None:
            return 4
        free, _total = torch.cuda.mem_get_info(self.device)
        count = int(free * _RESERVE / self._picture_bytes(height, width))
        return max(1, min(BATCH_LIMIT, count))

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """[N, 3, h, w] float32 on the device to [N, 1, h, w] float32. Raises Stereo3DError when one picture is too much."""
        parts: list[Tensor] = []
        done = 0
        while done < len(pixels):
            count = self.batch(*pixels.shape[-2:])
            try:
                with self._formats():
                    parts.append(self._finite(pixels[done : done + count], count))
            except torch.OutOfMemoryError:
                self._halve(min(count, len(pixels) - done))
                continue
            done += count
        return torch.cat(parts) if parts else pixels.new_empty(0, 1, *pixels.shape[-2:])

    def _formats(self) -> contextlib.AbstractContextManager[None]:
        """cuDNN rounds the inputs of float32 convolutions to TF32, 10 bits of mantissa, unless told not to."""
        if self.device.type != "cuda":
            return contextlib.nullcontext()
        return torch.backends.cudnn.flags(enabled=True, allow_tf32=not self._exact)

    def _halve(self, count: int) -> None:
        if count == 1:
            raise Stereo3DError(
                f"one picture is too much for the memory of {self.device}",
                hint="take a smaller model or depth size, free the device, or use --device cpu",
            )
        self._batch = count // 2
        self._report(f"memory of {self.device} ran out with {count} pictures a batch: continuing with {self._batch}")
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _finite(self, pixels: Tensor, count: int) -> Tensor:
        """The net's values; a batch that overflows is computed again in the wider format, and only that batch, so that
        the values of a picture do not depend on what was computed before."""
        values = self._net(pixels) if self._compiled is None else self._call_compiled(pixels, count)
        if _is_finite(values):
            return values
        if self._widen is not None:
            if self._wide is None:
                self._wide = self._widen(copy.deepcopy(self._net))
                self._report("the network overflowed its number format: such batches are computed again in a wider one")
            values = self._wide(pixels)
        if not _is_finite(values):
            raise Stereo3DError(
                "the network gave values that are not finite", hint="the weights may be damaged: fetch them again"
            )
        return values

    def _call_compiled(self, pixels: Tensor, count: int) -> Tensor:
        assert self._compiled is not None
        filled = torch.cat([pixels, pixels[-1:].expand(count - len(pixels), -1, -1, -1)])
        try:
            return self._compiled(filled)[: len(pixels)]
        except torch.OutOfMemoryError:
            raise
        except (torch._dynamo.exc.TorchDynamoException, RuntimeError, AssertionError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise Stereo3DError(
                f"torch.compile failed: {reason[:160]}", hint="load the model without compiling it"
            ) from None


def _is_finite(values: Tensor) -> bool:
    return bool(to_host(torch.isfinite(values).all())[0])
