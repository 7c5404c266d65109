"""How this room compiles its kernels: Numba, cached on disk, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["FloatArray", "borrowed", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")
Array = TypeVar("Array")
FloatArray = npt.NDArray[np.float64]


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` in nopython mode. It releases the GIL, so bands of rows run in plain threads; that is used
    instead of ``parallel=True`` because the result then depends on no threading layer and nests safely."""
    compiled = njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(function)
    return cast(Callable[P, R], compiled)


def _borrowed(typing_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(array)(context, builder, arguments[0])
        for owner in ("meminfo", "parent"):
            setattr(view, owner, cgutils.get_null_value(getattr(view, owner).type))
        return view._getvalue()

    return array(array), generate


# Inside a kernel: the same array without its owner, valid as long as the caller holds the original. Counting references to
# the scene's arrays (atomically, from several threads, per ray) took most of the time of a picture.
borrowed = cast("Callable[[Array], Array]", intrinsic(_borrowed))
