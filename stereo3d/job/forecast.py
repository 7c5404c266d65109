"""What ``stereo3d estimate`` said, kept in the user's cache folder until the conversion can say how true it was."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

from stereo3d.errors import OutputError
from stereo3d.files import cache_folder, digest, read_json, write_json
from stereo3d.job.done import Asked

__all__ = ["keep_forecast", "recall_forecast"]

_MOST = 500


def keep_forecast(asked: Asked, fingerprint: str, seconds: float) -> None:
    """``seconds``: of the whole conversion of just this source with just these settings, on this machine."""
    kept = _all()
    kept.pop(_key(asked, fingerprint), None)
    kept[_key(asked, fingerprint)] = seconds
    place = _file()
    with suppress(OutputError, OSError):  # without it nothing is compared, that is all
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, dict(list(kept.items())[-_MOST:]))


def recall_forecast(asked: Asked, fingerprint: str) -> float:
    """The seconds that were kept last; 0 where none were."""
    return _all().get(_key(asked, fingerprint), 0.0)


def _key(asked: Asked, fingerprint: str) -> str:
    return digest([platform.node(), fingerprint, asked.that_matters()])


def _file() -> Path:
    return cache_folder() / "estimates.json"


def _all() -> dict[str, float]:
    content = read_json(_file())
    if not isinstance(content, dict):
        return {}
    return {key: float(value) for key, value in content.items() if isinstance(value, int | float)}
