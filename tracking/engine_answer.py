"""What does a routing engine's answer mean? Its free-flow duration turned into the range that people get.

Called by `osrm_router` and `valhalla_router`. Engines know the roads, not the traffic of a city at six in the evening.
"""

from math import isfinite

import msgspec

from core.errors import Unavailable
from tracking.router import Route, RouteSource

P90_RATIO = 1.6
"""16 km/h at the median to 10 km/h at the slowest tenth: 601 New York taxi trips of 2013."""


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine is asked: `profile` of OSRM or costing of Valhalla; `deadline_s` for the whole answer; ratios on its duration."""

    profile: str
    deadline_s: float = 2.0
    p50_ratio: float = 1.0
    p90_ratio: float = P90_RATIO


def engine_route(metres: float, seconds: float, settings: EngineSettings) -> Route:
    """Return the route of an engine's figures; raises `Unavailable` for figures that are no distance or duration."""
    if not (isfinite(metres) and isfinite(seconds) and metres >= 0 and seconds >= 0):
        raise Unavailable("The routing engine answered with figures that are no way. Look at its log.")
    p50_s = seconds * settings.p50_ratio
    return Route(metres=metres, seconds_p50=p50_s, seconds_p90=max(p50_s, seconds * settings.p90_ratio), source=RouteSource.ENGINE)
