"""Which devices ``--device`` means; one that is not there is an error, never another device."""

from __future__ import annotations

import pytest
import torch

from stereo3d.depth.devices import devices_of
from stereo3d.errors import UsageError


def test_a_list_is_taken_as_it_is_given() -> None:
    assert devices_of("cpu") == ("cpu",)
    assert devices_of("cpu,cpu") == ("cpu", "cpu")


@pytest.mark.parametrize("wanted", ["cuda", "cuda:all", "cuda:0", "cuda:0,cuda:1"])
def test_without_cuda_it_names_what_was_asked_for(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=f"--device {wanted.split(',')[0]}: .*: none") as caught:
        devices_of(wanted)
    assert "cpu" in caught.value.hint


def test_all_are_those_that_there_are_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices_of("cuda:all") == ("cuda:0", "cuda:1")
    with pytest.raises(UsageError, match="cuda:2: this machine's usable CUDA devices: 2"):
        devices_of("cuda:0,cuda:2")
