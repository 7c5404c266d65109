"""Who may ask for what: everything that is refused is refused here, before a request costs anything.

The page changes files and starts programs, so other pages in the same browser are its enemies as much as other machines. A
request is answered when it names us as its host (a name that was made to point at this machine does not), when no other page
sent it, when it carries the key that was printed in the terminal, when it is small, and when there are not too many at once.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from stereo3d.ui.folders import Refused

__all__ = ["MOST_BODY", "SHEET", "Access", "Guard", "refusal"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_BODY = 16_384
_MOST_AT_ONCE = 24
_MOST_STREAMS = 12
_STREAMS = ("/api/events", "/watch/")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SHEET = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
}
"""For pages of ours that were written to the disk: they need nothing."""


@dataclass(frozen=True, slots=True)
class Access:
    """How the page may be reached. ``host``: the address that the server listens at; ``key``: what a person must have."""

    host: str
    port: int
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        """Cookies are shared by all ports of a host, so its name has ours."""
        return f"stereo3d-{self.port}"

    @property
    def address(self) -> str:
        host = {"0.0.0.0": _own_address(), "::": _own_address()}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or (_is_address(self.host) and ipaddress.ip_address(self.host).is_loopback)

    def knows_host(self, header: str) -> bool:
        """Whether a Host header is ours. An address always is the one that was asked for; a name may be anybody's."""
        name, _, port = header.rpartition(":")
        if port != str(self.port):
            return False
        name = name.strip("[]").lower()
        if self.is_local:
            return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)
        own = socket.gethostname().lower()
        return _is_address(name) or name in {"localhost", self.host.lower(), own, f"{own}.local"}

    def opens(self, offered: str | None) -> bool:
        """Whether this is the key."""
        return hmac.compare_digest((offered or "").encode(), self.key.encode())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _own_address() -> str:
    """The address by which others on the network reach this machine. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address of no machine (RFC 5737): only the route is looked up
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def refusal(error: Refused) -> Response:
    """The answer to a request that is refused: what, and a hint."""
    headers = {"Retry-After": "1"} if error.status == 503 else {}
    if error.status in (401, 413):
        headers["Connection"] = "close"
    return JSONResponse({"error": error.what, "hint": error.hint}, error.status, headers)


class Guard:
    """Stands before the whole application."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], access: Access) -> None:
        self._app, self._access = app, access
        self._at_work = {"requests": 0, "streams": 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no websockets here

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        try:
            self._check(request)
        except Refused as error:
            await refusal(error)(scope, receive, guarded)
            return
        if self._at_the_door(request):
            await self._let_in()(scope, receive, guarded)
            return
        kind = "streams" if request.scope["path"].startswith(_STREAMS) else "requests"
        if self._at_work[kind] >= {"streams": _MOST_STREAMS, "requests": _MOST_AT_ONCE}[kind]:
            await refusal(Refused(503, "too many requests at once", "try again in a second"))(scope, receive, guarded)
            return
        self._at_work[kind] += 1
        try:
            await self._app(scope, _short(receive), guarded)
        finally:
            self._at_work[kind] -= 1

    def _check(self, request: Request) -> None:
        headers, access = request.headers, self._access
        if len(headers.getlist("host")) != 1 or not access.knows_host(headers["host"]):
            raise Refused(421, "this name is not ours", f"open {access.address}")
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        entering = request.method == "GET" and (
            request.scope["path"] == "/" or request.scope["path"].startswith("/watch/")
        )
        foreign = (origin is not None and origin != f"http://{headers['host']}") or site not in ("same-origin", "none")
        if foreign and not (entering and headers.get("sec-fetch-mode") == "navigate"):  # a link may lead here
            raise Refused(403, "another page sent this request", f"open {access.address} itself")
        if request.method not in ("GET", "HEAD", "POST"):
            raise Refused(405, f"{request.method} is not done here")
        if not request.scope["path"].startswith("/watch/"):  # its links are keys of their own
            self._check_key(request, headers)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BODY:
            raise Refused(413, "this is too much", f"a request has {MOST_BODY} bytes at most")

    def _check_key(self, request: Request, headers: Headers) -> None:
        bearer = headers.get("authorization", "")
        if bearer.startswith("Bearer "):
            known = self._access.opens(bearer.removeprefix("Bearer "))
        elif self._at_the_door(request):
            known = self._access.opens(request.query_params["key"])
        else:
            known = self._access.opens(request.cookies.get(self._access.cookie))
            if known and request.method == "POST" and "origin" not in headers:
                raise Refused(403, "nobody says which page sent this request", "browsers do: use a newer one")
        if not known:
            raise Refused(401, "this page needs its key", "open the address that stereo3d ui printed in the terminal")

    def _at_the_door(self, request: Request) -> bool:
        """Whether this is somebody with the printed address, whose key is to be looked at."""
        return request.method == "GET" and request.scope["path"] == "/" and "key" in request.query_params

    def _let_in(self) -> Response:
        """Keep the key in a cookie, out of the address and so out of the history."""
        response = RedirectResponse("/", 303)
        response.set_cookie(self._access.cookie, self._access.key, httponly=True, samesite="strict", path="/")
        return response


def _short(receive: Receive) -> Receive:
    """A body whose length nobody said is cut off as soon as it is too long."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BODY:
            raise Refused(413, "this is too much", f"a request has {MOST_BODY} bytes at most")
        return message

    return counted
