"""Answers about films: which there are, pictures of their moments, their shots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stereo3d.errors import JobError
from stereo3d.job.places import default_output
from stereo3d.job.shots_file import shots_file_of
from stereo3d.ui.asked import body_of, needed, own_in, seconds, settings_with, whole
from stereo3d.ui.board import Board
from stereo3d.ui.facts import page_facts
from stereo3d.ui.folders import Refused
from stereo3d.ui.own import own_of, save_own
from stereo3d.ui.pictures import SHOWN, Studio, Wish
from stereo3d.ui.shots import Found, find_shots, shots_of

if TYPE_CHECKING:
    from stereo3d.ui.server import Page

__all__ = ["FilmAnswers"]

_LEAST_HEIGHT, _MOST_HEIGHT = 64, 2160
_MOST_MOMENTS = 24
_PICTURE_OPTIONS = ("model", "strength", "zero_parallax", "layout", "swap_eyes")


class FilmAnswers:
    """One method for each request."""

    def __init__(self, page: Page, board: Board) -> None:
        self._page, self._folders, self._board = page, page.folders, board
        self.studio = Studio(page.base)

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

    async def moments(self, request: Request) -> Response:
        film = self._folders.film(needed(request.query_params, "film"))
        count = whole(request.query_params, "count", 1, _MOST_MOMENTS)
        return JSONResponse({"moments": await self.studio.moments(film, count)})

    async def picture(self, request: Request) -> Response:
        query = request.query_params
        given = {name: query[name] for name in _PICTURE_OPTIONS if name in query}
        shown = needed(query, "shown")
        if shown not in SHOWN:
            raise Refused(400, f"there is no picture {shown[:40]!r}", f"one of {', '.join(SHOWN)}")
        wish = Wish(
            self._folders.film(needed(query, "film")),
            seconds(query, "time"),
            settings_with(self._page.base, given, own_in(query)),
            shown,
            whole(query, "height", _LEAST_HEIGHT, _MOST_HEIGHT),
            query.get("fetch") == "1",
        )
        content, milliseconds = await self.studio.picture(needed(query, "lane")[:80], wish)
        return Response(content, media_type="image/jpeg", headers={"Server-Timing": f"render;dur={milliseconds:.1f}"})

    async def shots(self, request: Request) -> Response:
        film = self._folders.film(needed(request.query_params, "film"))
        return JSONResponse((await self._found(film)).to_json())

    async def find_shots(self, request: Request) -> Response:
        film = self._folders.film(needed(await body_of(request), "film"))
        await run_sync(find_shots, film)
        self._board.tell()
        return JSONResponse({})

    async def own(self, request: Request) -> Response:
        film = self._folders.film(needed(request.query_params, "film"))
        place = self._shots_file(film, needed(request.query_params, "output"))
        shots = (await self._found(film)).shots
        return JSONResponse(await run_sync(own_of, place, len(shots)))

    async def save_own(self, request: Request) -> Response:
        asked = await body_of(request)
        film = self._folders.film(needed(asked, "film"))
        place = self._shots_file(film, needed(asked, "output"))
        shots = (await self._found(film)).shots
        if not shots:
            raise JobError(f"nobody knows the shots of {film.name}", hint="find them first")
        await run_sync(save_own, place, needed(asked, "version"), asked.get("shots"), len(shots))
        self._board.tell()
        return JSONResponse(await run_sync(own_of, place, len(shots)))

    def _shots_file(self, film: Path, output: str) -> Path:
        """Raises Refused."""
        return self._folders.beside(film, shots_file_of(self._folders.beside(film, output)).name)

    async def _found(self, film: Path) -> Found:
        return await run_sync(lambda: shots_of(film, self._board.outputs()))
