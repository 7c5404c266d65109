"""Commands of ours in processes of their own: what the page starts is what a person would have typed.

A conversion outlives the server that started it. What it says goes to files among the user's caches; beside them stands which
process it is, so that a later server knows it again.
"""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

import stereo3d
from stereo3d.errors import JobError
from stereo3d.files import cache_folder, read_json, write_json
from stereo3d.settings import Settings

__all__ = ["Run", "call", "drawer", "drawers", "end", "forget", "option_words", "stamp", "start"]

_PROGRAM = (sys.executable, "-m", "stereo3d")
# Where the package lies: `-m` finds this one there, and no file in a folder of films is taken for a module.
_HOME = Path(stereo3d.__file__).parent.parent
if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _FLAGS = 0
_TIDYING = 10.0
_children: list[subprocess.Popen[bytes]] = []


def drawer(kind: str, *about: object) -> Path:
    """The folder among the user's caches for what is known ``about`` something; nothing is made."""
    name = hashlib.sha256("\n".join(map(str, about)).encode(errors="surrogateescape")).hexdigest()[:32]
    return cache_folder() / "ui" / kind / name


def drawers(kind: str) -> Iterator[Path]:
    """All folders of a kind."""
    with suppress(OSError):
        yield from sorted((cache_folder() / "ui" / kind).iterdir())


def stamp(path: Path) -> int:
    """When a file or a folder changed last; 0 where there is none. What is remembered of it is remembered by this."""
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


@dataclass(frozen=True, slots=True)
class Run:
    """A command that was started, last, from a page. ``about``: what for, JSON-ready; ``pid`` and ``born`` name its process.
    What it said is in ``folder``: ``said`` (errors and progress) and ``out`` (data)."""

    folder: Path
    about: dict[str, Any]
    pid: int
    born: float

    @classmethod
    def of(cls, folder: Path) -> Run | None:
        """The run of a drawer, or None."""
        value = read_json(folder / "run.json")
        try:
            return cls(folder, **value)
        except TypeError:
            return None

    @property
    def said(self) -> Path:
        return self.folder / "said"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def process(self) -> psutil.Process | None:
        """The process while it lives."""
        _children[:] = [child for child in _children if child.poll() is None]
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.born) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def start(folder: Path, about: dict[str, Any], words: Sequence[str]) -> None:
    """Start ``stereo3d`` with these words, for good. Raises JobError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "said", "wb") as said, open(folder / "out", "wb") as out:
            child = subprocess.Popen(
                [*_PROGRAM, *words],
                cwd=_HOME,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=said,
                start_new_session=sys.platform != "win32",  # Ctrl-C in the server's terminal is not meant for it
                creationflags=_FLAGS,
            )
    except OSError as error:
        raise JobError(f"stereo3d {words[0]} cannot be started: {error}", hint="try it in a terminal") from error
    _children.append(child)
    with suppress(psutil.Error):  # it may have ended already: then there is nothing to find again
        born = psutil.Process(child.pid).create_time()
        value = asdict(Run(folder, about, child.pid, born))
        del value["folder"]
        write_json(folder / "run.json", value)


def end(run: Run, *, tidily: bool = False) -> bool:
    """End a run and what it started, at once. ``tidily``: let it first throw away what it wrote for itself, where the platform can tell
    it so. False where it lives no more."""
    process = run.process()
    if process is None:
        return False
    with suppress(psutil.Error):
        family = [process, *process.children(recursive=True)]
        if tidily and sys.platform != "win32":
            process.send_signal(signal.SIGINT)
            for one in family[1:]:  # it would wait for them
                with suppress(psutil.Error):
                    one.kill()
            psutil.wait_procs([process], timeout=_TIDYING)
        for one in family:
            with suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(family, timeout=10)
    return True


def forget(folder: Path) -> None:
    """Throw a drawer away."""
    shutil.rmtree(folder, ignore_errors=True)


def option_words(settings: Settings, *, without: Collection[str]) -> list[str]:
    """The options that make these settings of the default ones, as a person would type them."""
    flat, plain = settings.to_flat(), Settings().to_flat()
    changed = {name: value for name, value in flat.items() if name not in without and value not in (None, plain[name])}
    return [_word(name, value) for name, value in changed.items()]


def _word(name: str, value: Any) -> str:
    option = name.replace("_", "-")
    return f"--{'' if value else 'no-'}{option}" if isinstance(value, bool) else f"--{option}={value}"


def call(words: Sequence[str], seconds: float) -> None:
    """Run a short command. Raises JobError with its own words."""
    try:
        done = subprocess.run(
            [*_PROGRAM, *words],
            cwd=_HOME,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise JobError(f"stereo3d {words[0]} took too long", hint="try it in a terminal") from None
    if done.returncode not in (0, 3):
        said = done.stderr.decode(errors="replace").splitlines()
        error, hint = (
            next((line.removeprefix(kind) for line in reversed(said) if line.startswith(kind)), "")
            for kind in ("error: ", "hint: ")
        )
        raise JobError(error or f"stereo3d {words[0]} failed", hint=hint)
