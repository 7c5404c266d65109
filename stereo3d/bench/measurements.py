"""What was measured on this machine, kept in the user's cache folder for ``stereo3d models``. Light: no torch."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from stereo3d.errors import OutputError
from stereo3d.files import cache_folder, read_json, write_json

__all__ = ["Measurement", "fastest", "keep", "recall"]

_USUAL = 518 * 924  # pixels the network sees of a 16:9 film by default


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of ``stereo3d bench depth``. ``peak_memory``: bytes. ``random_weights``: speed only, no real weights."""

    model: str
    device: str
    height: int
    width: int
    batch: int
    dtype: str
    compiled: bool
    fps: float
    peak_memory: int
    date: str
    random_weights: bool
    host: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """A later measurement of the same key takes this one's place."""
        return (
            self.host, self.model, self.device, self.height, self.width, self.batch, self.dtype, self.compiled,
        )  # fmt: skip


def recall() -> tuple[Measurement, ...]:
    """What was measured on this host; nothing where nothing was, or where the file is damaged."""
    return tuple(row for row in _all() if row.host == platform.node())


def keep(rows: Iterable[Measurement]) -> Path:
    """Add rows to the file; returns its path. Raises OutputError."""
    kept = {row.key: row for row in _all()}
    for row in rows:
        kept[row.key] = row
    path = _file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {path.parent}: {error.strerror}", hint="set XDG_CACHE_HOME") from error
    write_json(path, {"version": 1, "rows": [asdict(row) for row in kept.values()]})
    return path


def fastest(rows: Iterable[Measurement], model: str) -> Measurement | None:
    """Of a model's rows those nearest to the usual size, and of them the fastest."""
    mine = [row for row in rows if row.model == model]
    return min(mine, key=lambda row: (abs(row.height * row.width - _USUAL), -row.fps), default=None)


def _file() -> Path:
    return cache_folder() / "measurements.json"


def _all() -> list[Measurement]:
    content = read_json(_file())
    rows = content.get("rows", ()) if isinstance(content, dict) and content.get("version") == 1 else ()
    try:
        return [Measurement(**row) for row in rows]
    except TypeError:
        return []
