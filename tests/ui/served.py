"""A page as people have it: ``stereo3d ui`` in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.films import command, environment


@dataclass(frozen=True)
class Served:
    address: str
    key: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: Any = None,
        key: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body). ``key``: another one, or None for none. The path is sent as it is."""
        sent = {} if key is None else {"Authorization": f"Bearer {key or self.key}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        try:
            content = json.dumps(body) if isinstance(body, dict | list) else body
            connection.request(method, path, content, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, path: str, **options: Any) -> Any:
        status, _, body = self.ask(path, **options)
        assert status == 200, body
        return json.loads(body)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
        return self.process.wait(120)


@contextmanager
def served(folder: Path, cache: Path, *words: str) -> Iterator[Served]:
    """A server for ``folder`` at a free port, with caches of its own."""
    process = subprocess.Popen(
        command("ui", folder, "--port", "0", "--no-browser", "--model", "classic", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**environment(), "XDG_CACHE_HOME": str(cache)},
        cwd=Path(sys.modules["stereo3d"].__file__ or "").parent.parent,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        address, _, key = line.partition("/?key=")
        yield Served(address, key, process)
    finally:
        process.kill()
        process.wait(120)
        process.stdout.close()
