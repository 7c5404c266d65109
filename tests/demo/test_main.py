"""``python -m stereo3d.demo`` from end to end, small."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from stereo3d.demo.__main__ import main
from stereo3d.demo.sheet import sheet


def test_the_demo_renders_converts_and_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "shown"
    assert main(["--out", str(out), "--frames", "4", "--size", "192x108"]) == 0
    facts = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert facts["frames"] == 16
    assert facts["verified"] is True
    assert facts["losses"] == []
    assert facts["result_size"] == [384, 108]
    assert cv2.imread(facts["still"]).shape == (216, 384, 3)
    printed = capsys.readouterr().out
    for name in ("result", "still"):
        assert facts[name] in printed
    assert str(out / "summary.json") in printed
    assert not list(out.glob("*.part.mkv"))


def test_the_sheet_puts_each_picture_in_its_corner() -> None:
    flat = [np.full((90, 160, 3), value, np.uint8) for value in (40, 80, 120)]
    whole = sheet(flat[0], np.full((90, 160), 0.8, np.float32), flat[1], flat[2])
    corners = [whole[80, 150], whole[80, 310], whole[170, 150], whole[170, 310]]
    assert [int(pixel[0]) for pixel in corners] == [40, 204, 80, 120]


@pytest.mark.parametrize("wrong", [["--size", "1281x720"], ["--size", "wide"], ["--frames", "0"]])
def test_wrong_usage(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(wrong)
    assert stop.value.code == 2
    assert wrong[1] in capsys.readouterr().err


def test_a_folder_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["--out", str(tmp_path / "file" / "demo")]) == 1
    assert "hint:" in capsys.readouterr().err
