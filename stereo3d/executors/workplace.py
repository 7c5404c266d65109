"""A worker's own folder for temporary files: what a killed one leaves is removed by the next one on that machine."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["Workplace"]

_PREFIX = "stereo3d-work-"


class Workplace:
    """An empty folder (``path``), ours until :meth:`leave`, or until this process ends, however it ends. ``parent``: by default the
    folder for temporary files."""

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        _sweep(parent)
        self.path = parent / f"{_PREFIX}{uuid.uuid4().hex[:12]}"
        self._lock = _lock_of(self.path)
        self._lock.acquire()  # before the folder is there for others to find
        self.path.mkdir(mode=0o700)

    def leave(self) -> None:
        """Remove it."""
        _remove(self.path, self._lock)


def _lock_of(folder: Path) -> FileLock:
    """Held by the folder's process while that lives: the system lets it go with the process."""
    return FileLock(f"{folder}.lock")


def _remove(folder: Path, lock: FileLock) -> None:
    """Under its lock, which is given up."""
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)


def _sweep(parent: Path) -> None:
    """Remove the folders whose process is gone."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if folder.is_dir():
            lock = _lock_of(folder)
            try:
                lock.acquire(timeout=0)
            except (Timeout, OSError):  # at work, or another user's
                continue
            _remove(folder, lock)
