"""A compiled network that any thread may call."""

from __future__ import annotations

import importlib
import os
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from stereo3d.files import cache_folder

__all__ = ["Compiled"]


class Compiled:
    """``net`` (tensor to tensor) through torch.compile; on CUDA with CUDA graphs.

    torch keeps CUDA graphs for the thread that recorded them: another thread records them again, and before torch 2.13 it fails an
    assertion. A film's depth runs in a new thread for each run of segments, and not in the one that measured whether
    compiling is worth it. So on CUDA all calls are made in one thread, which ends with this object, on the caller's stream. Raises
    what torch raises.
    """

    def __init__(self, net: nn.Module, device: torch.device) -> None:
        # torch's usual folder is one for a day
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "inductor"))
        graphs = device.type == "cuda"
        self._device = device
        mode = "reduce-overhead" if graphs else "default"
        self._net: Callable[[Tensor], Tensor] = torch.compile(net, mode=mode, dynamic=False)
        self._thread = ThreadPoolExecutor(1, "graphs", _keep_graphs_here) if graphs else None

    def __call__(self, pixels: Tensor) -> Tensor:
        if self._thread is None:
            return self._net(pixels)
        return self._thread.submit(self._replay, pixels, torch.cuda.current_stream(self._device)).result()

    def _replay(self, pixels: Tensor, stream: torch.cuda.Stream) -> Tensor:
        with torch.no_grad(), torch.cuda.stream(stream):
            return self._net(pixels).clone()  # a graph writes its next answer over this one


def _keep_graphs_here() -> None:
    """Let the current thread keep CUDA graphs, as the thread that imported torch's module for them may."""
    local = importlib.import_module("torch._inductor.cudagraph_trees").local
    if not hasattr(local, "tree_manager_containers"):
        local.tree_manager_containers = {}
        local.tree_manager_locks = defaultdict(threading.Lock)
