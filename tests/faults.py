"""Faults for the real program: code that its processes run before anything else, through Python's own sitecustomize."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from tests.films import command, environment

__all__ = ["PLACES", "Faults"]

# Changes modules of the program right after they are loaded, in every process that finds this file.
_HOOK = '''
import importlib.abc, importlib.machinery, os, sys, time
from pathlib import Path

AFTER = {}


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in AFTER:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            AFTER[name](module)

        spec.loader.exec_module = exec_module
        return spec


def once(name):
    """True the first time in all processes."""
    try:
        os.close(os.open(Path(__file__).parent / name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


sys.meta_path.insert(0, Finder())
'''

PLACES = (
    "survey", "plan", "before job.json", "after job.json", "segment", "before record", "after record", "after segment",
    "before mux", "join", "after mux", "verify", "before done.json", "after done.json", "before output", "after output",
    "before report", "after report", "before removal",
)  # fmt: skip
"""Instants of a conversion in their order, at which its process can be made to stand still (see :meth:`Faults.aim`)."""

# Stands still at the place that the file "aim" names, once, and says so in the file "there".
_PAUSES = '''
def at(place):
    here = Path(__file__).parent
    try:
        if (here / "aim").read_text() != place:
            return
        (here / "aim").unlink()
    except FileNotFoundError:
        return
    (here / "there.part").write_text(str(os.getpid()))
    os.rename(here / "there.part", here / "there")
    while not (here / "go").exists():
        time.sleep(0.05)


def pausing(module, name, before="", after="", kind=lambda *words: ""):
    """Pause around a function. ``kind``: what is to be put behind the place's name, None for calls that do not count."""
    function = getattr(module, name)

    def wrapped(*words, **options):
        what = kind(*words)
        if before and what is not None:
            at(before + what)
        result = function(*words, **options)
        if after and what is not None:
            at(after + what)
        return result

    setattr(module, name, wrapped)


def renamed(source, target):
    folder, name = Path(target).parent.name, Path(target).name
    if name.endswith(".part"):
        return None
    if folder == "segments":
        return "record" if name.endswith(".json") else "segment"
    if name.endswith(".report.json"):
        return "report"
    return name if name in ("job.json", "done.json") else "output" if name == "out.mkv" else None


def survey(module):
    function = module.survey_source

    def surveying(info, settings, on_frame):
        def heard(count):
            if count > 5:
                at("survey")
            on_frame(count)

        return function(info, settings, heard)

    module.survey_source = surveying


pausing(os, "replace", "before ", "after ", renamed)
AFTER["stereo3d.job.survey"] = survey
AFTER["stereo3d.plan.segments"] = lambda module: pausing(module, "make_plan", after="plan")
AFTER["stereo3d.media.segment"] = lambda module: pausing(
    module.SegmentWriter, "write", "segment", kind=lambda self, batch: "" if ".stereo3d" in str(self.path) else None
)
AFTER["stereo3d.media.join"] = lambda module: pausing(module, "_restamp", "join")
AFTER["stereo3d.media.mux"] = lambda module: pausing(module, "_run", "before mux", "after mux")
AFTER["stereo3d.media.verify"] = lambda module: pausing(module, "_check_video", "verify")
AFTER["stereo3d.job.store"] = lambda module: pausing(module.WorkFolder, "remove", "before removal")
'''


class Faults:
    """A folder whose sitecustomize breaks the program. ``code``: fills ``AFTER`` (module name -> function of the module)."""

    def __init__(self, folder: Path, code: str = _PAUSES) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        (folder / "sitecustomize.py").write_text(_HOOK + code)
        self.environment = environment()
        self.environment["PYTHONPATH"] = f"{folder}:{self.environment.get('PYTHONPATH', '')}".rstrip(":")

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(command(*arguments), text=True, env=self.environment, **pipes)

    def run(self, *arguments: str | Path, timeout: float = 250, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            check=False,
            **options,
        )

    def aim(self, place: str) -> None:
        """Let the next process that comes to one of :data:`PLACES` stand still there."""
        (self.folder / "there").unlink(missing_ok=True)
        (self.folder / "aim").write_text(place)

    def let_go(self) -> None:
        """Let the process that stands still go on."""
        (self.folder / "go").touch()

    def there(self, process: subprocess.Popen[str], timeout: float = 250) -> int | None:
        """The id of the process that stands still where it was aimed at; None where ``process`` ended without coming there."""
        found, end = self.folder / "there", time.monotonic() + timeout
        while not found.exists():
            if process.poll() is not None:
                return None
            assert time.monotonic() < end, f"never came to {(self.folder / 'aim').read_text()}"
            time.sleep(0.05)
        return int(found.read_text())
