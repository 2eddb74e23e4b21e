"""Where does a recording end that is moved to her visit? Asked of the hub with her own phone's token."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.errors import NotFound
from core.geo import LatLon
from hub.cli_replay import expected_at

pytestmark = pytest.mark.anyio
NEXT = {"stage": "assigned", "place": {"lat": 46.6, "lon": -14.2}}
UNDERWAY = {"stage": "departed", "place": {"lat": 46.7, "lon": -14.1}}


async def asked(*visits: dict[str, Any]) -> LatLon:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer hers"
        return web.json_response({"items": visits})

    app = web.Application()
    app.router.add_get("/v1/me/visits", answer)
    async with TestServer(app) as server:
        return await expected_at(str(server.make_url("/")), "hers")


async def test_it_ends_where_she_is_going_else_at_her_next_visit():
    assert await asked(NEXT, UNDERWAY) == LatLon(46.7, -14.1)
    assert await asked(NEXT) == LatLon(46.6, -14.2)


async def test_without_a_visit_it_says_so():
    with pytest.raises(NotFound, match="--to-visit"):
        await asked({"stage": "ended", "place": None})
