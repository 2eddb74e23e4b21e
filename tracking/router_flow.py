"""Which router answers? The factor back end, alone or behind a routing engine that may be away."""

from datetime import datetime

import structlog

from core.errors import Unavailable
from core.geo import LatLon
from tracking.factor_route import DEFAULT, FactorSettings, factor_route
from tracking.router import Route, Router

log = structlog.get_logger(__name__)


class FactorRouter:
    """Meets `Router` without any network: never fails, never waits."""

    def __init__(self, settings: FactorSettings = DEFAULT) -> None:
        self._settings = settings

    async def route(self, start: LatLon, end: LatLon, depart_at: datetime) -> Route:
        """See `Router.route`; the time of day does not matter to a factor."""
        return factor_route(start, end, self._settings)


class RouterWithFallback:
    """Meets `Router`: asks `engine`, and answers by the factor while the engine is away."""

    def __init__(self, engine: Router, fallback: Router) -> None:
        self._engine = engine
        self._fallback = fallback

    async def route(self, start: LatLon, end: LatLon, depart_at: datetime) -> Route:
        """See `Router.route`."""
        try:
            return await self._engine.route(start, end, depart_at)
        except Unavailable as away:
            log.info("router_away", detail=away.detail)
            return await self._fallback.route(start, end, depart_at)
