"""Answers about conversions: begin, watch, pause, go on, read the report, and let others watch the film."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse

from stereo3d.job.done import page_place
from stereo3d.ui import jobs
from stereo3d.ui.asked import body_of, needed, settings_with
from stereo3d.ui.board import Board
from stereo3d.ui.folders import Refused
from stereo3d.ui.measures import give_way
from stereo3d.ui.security import SHEET
from stereo3d.ui.watching import Links, newest_film

if TYPE_CHECKING:
    from stereo3d.ui.server import Page

__all__ = ["JobAnswers"]

_SILENCE = 15.0


class JobAnswers:
    """One method for each request."""

    def __init__(self, page: Page, board: Board) -> None:
        self._page, self._folders, self._board = page, page.folders, board
        self.links = Links()

    async def events(self, _request: Request) -> Response:
        return StreamingResponse(self._told(), media_type="text/event-stream")

    async def _told(self) -> AsyncIterator[str]:
        """All jobs, and how often something else changed, whenever that does; looked at every second."""
        last, silent = "", 0.0
        while not self._page.closing.is_set():
            views = await run_sync(self._board.views)
            rows = [{**view.to_json(), "link": self._link(view.name)} for view in views]
            text = json.dumps({"jobs": rows, "told": self._board.told})
            if text != last or silent >= _SILENCE:
                yield f"data: {text}\n\n" if text != last else ": still here\n\n"
                last, silent = text, 0.0
            try:
                await asyncio.wait_for(self._page.closing.wait(), 1.0)
            except TimeoutError:
                silent += 1.0

    def _link(self, name: str) -> str:
        secret = self.links.of(self._folders.path(name))
        return f"{self._page.access.address}/watch/{secret}/" if secret else ""

    async def begin(self, request: Request) -> Response:
        asked = await body_of(request)
        film = self._folders.film(needed(asked, "film"))
        output = self._folders.beside(film, needed(asked, "output"))
        options = asked.get("options", {})
        settings = settings_with(self._page.base, options if isinstance(options, dict) else {})
        async with self._board.starting:
            views = await run_sync(lambda: self._board.views(fresh=True))
            await run_sync(give_way)
            await run_sync(jobs.begin, film, output, settings, views)
        return await self._all()

    async def go_on(self, request: Request) -> Response:
        output = await self._output(await body_of(request))
        source, _ = await run_sync(jobs.job_of, output)
        if self._folders.name(source.resolve()) is None:
            raise Refused(
                403, f"{source.name} is not in the folders of the page", "start stereo3d ui with its folder, too"
            )
        async with self._board.starting:
            await run_sync(give_way)
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
        return HTMLResponse(await run_sync(place.read_bytes), headers=SHEET)

    async def allow(self, request: Request) -> Response:
        asked = await body_of(request)
        output = await self._output(asked)
        if asked.get("allow") is True:
            self.links.allow(output)
        else:
            self.links.forbid(output)
        return JSONResponse({"link": self._link(needed(asked, "output"))})

    async def watch_state(self, request: Request) -> Response:
        return await self._watch(request, make=False)

    async def watch_newest(self, request: Request) -> Response:
        return await self._watch(request, make=True)

    async def _watch(self, request: Request, *, make: bool) -> Response:
        output = self.links.output(request.path_params["secret"])
        try:
            place, what = await run_sync(lambda: newest_film(output, make=make))
        except Refused as error:
            if make:
                raise
            return JSONResponse({"file": output.name, "what": error.what, "version": ""})
        version = f"{place.stem}-{place.stat().st_size}"
        return JSONResponse({"file": output.name, "what": what, "version": version, "whole": place == output})

    async def watch_film(self, request: Request) -> Response:
        output = self.links.output(request.path_params["secret"])
        place, _ = await run_sync(lambda: newest_film(output, make=False))
        return FileResponse(place, media_type="video/mp4" if place.suffix == ".mp4" else "video/x-matroska")
