"""Answers about what models cost on a film, and how they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from stereo3d.ui import measures
from stereo3d.ui.asked import body_of, needed, seconds, settings_with
from stereo3d.ui.board import Board
from stereo3d.ui.folders import Refused
from stereo3d.ui.jobs import no_other
from stereo3d.ui.security import SHEET

if TYPE_CHECKING:
    from stereo3d.ui.server import Page

__all__ = ["MeasureAnswers"]


class MeasureAnswers:
    """One method for each request."""

    def __init__(self, page: Page, board: Board) -> None:
        self._page, self._folders, self._board = page, page.folders, board

    async def all(self, request: Request) -> Response:
        film = self._folders.film(needed(request.query_params, "film"))
        found = {kind: (await run_sync(measures.measure_of, kind, film)).to_json() for kind in measures.KINDS}
        return JSONResponse(found)

    async def begin(self, request: Request) -> Response:
        asked = await body_of(request)
        film, kind = self._folders.film(needed(asked, "film")), self._kind(needed(asked, "kind"))
        options = asked.get("options", {})
        options = options if isinstance(options, dict) else {}
        settings = settings_with(self._page.base, options)
        async with self._board.starting:
            no_other(await run_sync(lambda: self._board.views(fresh=True)))
            if kind == "compare":
                await run_sync(measures.begin_compare, film, settings, options, seconds(asked, "time"))
            else:
                await run_sync(measures.begin_estimate, film, settings, options)
        self._board.tell()
        return JSONResponse({})

    async def end(self, request: Request) -> Response:
        asked = await body_of(request)
        film, kind = self._folders.film(needed(asked, "film")), self._kind(needed(asked, "kind"))
        await run_sync(measures.cease, kind, film)
        self._board.tell()
        return JSONResponse({})

    def _kind(self, name: str) -> str:
        if name not in measures.KINDS:
            raise Refused(400, f"{name[:40]!r} measures nothing", f"one of {', '.join(measures.KINDS)}")
        return name

    async def compared(self, request: Request) -> Response:
        return HTMLResponse(await self._written(request, ".html"), headers=SHEET)

    async def sheet(self, request: Request) -> Response:
        return Response(await self._written(request, ".png"), media_type="image/png")

    async def _written(self, request: Request, suffix: str) -> bytes:
        place = measures.page_of(self._folders.film(needed(request.query_params, "film")), suffix)
        if not place.is_file():
            raise Refused(404, "nothing is compared yet", "compare the models first")
        return await run_sync(place.read_bytes)
