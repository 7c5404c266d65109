"""What is tried after a failure, and patience with a full disk."""

from __future__ import annotations

import errno
import shutil
import threading
from pathlib import Path

import pytest

from stereo3d.errors import DiskFullError, EncodeError, Interrupted
from stereo3d.frames import Shot
from stereo3d.job.faults import Fault, Faults
from stereo3d.job.losses import simpler_stretches
from stereo3d.job.patience import Patience, is_full
from stereo3d.job.report import Simpler
from stereo3d.plan.overrides import FLAT, InForce, Overrides
from stereo3d.plan.segments import Segment
from stereo3d.progress import Event, Phase, Silent
from stereo3d.settings import ViewSettings


def test_three_tries_then_flat_then_black_then_nothing() -> None:
    outcomes = [Fault(failures).outcome for failures in range(9)]
    assert outcomes == ["", "", "", "flat", "flat", "black", "black", "given up", "given up"]
    view = ViewSettings(strength=4)
    assert Fault(2).in_force(view) is None
    flat, black = Fault(3).in_force(view), Fault(5).in_force(view)
    assert flat is not None
    assert black is not None
    assert (flat.view.strength, flat.model, flat.black, black.black) == (0, FLAT, False, True)


def test_where_hardware_encodes_software_comes_before_flat() -> None:
    ladder = ("software", "flat", "black")
    outcomes = [Fault(failures, ladder=ladder).outcome for failures in range(10)]
    assert outcomes == ["", "", "", "software", "software", "flat", "flat", "black", "black", "given up"]
    segment = Segment(1, 100, 200, (Shot(100, 130), Shot(130, 300)), 0)
    assert Fault(3, "", 140, ladder).frames(segment) == (100, 200)
    assert Fault(3, "", 140, ladder).in_force(ViewSettings()) is None
    assert Fault(5, "", 140, ladder).frames(segment) == (130, 200)
    assert Fault(6, "", 140, ladder).frames(segment) == (100, 200)


def test_hardware_that_fails_for_two_segments_in_a_row_is_given_up_for_all_that_is_left(tmp_path: Path) -> None:
    ladder = ("software", "flat", "black")
    faults = Faults(tmp_path, ladder)
    for key in "ab":
        for _ in range(3):
            faults.add(key, "hot")
    assert faults.is_put_off("a")
    assert faults.systematic
    assert faults.may_give_up_hardware
    faults.give_up_hardware("abc", "hot")
    again = Faults(tmp_path, ladder)
    assert not again.systematic
    assert not again.may_give_up_hardware
    assert [again.of(key).outcome for key in "abcd"] == ["software"] * 3 + [""]
    assert not any(again.is_put_off(key) or again.is_suspect(key) for key in "abc")
    again.add("c", "?")
    assert again.is_suspect("c")
    for _ in range(2):  # one segment alone is no pattern, however often its outcome changes
        again.add("a", "?")
    assert again.is_put_off("a")
    assert not again.systematic
    again.add("c", "?")
    assert again.systematic
    again.forget("abc")
    assert again.may_give_up_hardware


def test_neighbours_made_alike_are_one_stretch() -> None:
    plan = [Segment(n, 100 * n, 100 * n + 100, (Shot(100 * n, 100 * n + 100),), 0) for n in range(4)]
    hot, lost = Fault(3, "hot", -1, ("software", "flat", "black")), Fault(8, "lost")
    found = simpler_stretches(plan, [hot, hot, Fault(), lost])
    assert found == (Simpler("software", 0, 200, 3, "hot"),)
    assert simpler_stretches(plan, [Fault(1), Fault(3, "net"), Fault(5, "net"), hot]) == (
        Simpler("flat", 100, 200, 3, "net"), Simpler("black", 200, 300, 5, "net"), Simpler("software", 300, 400, 3, "hot"),
    )  # fmt: skip


def test_faults_survive_a_restart_and_two_lost_segments_in_a_row_are_systematic(tmp_path: Path) -> None:
    faults = Faults(tmp_path)
    for _ in range(3):
        faults.add("a", "no luck")
    faults = Faults(tmp_path)
    assert faults.of("a") == Fault(3, "no luck")
    assert not faults.systematic
    for _ in range(3):
        faults.add("b", "no luck")
    assert Faults(tmp_path).systematic
    faults.success()
    assert not Faults(tmp_path).systematic
    faults.forget(["a"])
    assert Faults(tmp_path).of("a") == Fault()
    (tmp_path / "faults.json").write_text('{"segments": {"a": [1')
    assert Faults(tmp_path).of("b") == Fault()


def test_first_only_the_shot_that_failed_is_made_otherwise() -> None:
    segment = Segment(1, 100, 200, (Shot(100, 130), Shot(130, 300)), 0)
    assert Fault(3, "", 140).frames(segment) == (130, 200)
    assert Fault(3, "", -1).frames(segment) == (100, 200)
    assert Fault(4, "", 140).frames(segment) == (100, 200)


def test_settings_of_a_piece_win_over_those_of_its_shot() -> None:
    strong, flat = InForce(ViewSettings(strength=5)), InForce(ViewSettings(strength=0), FLAT)
    overrides = Overrides(((Shot(0, 100), strong), (Shot(200, 300), strong))).changed(40, 60, flat)
    assert [overrides.at(frame) for frame in (0, 39, 40, 59, 60, 99, 100, 200, 299, 300)] == [
        strong, strong, flat, flat, strong, strong, None, strong, strong, None,
    ]  # fmt: skip
    assert overrides.models() == (FLAT,)


class _Told(Silent):
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


def test_a_full_disk_is_known_by_what_failed(tmp_path: Path) -> None:
    full = EncodeError("libx264 failed")
    full.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert is_full(full, tmp_path)
    assert is_full(EncodeError("ffmpeg ended with 228: No space left on device"), tmp_path)
    assert not is_full(EncodeError("libx264 failed"), tmp_path)


def test_patience_repeats_a_step_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage)
    told, stop = _Told(), threading.Event()
    tries = []

    def step() -> str:
        tries.append(usage.free)
        if usage.free < 2000:
            threading.Timer(0.2, lambda: setattr(usage, "free", 5_000_000)).start()
            raise OSError(errno.ENOSPC, "No space left on device")
        return "done"

    assert Patience(tmp_path, True, told, stop).through(step, 1000) == "done"
    assert tries == [10, 5_000_000]
    assert any(isinstance(event, Phase) and event.name == "wait" for event in told.events)
    usage.free = 10
    with pytest.raises(DiskFullError, match="about 1 kB needed"):
        Patience(tmp_path, False, told, stop).through(step, 1000)
    usage.free = 10
    stop.set()
    with pytest.raises(Interrupted):
        Patience(tmp_path, True, told, stop).wait_for(10**9)
