"""At which names the page answers, and what the command refuses before it serves."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from stereo3d.ui.security import Access
from tests.films import run


@pytest.mark.parametrize(
    ("host", "header", "known"),
    [
        ("127.0.0.1", "127.0.0.1:80", True),
        ("127.0.0.1", "localhost:80", True),
        ("127.0.0.1", "[::1]:80", True),
        ("127.0.0.1", "127.0.0.1:81", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "192.168.1.5:80", False),
        ("127.0.0.1", "127.0.0.1.evil.example:80", False),
        ("localhost", "localhost:80", True),
        ("0.0.0.0", "192.168.1.5:80", True),
        ("0.0.0.0", f"{socket.gethostname().upper()}:80", True),
        ("0.0.0.0", "evil.example:80", False),
        ("::", "[fe80::1]:80", True),
        ("films.lan", "films.lan:80", True),
        ("films.lan", "other.lan:80", False),
    ],
)
def test_hosts(host: str, header: str, known: bool) -> None:
    assert Access(host, 80).knows_host(header) is known


def test_the_key_is_long_and_new_each_time() -> None:
    one, other = Access("127.0.0.1", 80), Access("127.0.0.1", 80)
    assert len(one.key) >= 40
    assert one.opens(one.key)
    assert not any(one.opens(key) for key in (other.key, "", None, one.key[:-1], "\u00e9"))
    assert one.key not in one.address
    assert "0.0.0.0" not in Access("0.0.0.0", 80).address
    assert Access("127.0.0.1", 80).is_local
    assert not Access("0.0.0.0", 80).is_local


def test_what_cannot_be_served(tmp_path: Path) -> None:
    done = run("ui", tmp_path / "none", "--port", "0", "--no-browser", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a folder" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("ui", tmp_path, "--port", str(taken.getsockname()[1]), "--no-browser", check=False)
    assert done.returncode == 1
    assert "cannot listen" in done.stderr
    assert "hint: --port 0" in done.stderr
    assert run("ui", tmp_path, "--port", "x", check=False).returncode == 2
    assert run("ui", tmp_path, "--strength", "99", check=False).returncode == 2
