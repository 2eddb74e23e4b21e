"""Who knows the roads? The routing engine that the operator named, with the factor behind it, or the factor alone."""

import aiohttp

from hub.floor import Floor
from hub.settings import RouterKind, RouterSettings
from tracking.osrm_router import OsrmRouter
from tracking.router import Router
from tracking.router_flow import FactorRouter, RouterWithFallback
from tracking.valhalla_router import ValhallaRouter

CONNECT_S = 1.0
"""An engine stands beside the hub; one that cannot be reached in a second is away, and the factor answers."""


def router_of(floor: Floor) -> Router:
    """Return the router of the settings; its connections are closed with the floor. Call it inside the loop."""
    wanted = floor.settings.router
    if not wanted.url:
        return FactorRouter()
    http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_S))
    floor.stack.push_async_callback(http.close)
    return RouterWithFallback(_engine(http, wanted), FactorRouter())


def _engine(http: aiohttp.ClientSession, wanted: RouterSettings) -> Router:
    return OsrmRouter(http, wanted.url) if wanted.kind is RouterKind.OSRM else ValhallaRouter(http, wanted.url)
