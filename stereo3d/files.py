"""Files that are whole or absent (write beside, flush to the disk, rename), what they are by content, and where caches lie."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from stereo3d.errors import InputError, OutputError

__all__ = [
    "cache_folder",
    "digest",
    "file_sha256",
    "flush",
    "publish",
    "read_json",
    "source_fingerprint",
    "sync_folder",
    "write_json",
    "write_text",
]

_CHUNK = 1 << 20
_SAMPLE = 1 << 18
_SAMPLES = 64


def cache_folder() -> Path:
    """Where this user's caches lie, by the habit of the system; XDG_CACHE_HOME decides wherever it is set."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen:
        return Path(chosen) / "stereo3d"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "stereo3d" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/stereo3d"
    return Path.home() / ".cache" / "stereo3d"


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable. Windows cannot open folders and orders this by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush(path: Path) -> None:
    """Bring a written file to the disk."""
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())


def publish(temporary: Path, final: Path) -> None:
    """Give a finished, already flushed file its name, in one step, durably; from another file system it is copied beside that name
    before. Raises OutputError."""
    try:
        if temporary.stat().st_dev != final.parent.stat().st_dev:
            beside = final.with_name(final.name + ".part")
            shutil.copy2(temporary, beside)
            flush(beside)
            os.replace(beside, final)
            temporary.unlink()
        else:
            os.replace(temporary, final)
        sync_folder(final.parent)
    except OSError as error:
        raise OutputError(f"cannot write {final}: {error.strerror}", hint="see that the folder is writable") from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON as :func:`write_text` does."""
    write_text(path, json.dumps(value, separators=(",", ":")))  # in one go: many times faster than json.dump


def write_text(path: Path, text: str) -> None:
    """Write a file so that a power cut leaves the old one or the new one, never half. Raises OutputError."""
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as stream:  # names may be any bytes
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", hint="see that the disk has room") from error
    publish(temporary, path)


def read_json(path: Path) -> Any:
    """The value, or None where the file is absent or damaged (what it held can be built again)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def file_sha256(*paths: Path) -> str:
    """SHA-256 of the files' contents, one after the other, in hex. Raises OSError."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def digest(value: Any) -> str:
    """32 hex digits for a JSON-ready value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def source_fingerprint(path: Path) -> str:
    """What the source is, by content: its size and 64 samples of 256 KiB spread over it, the first and the last bytes
    among them. Reading 80 GB to the end each evening would cost minutes; an edit that spares every sample and the size
    is not a thing that happens to films. A folder is the list of its files' names, sizes and samples.
    """
    try:
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.is_file())
            return digest([[p.name, _file_fingerprint(p, samples=1)] for p in files])
        return _file_fingerprint(path, samples=_SAMPLES)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", hint="see that the file is readable") from error


def _file_fingerprint(path: Path, *, samples: int) -> str:
    size = path.stat().st_size
    hasher = hashlib.sha256(str(size).encode())
    with open(path, "rb") as stream:
        step = max(1, (size - _SAMPLE) // max(1, samples - 1)) if size > _SAMPLE * samples else _SAMPLE
        for position in range(0, max(1, size), step):
            stream.seek(min(position, max(0, size - _SAMPLE)) if size > _SAMPLE * samples else position)
            hasher.update(stream.read(_SAMPLE))
    return hasher.hexdigest()[:32]
