"""Servers on localhost that speak the HTTP of OSRM and Valhalla"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from urllib.parse import unquote

from aiohttp import web

from core.geo import LatLon, distance_m


class Mood(StrEnum):
    """How the server answers."""

    WELL = "well"
    NO_WAY = "no_way"
    SLOW = "slow"
    BROKEN = "broken"
    RUBBISH = "rubbish"
    ENDLESS = "endless"
    MINUS = "minus"
    HANGS_UP = "hangs_up"


class FakeRouters:
    """Both engines behind one port: `/route/v1/...` is OSRM's, `POST /route` Valhalla's. Roads: 1.5 times the straight line, 10 m/s."""

    def __init__(self) -> None:
        self.mood = Mood.WELL
        self.asked: list[str] = []
        self.base_url = ""

    async def _osrm(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(unquote(request.path))
        if (ill := await self._ill(request)) is not None:
            return ill
        if self.mood is Mood.NO_WAY:
            return web.json_response({"code": "NoRoute", "message": "Impossible route between points"}, status=400)
        start, end = (LatLon(*reversed([float(part) for part in text.split(",")])) for text in request.match_info["places"].split(";"))
        metres = self._metres(start, end)
        route = {"distance": metres, "duration": metres / 10, "weight": 1.0, "weight_name": "routability", "legs": []}
        return web.json_response({"code": "Ok", "routes": [route], "waypoints": []})

    async def _valhalla(self, request: web.Request) -> web.StreamResponse:
        question = await request.json()
        self.asked.append(json.dumps(question))
        if (ill := await self._ill(request)) is not None:
            return ill
        if self.mood is Mood.NO_WAY:
            error = {"error_code": 442, "error": "No path could be found for input", "status_code": 400, "status": "Bad Request"}
            return web.json_response(error, status=400)
        metres = self._metres(*(LatLon(place["lat"], place["lon"]) for place in question["locations"]))
        summary = {"length": metres / 1000, "time": metres / 10, "has_toll": False}
        trip = {"status": 0, "status_message": "Found route between points", "units": "kilometers", "summary": summary, "legs": []}
        return web.json_response({"trip": trip})

    def _metres(self, start: LatLon, end: LatLon) -> float:
        return distance_m(start, end) * (-1.5 if self.mood is Mood.MINUS else 1.5)

    async def _ill(self, request: web.Request) -> web.StreamResponse | None:
        if self.mood is Mood.SLOW:
            await asyncio.sleep(30)
        if self.mood is Mood.HANGS_UP:
            assert request.transport is not None
            request.transport.abort()
        answers = {
            Mood.BROKEN: web.Response(status=502, text="Bad Gateway"),
            Mood.RUBBISH: web.Response(text="<html>It works!</html>"),
            Mood.ENDLESS: web.Response(text='{"code": "' + "x" * (2 << 20) + '"}'),
        }
        return answers.get(self.mood)


@asynccontextmanager
async def running_routers() -> AsyncIterator[FakeRouters]:
    """Run the fake on a free port of localhost."""
    fake = FakeRouters()
    app = web.Application()
    app.router.add_get("/route/v1/{profile}/{places}", fake._osrm)
    app.router.add_post("/route", fake._valhalla)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield fake
    await runner.cleanup()
