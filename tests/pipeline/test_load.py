"""What is told of a run: shares, waits, bytes, traces; and streams that are nothing on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from stereo3d.pipeline.ends import device_bytes, find_ends
from stereo3d.pipeline.lanes import Lane, keep_for_this_stream, tensors_in
from stereo3d.pipeline.load import Load, load_of
from stereo3d.pipeline.meter import Memory, Meter, Span, Spent, write_trace
from stereo3d.pipeline.recipe import Ends
from stereo3d.pipeline.stages import stage
from stereo3d.settings import Settings
from tests.executors.conftest import Work, work  # noqa: F401 - a fixture


def test_a_chain_says_who_worked_who_starved_and_who_was_held_up() -> None:
    meter = Meter(traces=True)

    def quick() -> object:
        yield from range(8)

    def slow(items: object) -> object:
        for item in items:  # type: ignore[attr-defined]
            time.sleep(0.1)
            yield item

    first = stage("quick", quick(), meter, ahead=1)  # type: ignore[arg-type]
    second = stage("slow", slow(first), meter, ahead=1)  # type: ignore[arg-type]
    for _ in stage("last", (x for x in second), meter):  # type: ignore[attr-defined]
        pass
    spent = meter.spent()
    assert spent["slow"].busy >= 0.8
    assert spent["quick"].held_up > 0.3 > spent["quick"].busy
    assert spent["last"].starved > 0.6 > spent["last"].busy
    assert {span.name for span in meter.take_spans()} == {"quick", "slow", "last"}
    assert meter.take_spans() == ()


def test_shares_are_of_all_workers_time_and_in_the_pipelines_order() -> None:
    spent = {"encode": Spent(4, 5, 0), "depth": Spent(18, 1, 1)}
    load = load_of(spent, 10.0, 2, Memory(3 << 30, 1 << 30), 6_000_000)
    assert [(s.stage, s.busy, s.starved, s.held_up) for s in load.stages] == [
        ("depth", 0.9, 0.05, 0.05),
        ("encode", 0.2, 0.25, 0.0),
    ]
    assert Load.from_json(json.loads(json.dumps(_as_json(load)))) == load
    text = "\n".join(load.lines())
    assert "depth 90 %" in text
    assert "encode waited 25 % for what it works on" in text
    assert "3.0 GiB, 1.0 GiB on the device, 6.0 MB a frame between host and device" in text
    assert Load().lines() == []


def test_memory_is_the_most_that_was_held_not_what_is_left() -> None:
    code = (
        "from stereo3d.memory import most_resident\n"
        "before = most_resident()\n"
        "block = b'x' * 100_000_000\n"
        "assert most_resident() - before > 90_000_000\n"
        "del block\n"
        "assert most_resident() - before > 90_000_000\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def _as_json(load: Load) -> object:
    from dataclasses import asdict

    return asdict(load)


def test_bytes_between_host_and_device(work: Work) -> None:  # noqa: F811
    frame, packed = 96 * 64 * 3 // 2, 192 * 64 * 3 // 2
    assert device_bytes(work.recipe, Ends()) == 0
    classic = replace(work.recipe, device="cuda:0")
    assert device_bytes(classic, Ends()) == frame + packed
    there = replace(classic, settings=Settings.from_flat({"model": "small"}))
    assert device_bytes(there, Ends()) == 2 * frame + packed
    assert device_bytes(there, Ends(decode=True)) == packed
    assert device_bytes(there, Ends(encode=True)) == 2 * frame
    assert device_bytes(there, Ends(True, True)) == 0
    half = replace(there, settings=Settings.from_flat({"layout": "sbs-half"}))
    assert device_bytes(half, Ends(decode=True)) == packed // 2


def test_on_the_cpu_no_end_is_negotiated(work: Work) -> None:  # noqa: F811
    found = find_ends(work.recipe)
    assert found.ends == Ends()
    assert found.notes == ()


def test_a_trace_is_in_the_trace_event_format(tmp_path: Path) -> None:
    spans = [Span("depth", 100.5, 0.25, "depth", "cuda:1"), Span("decode", 100.0, 0.125, "decode")]
    write_trace(tmp_path / "trace.json", spans)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    complete = [event for event in events if event["ph"] == "X"]
    assert [(e["name"], e["ts"], e["dur"]) for e in complete] == [("decode", 0, 125_000), ("depth", 500_000, 250_000)]
    names = {event["args"]["name"] for event in events if event["ph"] == "M" and event["name"] == "process_name"}
    assert names == {"stereo3d", "cuda:1"}
    assert complete[0]["pid"] != complete[1]["pid"]


@dataclass
class Pair:
    left: torch.Tensor
    rest: tuple[object, ...]


def test_streams_are_nothing_on_the_cpu_and_every_tensor_is_found() -> None:
    lane = Lane(torch.device("cpu"))
    with lane():
        made = torch.ones(2)
    lane.finish()
    pair = Pair(made, (1, [torch.zeros(1)], {"not": "looked at"}))
    assert [len(tensor) for tensor in tensors_in(pair)] == [2, 1]
    keep_for_this_stream(pair)


@pytest.mark.needs_cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_lane_hands_over_what_is_finished() -> None:
    device = torch.device("cuda:0")

    def heavy() -> object:
        for n in range(6):
            big = torch.full((4096, 4096), float(n), device=device)
            yield (big @ torch.eye(4096, device=device))[0, 0].clone()

    items = stage("heavy", heavy(), Meter(), device=device)  # type: ignore[arg-type]
    assert [float(item) for item in items] == [0, 1, 2, 3, 4, 5]  # type: ignore[attr-defined]
