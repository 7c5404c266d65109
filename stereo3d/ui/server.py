"""The server of the page: routes to what the other files of this room do. See :mod:`stereo3d.ui.security` for what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stereo3d.errors import InputError, JobError, Stereo3DError, UsageError
from stereo3d.settings import Settings
from stereo3d.ui.board import Board
from stereo3d.ui.film_answers import FilmAnswers
from stereo3d.ui.folders import Folders, Refused
from stereo3d.ui.job_answers import JobAnswers
from stereo3d.ui.measure_answers import MeasureAnswers
from stereo3d.ui.security import Access, Guard, refusal
from stereo3d.ui.watching import Links

__all__ = ["Page", "application"]

_KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_STATUS = {UsageError: 400, InputError: 404, JobError: 409}


@dataclass(frozen=True, slots=True)
class Page:
    """What is served: the folders, how it may be reached, and the settings that the page begins with. ``closing``: set when the
    server ends, for answers that would never end."""

    folders: Folders
    access: Access
    base: Settings
    closing: asyncio.Event = field(default_factory=asyncio.Event)


def application(page: Page) -> Guard:
    """The whole of it, as an ASGI application."""
    board = Board(page.folders)
    films, jobs, measures = FilmAnswers(page, board), JobAnswers(page, board), MeasureAnswers(page, board)
    static = _Static(jobs.links)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        films.studio.warm_up()
        yield
        films.studio.close()

    get = {"/api/page": films.facts, "/api/films": films.films, "/api/film": films.film, "/api/picture": films.picture}
    get |= {"/api/shots": films.shots, "/api/own": films.own, "/api/events": jobs.events, "/report": jobs.report}
    get |= {"/api/moments": films.moments}
    get |= {"/watch/{secret}/state": jobs.watch_state, "/watch/{secret}/film": jobs.watch_film}
    get |= {"/api/measures": measures.all, "/compared": measures.compared, "/compared.png": measures.sheet}
    post = {"/api/shots": films.find_shots, "/api/own": films.save_own, "/api/jobs": jobs.begin}
    post |= {"/api/jobs/pause": jobs.pause, "/api/jobs/continue": jobs.go_on, "/api/jobs/dismiss": jobs.dismiss}
    post |= {"/api/watch": jobs.allow, "/watch/{secret}/newest": jobs.watch_newest}
    post |= {"/api/measures": measures.begin, "/api/measures/end": measures.end}
    routes = [Route(path, answer, methods=["GET"]) for path, answer in get.items()]
    routes += [Route(path, answer, methods=["POST"]) for path, answer in post.items()]
    routes += [
        Route(path, static.answer, methods=["GET"])
        for path in ("/", "/{name}", "/watch/{secret}/", "/watch/{secret}/{name}")
    ]
    handlers: dict[Any, Any] = {Refused: _refused, Stereo3DError: _wrong, HTTPException: _http, Exception: _broken}
    return Guard(Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan), page.access)


async def _refused(_request: Request, error: Refused) -> Response:
    return refusal(error)


async def _wrong(_request: Request, error: Stereo3DError) -> Response:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    return refusal(Refused(status, error.message, error.hint))


async def _http(_request: Request, error: HTTPException) -> Response:
    return refusal(Refused(error.status_code, "there is nothing here", "reload the page"))


async def _broken(_request: Request, error: Exception) -> Response:
    return refusal(
        Refused(500, f"internal error: {type(error).__name__}", "STEREO3D_DEBUG=1 shows the details in the terminal")
    )


class _Static:
    """The files of the page."""

    def __init__(self, links: Links) -> None:
        self._links = links
        room = files("stereo3d.ui") / "page"
        self._files = {file.name: file.read_bytes() for file in room.iterdir()}

    async def answer(self, request: Request) -> Response:
        watching = "secret" in request.path_params
        if watching:
            self._links.output(request.path_params["secret"])
        name = request.path_params.get("name") or ("watch.html" if watching else "index.html")
        if name not in self._files:
            raise Refused(404, "there is nothing here", "reload the page")
        return Response(self._files[name], media_type=_KINDS[name.rpartition(".")[2]])
