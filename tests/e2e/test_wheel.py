"""The wheel works away from the tree, presets included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.films import REPO, environment, make_film


@pytest.mark.skipif(not (REPO / "README.md").exists(), reason="the tests run without the tree")
def test_a_wheel_installed_elsewhere(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, REPO],
        check=True,
        timeout=250,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("stereo3d-*.whl")
    place = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", place, wheel], check=True, timeout=250
    )
    assert (place / "stereo3d/ui/page/index.html").is_file()
    film = make_film(tmp_path / "film.mkv", (6,))
    program = (
        "import sys, stereo3d; from pathlib import Path; from stereo3d.cli import main\n"
        f"assert Path(stereo3d.__file__).is_relative_to({str(place)!r})\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "convert", str(film), "--preset", "tutorial", "--model", "classic"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**environment(), "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "film.3D.SBS.mkv").exists()
