"""Faults for the real program: code that its processes run before anything else, through Python's own sitecustomize."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.films import command, environment

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


class Faults:
    """A folder whose sitecustomize breaks the program. ``code``: fills ``AFTER`` (module name -> function of the module)."""

    def __init__(self, folder: Path, code: str) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(_HOOK + code)
        self.environment = environment()
        self.environment["PYTHONPATH"] = f"{folder}:{self.environment.get('PYTHONPATH', '')}".rstrip(":")

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        )

    def run(self, *arguments: str | Path, timeout: float = 250) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments), capture_output=True, text=True, timeout=timeout, env=self.environment, check=False
        )
