"""Requests that nobody should answer: each gets an error that says what and a hint, and costs nothing."""

from __future__ import annotations

import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import psutil
import pytest

from tests.ui.served import Served

PICTURE = "/api/picture?film=0/film.mkv&time=1&shown=anaglyph&height=192&lane=a"


def refused(page: Served, path: str, **options: object) -> int:
    status, headers, body = page.ask(path, **options)  # type: ignore[arg-type]
    said = json.loads(body)
    assert set(said) == {"error", "hint"}
    assert said["error"]
    assert "root:" not in body.decode()
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    return status


@pytest.mark.parametrize(
    "path", ["/", "/app.js", "/api/page", "/api/films", PICTURE, "/api/events", "/report?output=0/x.mkv", "/none"]
)
def test_without_the_key(page: Served, path: str) -> None:
    assert refused(page, path, key=None) == 401
    assert refused(page, path, key="wrong") == 401
    assert refused(page, path, key=None, headers={"Cookie": f"stereo3d-{page.port}=wr\xf6ng"}) == 401


def test_the_key_in_the_address_counts_at_the_door_only(page: Served) -> None:
    assert refused(page, "/?key=wrong", key=None) == 401
    assert refused(page, f"/api/films?key={page.key}", key=None) == 401
    for path in ("/watch/x/?key=wrong", f"/watch/x/?key={page.key}", "/watch/x/film?key="):
        status, headers, _ = page.ask(path, key=None)
        assert status == 404
        assert "set-cookie" not in headers
    status, headers, body = page.ask(f"/?key={page.key}", key=None)
    assert (status, headers["location"], body) == (303, "/", b"")
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]
    assert page.ask("/api/films", key=None, headers={"Cookie": headers["set-cookie"].split(";")[0]})[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:{port}",
        "192.168.0.1:{port}",
        "",
    ],
)
def test_other_hosts(page: Served, host: str) -> None:
    assert refused(page, "/api/films", headers={"Host": host.format(port=page.port)}) == 421


def test_two_hosts(page: Served) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=120) as line:
        line.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nHost: evil\r\n\r\n".encode())
        assert line.recv(100).startswith((b"HTTP/1.1 400", b"HTTP/1.1 421"))


def test_other_pages(page: Served) -> None:
    cookie = {"Cookie": f"stereo3d-{page.port}={page.key}"}
    own = {"Origin": page.address}
    for foreign in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert refused(page, "/api/films", key=None, headers=cookie | foreign) == 403
        assert refused(page, "/api/jobs", method="POST", body={}, key=None, headers=cookie | foreign) == 403
    assert refused(page, "/api/jobs", method="POST", body={}, key=None, headers=cookie) == 403, "no origin at all"
    assert refused(page, "/api/jobs", method="POST", body={}, key=None, headers=cookie | own) == 400, (
        "it is let in, and empty"
    )


OUTSIDE = [
    "0/../secret/other.mkv", "0/./../secret/other.mkv", "0/x/../../secret/other.mkv", "0//etc/passwd", "0/", "0", "", "/etc/passwd", "../secret/other.mkv",
    "0/link.mkv", "0/out/other.mkv", "1/film.mkv", "-1/film.mkv", "00x/film.mkv", "\u0660/film.mkv", "0/..\\secret\\other.mkv", "0/film.mkv\0.txt", "0/C:\\Windows",
    "0/..%2fsecret/other.mkv", "0/%2e%2e/secret/other.mkv", "0/..%252fsecret/other.mkv", "0/\uff0e\uff0e/secret/other.mkv", "0/" + "a" * 1900, "0/" + "../" * 40 + "etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("twice", [False, True])
def test_paths_that_lead_out(page: Served, name: str, twice: bool) -> None:
    sent = quote(quote(name) if twice else name, safe="")
    for path in (
        "/api/film?film=",
        "/api/shots?film=",
        "/api/own?output=a.mkv&film=",
        "/api/measures?film=",
        "/compared?film=",
        "/compared.png?film=",
        "/report?output=",
        "/api/picture?time=0&shown=source&height=90&lane=x&film=",
    ):
        assert refused(page, path + sent) in (400, 403, 404)
    if not twice:
        for path, named in (
            ("/api/jobs", "film"),
            ("/api/own", "film"),
            ("/api/measures", "film"),
            ("/api/measures/end", "film"),
            ("/api/jobs/continue", "output"),
            ("/api/jobs/pause", "output"),
            ("/api/watch", "output"),
        ):
            body = {named: name, "output": name} | ({"output": "a.mkv"} if named == "film" else {})
            assert refused(page, path, method="POST", body=body) in (400, 403, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/__init__.py",
        "/page/app.js",
        "//etc/passwd",
        "/watch/x/",
        "/watch/x/film",
        "/watch//film",
        "/watch/../api/films/",
    ],
)
def test_files_that_are_none_of_the_page(page: Served, path: str) -> None:
    assert refused(page, path) in (400, 404)


@pytest.mark.parametrize(
    "output",
    [
        "../evil.mkv",
        "a/b.mkv",
        "/tmp/evil.mkv",
        "..",
        ".hidden.mkv",
        "a\\b.mkv",
        "link.mkv",
        "a\nb.mkv",
        "a:b.mkv",
        "x" * 300 + ".mkv",
        "",
        None,
        3,
        ["a"],
    ],
)
def test_outputs_elsewhere(page: Served, output: object) -> None:
    for path in ("/api/jobs", "/api/own"):
        assert refused(page, path, method="POST", body={"film": "0/film.mkv", "output": output}) in (400, 403)
    if isinstance(output, str):
        assert refused(page, f"/api/own?film=0/film.mkv&output={quote(output)}") in (400, 403)


@pytest.mark.parametrize(
    "options",
    [{"weights": "/etc/passwd"}, {"depth_from": "x"}, {"device": "cuda"}, {"strength": 99}, {"strength": "nan"}, {"layout": "none"}, {"model": "/etc"}, {"model": "owner/name"}],
)  # fmt: skip
def test_options_that_are_not_decided_here(page: Served, options: dict[str, object]) -> None:
    body = {"film": "0/film.mkv", "output": "a.mkv", "kind": "estimate", "options": options}
    for path in ("/api/jobs", "/api/measures"):
        assert refused(page, path, method="POST", body=body) == 400


@pytest.mark.parametrize(
    "query",
    [
        "time=x",
        "time=-1",
        "time=1e9",
        "height=0x5",
        "height=-4",
        "shown=left&shown=../x",
        "shown=nothing",
        "strength=inf",
        "model=zzz",
        "lane=",
        "own=[]",
        "own=" + "[" * 3000,
        "own=" + quote('{"strength": 3}'),
        "own=" + quote('{"strength": "99"}'),
        "own=" + quote('{"weights": "/etc/passwd"}'),
        "own=" + quote('{"model": "/etc"}'),
    ],
)
def test_numbers_that_are_none(page: Served, query: str) -> None:
    plain = {"film": "0/film.mkv", "time": "0", "shown": "source", "height": "90", "lane": "x"}
    plain.pop(query.partition("=")[0], None)
    rest = "&".join(f"{name}={value}" for name, value in plain.items())
    assert refused(page, f"/api/picture?{rest}&{query}") == 400


def test_measures_that_are_none(page: Served) -> None:
    for path in ("/api/measures", "/api/measures/end"):
        for kind in (None, "convert", "--help", ["compare"]):
            assert refused(page, path, method="POST", body={"film": "0/film.mkv", "kind": kind}) == 400
    for time in (None, "x", "-1", 3, "1e9"):
        body = {"film": "0/film.mkv", "kind": "compare", "time": time}
        assert refused(page, "/api/measures", method="POST", body=body) == 400


def test_methods_and_bodies(page: Served) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert refused(page, "/api/films", method=method) == 405
    for body in ("", "[]", "nonsense", "[" * 5000, b"\xff\xfe"):
        assert refused(page, "/api/jobs", method="POST", body=body) == 400
    assert page.ask("/api/jobs", key=page.key)[0] == 405


def test_a_huge_upload_is_not_read(page: Served) -> None:
    before = psutil.Process(page.process.pid).memory_info().rss
    assert refused(page, "/api/jobs", method="POST", headers={"Content-Length": str(10**12)}) == 413
    with socket.create_connection(("127.0.0.1", page.port), timeout=120) as line:  # one that does not say how much
        head = f"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nAuthorization: Bearer {page.key}\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head.encode())
        sent = 0
        try:
            while sent < 100 << 20:
                line.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
                sent += 1 << 16
        except OSError:
            pass
        assert sent < 20 << 20, "it was read to its end"
    assert psutil.Process(page.process.pid).memory_info().rss - before < 30 << 20


def test_endless_headers(page: Served) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=120) as line:
        line.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * (1 << 20) + b"\r\n")
        assert line.recv(100)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"")


@pytest.mark.parametrize("key", [None, ""])
def test_two_hundred_at_once(page: Served, key: str | None) -> None:
    """Strangers are sent away at the door; of one's own many pictures the newest is made, and no more are let in than can wait."""
    process = psutil.Process(page.process.pid)
    page.ask(PICTURE)  # all is loaded and compiled
    before, memory = sum(process.cpu_times()[:2]), process.memory_info().rss

    def ask(number: int) -> int:
        return page.ask(f"{PICTURE}&strength={number / 100}", key=key)[0]

    with ThreadPoolExecutor(200) as pool:
        statuses = Counter(pool.map(ask, range(200)))
    assert set(statuses) == ({401} if key is None else {200, 409, 503} & set(statuses))
    assert sum(process.cpu_times()[:2]) - before < 8
    assert process.memory_info().rss - memory < 60 << 20
    assert page.ask(PICTURE)[0] == 200, "it works on"
    if key is not None:
        assert 1 <= statuses[200] <= 100
