"""``python -m tests.pretended GUARD COMMAND...``: see the package. ``GUARD``: made by :func:`tests.pretended.device.compile_guard`.

With STEREO3D_WAITS=FILE what the host waited for, and what was copied, is written there
(:mod:`tests.pretended.waits`); the kernels are stand-ins then (:mod:`tests.pretended.kernels`).
With TRITON_INTERPRET=1 the kernels run in Triton's interpreter, at minutes a frame; how often each was started is said at the end.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_flatten

from tests.pretended.device import OnDevice, numbers_of, pretend
from tests.pretended.kernels import stand_in
from tests.pretended.waits import WAITS


def count_kernels() -> Counter[str]:
    """Let the interpreter take what is on the device, and nothing else."""
    from triton.runtime import interpreter

    launches: Counter[str] = Counter()
    start = interpreter.GridExecutor.__call__

    def call(executor: Any, *args: Any, **kwargs: Any) -> Any:
        name = executor.fn.__name__
        for value in tree_flatten((args, kwargs))[0]:
            if isinstance(value, torch.Tensor) and not isinstance(value, OnDevice):
                raise RuntimeError(f"the kernel {name} is given a tensor on the host")
        launches[name] += 1
        return start(executor, *numbers_of(args), **numbers_of(kwargs))

    interpreter.GridExecutor.__call__ = call
    return launches


if __name__ == "__main__":
    pretend(Path(sys.argv[1]))
    launches = None
    if os.environ.get("STEREO3D_WAITS"):
        stand_in()
    elif os.environ.get("TRITON_INTERPRET") == "1":
        launches = count_kernels()
    else:
        sys.modules["triton"] = None  # type: ignore[assignment] # it is taken for not installed: there is no driver

    from stereo3d.cli import main

    code = main(sys.argv[2:])
    if os.environ.get("STEREO3D_WAITS"):
        WAITS.write(Path(os.environ["STEREO3D_WAITS"]))
    if launches is not None:
        print("kernels:", dict(launches))
    sys.exit(code)
