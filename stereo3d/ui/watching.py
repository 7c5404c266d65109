"""Watching on other devices: a link of its own for each output that a person has allowed, good for this file and nothing else.

A link lives as long as the server. What is not finished yet is joined from the segments that are (``stereo3d peek``), as MP4, which
browsers play, into the user's caches.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from pathlib import Path

from stereo3d.errors import JobError
from stereo3d.job.status import status_of
from stereo3d.job.store import work_folder_of
from stereo3d.ui.children import call, drawer
from stereo3d.ui.folders import Refused

__all__ = ["Links", "newest_film"]

_PEEK_SECONDS = 900.0
_peeking = threading.Lock()


class Links:
    """The links that are allowed now."""

    def __init__(self) -> None:
        self._outputs: dict[str, Path] = {}

    def allow(self, output: Path) -> str:
        """The secret of an output's link."""
        return self.of(output) or self._new(output)

    def _new(self, output: Path) -> str:
        secret = secrets.token_urlsafe(16)
        self._outputs[secret] = output
        return secret

    def forbid(self, output: Path) -> None:
        """The link is good no more, at once for every new request."""
        self._outputs = {secret: place for secret, place in self._outputs.items() if place != output}

    def of(self, output: Path) -> str | None:
        return next((secret for secret, place in self._outputs.items() if place == output), None)

    def output(self, secret: str) -> Path:
        """Raises Refused."""
        found = [
            place for known, place in self._outputs.items() if secrets.compare_digest(known.encode(), secret.encode())
        ]
        if not found:
            raise Refused(404, "this link is not good, or no more", "allow it again in the page, on the computer")
        return found[0]


def newest_film(output: Path, *, make: bool) -> tuple[Path, str]:
    """(file, what is in it) of what can be played of an output: itself, or its finished beginning, made anew where ``make`` and
    more is finished. Raises Refused or JobError."""
    if output.is_file() and not work_folder_of(output).is_dir():
        return output, "the whole film"
    status, folder = status_of(output), drawer("peeks", output)
    made = sorted(folder.glob("*.mp4"), key=_number)
    if make and status.segments_done and not (made and _number(made[-1]) >= status.segments_done):
        made = [_peek(output, folder, status.segments_done, made)]
    if not made:
        raise Refused(404, f"nothing of {output.name} can be played yet", "wait until its first segment is finished")
    return made[-1], f"the first {_number(made[-1])} of {status.segments_total} segments"


def _number(peek: Path) -> int:
    """How many segments were finished when it was made."""
    return int(peek.stem) if peek.stem.isdecimal() else 0


def _peek(output: Path, folder: Path, segments: int, old: list[Path]) -> Path:
    """Each has a name of its own: somebody may still watch the one before."""
    if not _peeking.acquire(blocking=False):
        raise JobError("a film is being put together already", hint="try again in a minute")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{segments}.mp4"
        call(["peek", str(output), "-o", str(place), "--overwrite"], _PEEK_SECONDS)
    finally:
        _peeking.release()
    for path in old:
        with suppress(OSError):
            path.unlink()
    return place
