"""A compiled network whose CUDA graphs belong to a thread."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stereo3d.depth.compiled import Compiled
from stereo3d.depth.runner import Runner
from stereo3d.errors import Stereo3DError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")
CUDA = torch.device("cuda")


class Net(nn.Module):
    """Doubles, and writes down where it is called; its answer is the same memory each time, as a CUDA graph's is."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()
        self.streams: list[object] = []
        self.answer = torch.zeros(1)

    def forward(self, pixels: Tensor) -> Tensor:
        from torch._inductor import cudagraph_trees as trees

        assert not torch.is_grad_enabled()
        trees.get_obj(trees.local, "tree_manager_containers")  # where torch itself looks, and asserts
        self.threads.add(threading.current_thread().name)
        self.streams.append(_Streams.current)
        self.answer = self.answer.resize_(pixels.shape).copy_(2 * pixels)
        return self.answer


class _Streams:
    current: object = None


@pytest.fixture(autouse=True)
def _no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def stream(which: object) -> Any:
        _Streams.current = which
        yield

    monkeypatch.setattr(torch, "compile", lambda net, **_options: net)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _device: f"stream of {threading.current_thread().name}")
    monkeypatch.setattr(torch.cuda, "stream", stream)


def test_all_calls_come_from_one_thread_on_the_callers_stream() -> None:
    net = Net()
    compiled = Compiled(net, CUDA)
    first = compiled(torch.ones(3))
    with ThreadPoolExecutor(1, "a") as a, ThreadPoolExecutor(1, "b") as b:
        second, third = (pool.submit(compiled, torch.full((3,), n)).result() for pool, n in ((a, 2.0), (b, 3.0)))
    assert [t.tolist() for t in (first, second, third)] == [[2.0] * 3, [4.0] * 3, [6.0] * 3]
    assert len(net.threads) == 1
    assert net.streams == ["stream of MainThread", "stream of a_0", "stream of b_0"]


def test_the_thread_ends_with_the_network() -> None:
    net = Net()
    compiled = Compiled(net, CUDA)
    compiled(torch.ones(3))
    (name,) = net.threads
    thread = next(t for t in threading.enumerate() if t.name == name)
    del compiled
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("error", [RuntimeError("captured"), AssertionError("captured")])
def test_whatever_fails_in_compiled_code_says_what_helps(error: Exception) -> None:
    class Broken(nn.Module):
        def forward(self, _pixels: Tensor) -> Tensor:
            raise error

    runner = Runner(Broken(), torch.device("cpu"), batch=1, compiled=True)
    with pytest.raises(Stereo3DError, match=r"torch\.compile failed: captured"):
        runner(torch.zeros(1, 3, 4, 4))
