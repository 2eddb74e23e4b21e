"""Asks a Valhalla server for a way. Meets `router.Router` over its HTTP interface, action `route`.

Deadline `settings.deadline_s` for the whole answer, no retry: the factor answers meanwhile. A lost answer changes nothing.
Source: valhalla.github.io, turn-by-turn API reference, `POST /route`; lengths in the asked unit, times in seconds.
"""

from datetime import datetime

import aiohttp
import msgspec

from core.errors import Unavailable
from core.geo import LatLon
from tracking.aiohttp_engine import asked
from tracking.engine_answer import EngineSettings, engine_route
from tracking.router import Route

AUTO = EngineSettings(profile="auto")
METRES_PER_KM = 1000.0


class _Summary(msgspec.Struct):
    length: float
    time: float


class _Trip(msgspec.Struct):
    summary: _Summary
    status: int = 0


class _ValhallaAnswer(msgspec.Struct):
    trip: _Trip | None = None
    error: str = ""
    error_code: int = 0


class ValhallaRouter:
    """A Valhalla server at `base_url`, such as `http://valhalla:8002`; `http` is the caller's session and stays open."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str, settings: EngineSettings = AUTO) -> None:
        self._http, self._base_url, self._settings = http, base_url.rstrip("/"), settings

    async def route(self, start: LatLon, end: LatLon, depart_at: datetime) -> Route:
        """See `Router.route`; the free-flow way, since tiles without traffic know no time of day. `Unavailable` where there is none."""
        question = {
            "locations": [{"lat": round(place.lat, 6), "lon": round(place.lon, 6)} for place in (start, end)],
            "costing": self._settings.profile,
            "units": "kilometers",
            "directions_type": "none",
        }
        request = self._http.post(f"{self._base_url}/route", json=question)
        answer = await asked("Valhalla", request, _ValhallaAnswer, self._settings.deadline_s)
        if answer.trip is None or answer.trip.status != 0:
            raise Unavailable(f"Valhalla finds no way there ({answer.error_code}). The distance is estimated instead.")
        return engine_route(answer.trip.summary.length * METRES_PER_KM, answer.trip.summary.time, self._settings)
