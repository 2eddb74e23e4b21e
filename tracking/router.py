"""How far and how long by road? The port that anything with a road network may meet.

The factor back end (`factor_route`, `router_flow`) always answers; a routing engine is joined in front of it by `hub/wiring.py`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from core.geo import LatLon


class RouteSource(StrEnum):
    """Who says so. Shown with every estimate that is built on it."""

    FACTOR = "factor"
    """Straight line times a city's factor, at a city's usual speeds."""
    ENGINE = "engine"
    """A routing engine on a road network."""
    LEARNED = "learned"
    """A route corrected by this site's finished trips."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One way: road `metres`; half of such trips take at most `seconds_p50`, nine of ten at most `seconds_p90`, p50 <= p90."""

    metres: float
    seconds_p50: float
    seconds_p90: float
    source: RouteSource


class Router(Protocol):
    """The port for routing."""

    async def route(self, start: LatLon, end: LatLon, depart_at: datetime) -> Route:
        """Return the way from `start` to `end` for somebody who departs at `depart_at` (aware).

        Raises: `core.errors.Unavailable` when the engine does not answer; callers fall back to the factor.
        """
        ...
