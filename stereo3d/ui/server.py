"""The server of the page: routes to what the other files of this room do. See :mod:`stereo3d.ui.security` for what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from stereo3d.errors import InputError, JobError, Stereo3DError, UsageError
from stereo3d.job.done import page_place
from stereo3d.job.places import default_output
from stereo3d.settings import Settings
from stereo3d.ui import jobs
from stereo3d.ui.asked import body_of, needed, seconds, settings_with, whole
from stereo3d.ui.board import Board
from stereo3d.ui.facts import page_facts
from stereo3d.ui.folders import Folders, Refused
from stereo3d.ui.pictures import SHOWN, Studio, Wish
from stereo3d.ui.security import Access, Guard, refusal
from stereo3d.ui.shots import find_shots, shots_of
from stereo3d.ui.watching import Links, newest_film

__all__ = ["Page", "application"]

_KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_SHEET = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
_STATUS = {UsageError: 400, InputError: 404, JobError: 409}
_SILENCE = 15.0
_LEAST_HEIGHT, _MOST_HEIGHT = 64, 2160


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
    desk = _Desk(page)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        desk.studio.warm_up()
        yield
        desk.studio.close()

    get = {"/api/page": desk.facts, "/api/films": desk.films, "/api/film": desk.film, "/api/picture": desk.picture}
    get |= {"/api/shots": desk.shots, "/api/events": desk.events, "/report": desk.report}
    get |= {"/watch/{secret}/state": desk.watch_state, "/watch/{secret}/film": desk.watch_film}
    post = {"/api/shots": desk.find_shots, "/api/jobs": desk.begin, "/api/jobs/pause": desk.pause}
    post |= {"/api/jobs/continue": desk.go_on, "/api/jobs/dismiss": desk.dismiss, "/api/watch": desk.allow}
    post |= {"/watch/{secret}/newest": desk.watch_newest}
    routes = [Route(path, answer, methods=["GET"]) for path, answer in get.items()]
    routes += [Route(path, answer, methods=["POST"]) for path, answer in post.items()]
    routes += [
        Route(path, desk.static, methods=["GET"])
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


class _Desk:
    """Answers requests, one method each."""

    def __init__(self, page: Page) -> None:
        self._page, self._folders = page, page.folders
        self.studio = Studio(page.base)
        self._board, self._links = Board(page.folders), Links()
        self._starting = asyncio.Lock()
        room = files("stereo3d.ui") / "page"
        self._files = {file.name: file.read_bytes() for file in room.iterdir()}

    async def static(self, request: Request) -> Response:
        watching = "secret" in request.path_params
        if watching:
            self._links.output(request.path_params["secret"])
        name = request.path_params.get("name") or ("watch.html" if watching else "index.html")
        if name not in self._files:
            raise Refused(404, "there is nothing here", "reload the page")
        return Response(self._files[name], media_type=_KINDS[name.rpartition(".")[2]])

    async def facts(self, _request: Request) -> Response:
        return JSONResponse(await run_sync(page_facts, self._page.base, self._folders, self._page.access))

    async def films(self, _request: Request) -> Response:
        found = await run_sync(self._folders.films)
        rows = [{"name": self._folders.name(film), "file": film.name, "folder": film.parent.name} for film in found]
        return JSONResponse({"films": rows})

    async def film(self, request: Request) -> Response:
        film = self._folders.film(needed(request.query_params, "film"))
        facts = await self.studio.about(film)
        output = default_output(film, self._page.base, picture=facts["kind"] == "picture")
        return JSONResponse({**facts, "output": output.stem})

    async def picture(self, request: Request) -> Response:
        query = request.query_params
        given = {
            name: query[name] for name in ("model", "strength", "zero_parallax", "layout", "swap_eyes") if name in query
        }
        shown = needed(query, "shown")
        if shown not in SHOWN:
            raise Refused(400, f"there is no picture {shown[:40]!r}", f"one of {', '.join(SHOWN)}")
        wish = Wish(
            self._folders.film(needed(query, "film")),
            seconds(query, "time"),
            settings_with(self._page.base, given),
            shown,
            whole(query, "height", _LEAST_HEIGHT, _MOST_HEIGHT),
            query.get("fetch") == "1",
        )
        content, milliseconds = await self.studio.picture(needed(query, "lane")[:80], wish)
        return Response(content, media_type="image/jpeg", headers={"Server-Timing": f"render;dur={milliseconds:.1f}"})

    async def shots(self, request: Request) -> Response:
        film = self._folders.film(needed(request.query_params, "film"))
        return JSONResponse(await run_sync(lambda: shots_of(film, self._board.outputs())))

    async def find_shots(self, request: Request) -> Response:
        film = self._folders.film(needed(await body_of(request), "film"))
        await run_sync(find_shots, film)
        return JSONResponse({})

    async def events(self, _request: Request) -> Response:
        return StreamingResponse(self._told(), media_type="text/event-stream")

    async def _told(self) -> AsyncIterator[str]:
        """All jobs whenever something about them changed, looked at every second."""
        last, silent = "", 0.0
        while not self._page.closing.is_set():
            text = json.dumps(
                [{**view.to_json(), "link": self._link(view.name)} for view in await run_sync(self._board.views)]
            )
            if text != last or silent >= _SILENCE:
                yield f"data: {text}\n\n" if text != last else ": still here\n\n"
                last, silent = text, 0.0
            try:
                await asyncio.wait_for(self._page.closing.wait(), 1.0)
            except TimeoutError:
                silent += 1.0

    def _link(self, name: str) -> str:
        secret = self._links.of(self._folders.path(name))
        return f"{self._page.access.address}/watch/{secret}/" if secret else ""

    async def begin(self, request: Request) -> Response:
        asked = await body_of(request)
        film = self._folders.film(needed(asked, "film"))
        output = self._folders.beside(film, needed(asked, "output"))
        options = asked.get("options", {})
        settings = settings_with(self._page.base, options if isinstance(options, dict) else {})
        async with self._starting:
            views = await run_sync(lambda: self._board.views(fresh=True))
            await run_sync(jobs.begin, film, output, settings, views)
        return await self._all()

    async def go_on(self, request: Request) -> Response:
        output = await self._output(await body_of(request))
        source, _ = await run_sync(jobs.job_of, output)
        if self._folders.name(source.resolve()) is None:
            raise Refused(
                403, f"{source.name} is not in the folders of the page", "start stereo3d ui with its folder, too"
            )
        async with self._starting:
            await run_sync(jobs.go_on, output, await run_sync(lambda: self._board.views(fresh=True)))
        return await self._all()

    async def pause(self, request: Request) -> Response:
        asked = await body_of(request)
        output = await self._output(asked)
        await run_sync(lambda: jobs.pause(output, at_once=asked.get("at_once") is True))
        return await self._all()

    async def dismiss(self, request: Request) -> Response:
        await run_sync(jobs.dismiss, await self._output(await body_of(request)))
        return await self._all()

    async def _all(self) -> Response:
        await run_sync(lambda: self._board.views(fresh=True))
        return JSONResponse({})

    async def _output(self, asked: dict[str, Any]) -> Path:
        """An output that is known. Raises Refused."""
        output = self._folders.path(needed(asked, "output"))
        if output not in await run_sync(self._board.outputs):
            raise Refused(404, f"there is no job for {output.name}", "reload the page")
        return output

    async def report(self, request: Request) -> Response:
        place = page_place(await self._output(dict(request.query_params)))
        if not place.is_file() or self._folders.name(place.resolve()) is None:
            raise Refused(404, f"there is no report of {place.name}", "it comes when the film is finished")
        return HTMLResponse(await run_sync(place.read_bytes), headers={"Content-Security-Policy": _SHEET})

    async def allow(self, request: Request) -> Response:
        asked = await body_of(request)
        output = await self._output(asked)
        if asked.get("allow") is True:
            self._links.allow(output)
        else:
            self._links.forbid(output)
        return JSONResponse({"link": self._link(needed(asked, "output"))})

    async def watch_state(self, request: Request) -> Response:
        return await self._watch(request, make=False)

    async def watch_newest(self, request: Request) -> Response:
        return await self._watch(request, make=True)

    async def _watch(self, request: Request, *, make: bool) -> Response:
        output = self._links.output(request.path_params["secret"])
        try:
            place, what = await run_sync(lambda: newest_film(output, make=make))
        except Refused as error:
            if make:
                raise
            return JSONResponse({"file": output.name, "what": error.what, "version": ""})
        version = f"{place.stem}-{place.stat().st_size}"
        return JSONResponse({"file": output.name, "what": what, "version": version, "whole": place == output})

    async def watch_film(self, request: Request) -> Response:
        output = self._links.output(request.path_params["secret"])
        place, _ = await run_sync(lambda: newest_film(output, make=False))
        return FileResponse(place, media_type="video/mp4" if place.suffix == ".mp4" else "video/x-matroska")
