"""Asks an OSRM server for a way. Meets `router.Router` over its HTTP interface, version 1 of the service `route`.

Deadline `settings.deadline_s` for the whole answer, no retry: the factor answers meanwhile. A lost answer changes nothing.
Source: project-osrm.org, HTTP server, `GET /route/v1/{profile}/{lon},{lat};{lon},{lat}`, distances in metres, durations in seconds.
"""

from datetime import datetime

import aiohttp
import msgspec

from core.errors import Unavailable
from core.geo import LatLon
from tracking.aiohttp_engine import asked
from tracking.engine_answer import EngineSettings, engine_route
from tracking.router import Route

DRIVING = EngineSettings(profile="driving")


class _OsrmRoute(msgspec.Struct):
    distance: float
    duration: float


class _OsrmAnswer(msgspec.Struct):
    code: str
    message: str = ""
    routes: list[_OsrmRoute] = []


class OsrmRouter:
    """An OSRM server at `base_url`, such as `http://osrm:5000`; `http` is the caller's session and stays open."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str, settings: EngineSettings = DRIVING) -> None:
        self._http, self._base_url, self._settings = http, base_url.rstrip("/"), settings

    async def route(self, start: LatLon, end: LatLon, depart_at: datetime) -> Route:
        """See `Router.route`; OSRM knows no time of day. Raises `Unavailable` too where it finds no way."""
        places = f"{start.lon:.6f},{start.lat:.6f};{end.lon:.6f},{end.lat:.6f}"
        url = f"{self._base_url}/route/v1/{self._settings.profile}/{places}"
        request = self._http.get(url, params={"overview": "false", "alternatives": "false", "steps": "false"})
        answer = await asked("OSRM", request, _OsrmAnswer, self._settings.deadline_s)
        if answer.code != "Ok" or not answer.routes:
            raise Unavailable(f"OSRM finds no way there ({answer.code}). The distance is estimated instead.")
        best = answer.routes[0]
        return engine_route(best.distance, best.duration, self._settings)
