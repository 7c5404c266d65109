"""Runs the server of the page until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import uvicorn

from stereo3d.errors import OutputError
from stereo3d.settings import Settings
from stereo3d.ui.folders import Folders
from stereo3d.ui.security import Access
from stereo3d.ui.server import Page, application

__all__ = ["serve"]

_MOST_CONNECTIONS = 256
_MOST_HEADERS = 16_384


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family, backlog=128)
    except OSError as error:
        raise OutputError(
            f"cannot listen at {host}, port {port}: {error.strerror or error}", hint="--port 0 takes a free port"
        ) from None


class _Server(uvicorn.Server):
    """Tells answers that would never end when it is to end."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._closing.set()
        super().handle_exit(sig, frame)


def serve(
    host: str, port: int, places: tuple[Path, ...], base: Settings, *, browser: bool, tell: Callable[[str], None]
) -> None:
    """Serve the page for the folders ``places`` until Ctrl-C. ``base``: the settings that it begins with. ``tell``: hears lines for
    people; the address goes to stdout. Raises UsageError, OutputError."""
    folders = Folders.of(places)
    with _listen(host, port) as listening:
        _serve(listening, Page(folders, Access(host, listening.getsockname()[1]), base), browser=browser, tell=tell)


def _serve(listening: socket.socket, page: Page, *, browser: bool, tell: Callable[[str], None]) -> None:
    access = page.access
    if not access.is_local:
        tell(
            f"warning: everybody on the network can reach {access.address}, unencrypted: whoever has the key can start conversions"
        )
    tell("the page is at this address, which is its key; keep it to yourself. Ctrl-C ends it")
    address = f"{access.address}/?key={access.key}"
    print(address, flush=True)
    config = uvicorn.Config(
        application(page),
        log_level="error" if os.environ.get("STEREO3D_DEBUG") else "critical",
        access_log=False,
        ws="none",
        http="h11",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        h11_max_incomplete_event_size=_MOST_HEADERS,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=3,
    )
    if browser:
        webbrowser.open(address)  # the socket listens already: the browser waits a moment
    with suppress(KeyboardInterrupt):  # uvicorn ends, and then passes it on
        _Server(config, page.closing).run([listening])
