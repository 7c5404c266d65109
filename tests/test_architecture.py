"""The rooms of the house keep their directions."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "stereo3d"
FILES = sorted(PACKAGE.rglob("*.py"))

# Who may know whom: a room may import itself, the rooms named here, and the files everybody knows.
BASE = {
    "ahead",
    "colour",
    "errors",
    "files",
    "frames",
    "interrupts",
    "layouts",
    "memory",
    "output_settings",
    "pages",
    "plan",
    "presets",
    "progress",
    "quality",
    "settings",
    "table",
    "tone",
    "transfer",
}
ALLOWED = {
    "media": set(),
    "depth": set(),
    "render": set(),
    "plan": set(),
    "pipeline": {"media", "depth", "render"},
    "executors": {"pipeline", "media", "depth"},
    "job": {"executors", "pipeline", "media", "depth", "render"},
    "bench": {"job", "pipeline", "media", "depth", "render", "demo"},
    "moments": {"facts", "watch", "job", "pipeline", "media", "depth", "render"},
    "facts": {"bench", "watch", "job", "media", "depth", "render"},
    "ui": {"moments", "facts", "job", "media", "depth", "render"},
    "commands": {"bench", "facts", "moments", "ui", "job", "depth"},
    "watch": {"job"},
    "conversion": {"watch", "facts", "job", "media"},
    "cli": {"commands", "conversion", "job", "depth", "media"},
    "demo": {"job", "media", "depth"},
}
ONLY_IN = {"av": {"media"}, "ray": {"executors"}, "rich": {"cli", "progress"}, "ffmpeg": {"media"}} | {
    key: {"ui"} for key in ("starlette", "uvicorn", "anyio")
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_the_rooms_below_it(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        match = re.match(r"stereo3d\.(\w+)", name)
        if match and here in ALLOWED and (PACKAGE / match[1]).exists() | (PACKAGE / f"{match[1]}.py").exists():
            assert match[1] in {here} | ALLOWED[here] | BASE, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    for name in imports(path):
        homes = ONLY_IN.get(name.split(".")[0])
        assert homes is None or room(path) in homes, f"{path.name} imports {name}"


def test_every_room_stands_in_the_table_of_rooms() -> None:
    page = (PACKAGE.parent / "docs" / "concepts" / "how-it-works.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z_]+)(?:\.py|/)`", page.split("\n## ")[1]))
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert {name for name in rooms if not name.startswith("__")} - told == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_can_be_read_in_one_sitting(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= 400


def test_the_process_that_watches_a_conversion_and_hears_its_report_stays_small() -> None:
    code = (
        "import sys, stereo3d.cli, stereo3d.conversion, stereo3d.watch, stereo3d.job.queue, stereo3d.job.report\n"
        "assert not {'torch', 'av', 'numpy', 'cv2'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["convert", "--help"],
        ["--version"],
        ["bench", "--help"],
        ["bench", "depth", "--help"],
        ["ui", "--help"],
    ],
)
def test_help_is_quick(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom stereo3d.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "assert not {'torch', 'av', 'numba', 'cv2', 'transformers', 'starlette', 'uvicorn'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=250)
