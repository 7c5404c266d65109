"""Tensors that say they are on ``cuda:0``, and what of ``torch.cuda`` the program asks for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_flatten, tree_map

from tests.pretended.waits import WAITS, is_pinned, pin

__all__ = ["OnDevice", "compile_guard", "numbers_of", "pretend"]

_DEVICE = torch.device("cuda", 0)
# Operations that CUDA, too, lets have tensors of both sides: copies, and indices from the host.
_MIXED = ("aten::_to_copy", "aten::copy_", "aten::index", "aten::index_put_", "aten::_index_put_impl_")


class OnDevice(torch.Tensor):
    """``here``: its numbers."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> OnDevice:
        tensor = torch.Tensor._make_wrapper_subclass(
            cls, here.size(), here.stride(), here.storage_offset(), dtype=here.dtype, layout=here.layout, device=_DEVICE
        )
        tensor.here = here
        return tensor

    def __repr__(self) -> str:  # type: ignore[override]
        return f"OnDevice({self.here})"

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(operation, *args, **(kwargs or {}))

    # What torch's C++ side takes through doors of its own:

    def tolist(self) -> Any:
        WAITS.note("tolist")
        return self.here.tolist()

    def new_tensor(self, data: Any, **options: Any) -> OnDevice:
        WAITS.note("made of the host's numbers")
        return OnDevice(self.here.new_tensor(numbers_of(data), **options))

    def __getitem__(self, index: Any) -> OnDevice:
        WAITS.operation("aten::index", (self, _as_tensors(index)))
        return OnDevice(self.here[numbers_of(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, torch.Tensor) and not isinstance(value, OnDevice) and value.dim():
            raise RuntimeError("a tensor on the host is put into one on the device")
        WAITS.operation("aten::index_put_", (self, _as_tensors(index)))
        self.here[numbers_of(index)] = numbers_of(value)


def _as_tensors(index: Any) -> list[Any]:
    """An index as what it is for torch."""
    parts = index if isinstance(index, tuple) else (index,)
    return [torch.as_tensor(part) if isinstance(part, list | np.ndarray) else part for part in parts]


def numbers_of(value: Any) -> Any:
    """The same with tensors of the host."""
    return tree_map(lambda leaf: leaf.here if isinstance(leaf, OnDevice) else leaf, value)


def _run(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """An operation of torch on the host's numbers. Raises RuntimeError for tensors on both sides."""
    name, schema = operation._schema.name, operation._schema
    tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, torch.Tensor)]
    on_device = [tensor for tensor in tensors if isinstance(tensor, OnDevice)]
    if on_device and name not in _MIXED and any(not isinstance(t, OnDevice) and t.dim() for t in tensors):
        raise RuntimeError(f"{name} is given tensors on the device and on the host")
    device, pins = kwargs.get("device"), bool(kwargs.get("pin_memory"))
    _note_copies(name, args, device, beside=bool(kwargs.get("non_blocking")))
    if on_device:
        WAITS.operation(name, args)
    if device is not None:
        kwargs = {**kwargs, "device": torch.device("cpu"), **({"pin_memory": False} if "pin_memory" in kwargs else {})}
    result = operation(*numbers_of(args), **numbers_of(kwargs))
    if pins:
        return pin(result)
    if "out" in kwargs:
        return kwargs["out"]
    written = [n for n, a in enumerate(schema.arguments) if a.alias_info is not None and a.alias_info.is_write]
    if written and schema.returns:
        return args[written[0]]
    there = bool(on_device) if device is None else torch.device(device).type == "cuda"
    return tree_map(lambda leaf: OnDevice(leaf) if there and isinstance(leaf, torch.Tensor) else leaf, result)


def _note_copies(name: str, args: Any, device: Any, *, beside: bool) -> None:
    if name == "aten::_to_copy" and device is not None:
        there = torch.device(device).type == "cuda"
        if there and not isinstance(args[0], OnDevice):
            WAITS.moved("up", args[0], args[0], beside=beside)
        elif not there and isinstance(args[0], OnDevice):
            WAITS.moved("down", args[0], None, beside=beside)
    elif name == "aten::copy_" and isinstance(args[0], OnDevice) != isinstance(args[1], OnDevice):
        up, asked = isinstance(args[0], OnDevice), beside or (len(args) > 2 and bool(args[2]))
        WAITS.moved("up" if up else "down", args[1], args[1] if up else args[0], beside=asked)


def compile_guard(folder: Path) -> Path:
    """The library that :func:`pretend` needs; takes some seconds. Raises FileNotFoundError, CalledProcessError."""
    source, root = Path(__file__).with_name("guard.cpp"), Path(torch.__file__).parent
    library = folder / "guard.so"
    words = [
        "-std=c++20",
        "-shared",
        "-fPIC",
        f"-I{root / 'include'}",
        str(source),
        "-o",
        str(library),
        f"-L{root / 'lib'}",
        "-lc10",
    ]
    subprocess.run(["g++", *words], check=True)
    return library


def pretend(guard: Path) -> None:
    """From now on, in all threads of this process, there is a CUDA device. ``guard``: of :func:`compile_guard`."""
    torch.ops.load_library(str(guard))
    library = torch.library.Library("_", "IMPL")
    library.fallback(_run, "CUDA")
    torch.cuda._kept = library  # it is taken back with the object
    _pretend_functions()
    torch.__future__.set_swap_module_params_on_conversion(True)
    torch.tensor, torch.as_tensor = _made_there(torch.tensor), _made_there(torch.as_tensor)
    torch.Tensor.record_stream = lambda _self, _stream: None
    torch.Tensor.pin_memory = lambda self: pin(self.view(self.shape))
    torch.Tensor.is_pinned = is_pinned
    attention = torch.nn.functional.scaled_dot_product_attention
    torch.nn.functional.scaled_dot_product_attention = lambda q, k, v, **options: (
        OnDevice(attention(q.here, k.here, v.here, **options))
        if isinstance(q, OnDevice)
        else attention(q, k, v, **options)
    )


def _made_there(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def made(data: Any, *, device: Any = None, **options: Any) -> torch.Tensor:
        there = device is not None and torch.device(device).type == "cuda"
        if not there:
            return make(data, **options)
        if not isinstance(data, OnDevice):
            WAITS.note("made of the host's numbers")
        return OnDevice(make(numbers_of(data), **options))

    return made


class _Stream:
    """One after the other is in order for every stream."""

    def __init__(self, *_of: Any) -> None:
        pass

    def synchronize(self) -> None:
        WAITS.note("stream")

    def wait_stream(self, _other: Any) -> None:
        pass


def _pretend_functions() -> None:
    gib = 1 << 30
    properties = SimpleNamespace(name="Pretended", total_memory=24 * gib, major=9, minor=0, multi_processor_count=100)
    answers: dict[str, Any] = {
        "is_available": True,
        "device_count": 1,
        "current_device": 0,
        "get_device_name": properties.name,
        "get_device_capability": (9, 0),
        "get_device_properties": properties,
        "is_bf16_supported": True,
        "mem_get_info": (20 * gib, 24 * gib),
        "memory_allocated": gib,
        "max_memory_allocated": gib,
        "max_memory_reserved": gib,
        "reset_peak_memory_stats": None,
        "empty_cache": None,
        "_lazy_init": None,
        "current_stream": _Stream(),
        "default_stream": _Stream(),
        "stream": nullcontext(),
        "device": nullcontext(),
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, lambda *_a, _answer=answer, **_k: _answer)
    torch.cuda.synchronize = lambda *_a: WAITS.note("all of the device")
    torch.cuda.Stream = _Stream
