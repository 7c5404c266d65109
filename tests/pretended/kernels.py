"""Stand-ins for the renderer's kernels on a pretended device, for what does not look at pictures: the CPU's views, and holes that stay
as they are. There is a module ``triton``, whose kernels do nothing."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import torch

from stereo3d.frames import FrameBatch
from tests.pretended.device import OnDevice, numbers_of

__all__ = ["stand_in"]


class _Kernel:
    """What ``@triton.jit`` makes of a function: it can be launched, and does nothing."""

    def __getitem__(self, _grid: Any) -> Any:
        return lambda *_args, **_options: None


def _jit(function: Any = None, **_options: Any) -> Any:
    return _Kernel() if function is not None else lambda _function: _Kernel()


def stand_in() -> None:
    """From now on :func:`stereo3d.render.rules.has_kernels` is true."""
    triton, language = ModuleType("triton"), ModuleType("triton.language")
    triton.__spec__, language.__spec__ = ModuleSpec("triton", None), ModuleSpec("triton.language", None)
    vars(triton).update(
        jit=_jit, language=language, cdiv=lambda a, b: -(-a // b), next_power_of_2=lambda n: 1 << (n - 1).bit_length()
    )
    vars(language).update(constexpr=lambda value: value)
    sys.modules.update({"triton": triton, "triton.language": language})
    from stereo3d.render import edges, edges_triton, views_triton, warp, warp_triton
    from stereo3d.render.views import _eye

    def there(frames: FrameBatch) -> FrameBatch:
        return FrameBatch(tuple(map(OnDevice, frames.planes)), frames.pts, frames.index, frames.format)

    def eyes(frames: FrameBatch, shift: torch.Tensor, signs: tuple[int, ...]) -> Any:
        here = FrameBatch(numbers_of(frames.planes), frames.pts, frames.index, frames.format)
        made = (_eye(here, numbers_of(shift), sign) for sign in signs)
        return tuple((there(view), None if seen is None else OnDevice(seen)) for view, seen in made)

    views_triton.eyes = eyes  # type: ignore[assignment]
    edges_triton.refine = lambda shift, guide, longest: OnDevice(
        edges.refine(numbers_of(shift), numbers_of(guide), longest=longest)
    )
    warp_triton.surface = lambda shift, signs, *, join: OnDevice(
        torch.cat([warp.surface(part, s) for part, s in zip(numbers_of(shift).chunk(len(signs)), signs, strict=True)])
    )
