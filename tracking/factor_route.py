"""How far is it by road if nobody knows the roads? A straight line, a factor, and a city's usual speeds.

Factor 1.27: median of taximeter miles over great-circle miles of 601 New York taxi trips of 2013; 1.4 and more are common beyond 10 km
and where water or hills are in the way, which is why the answer is a range. Speeds of the same trips: 10, 16, 30 km/h at p10, p50, p90;
18 km/h is the usual default of a city taxi.
"""

import msgspec

from core.geo import LatLon, distance_m
from tracking.router import Route, RouteSource


class FactorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A site's own figures, learned from its finished trips where there are any: `factor` in [1.15, 2.0], p50 faster than p90."""

    factor: float = 1.27
    speed_p50_mps: float = 18 / 3.6
    speed_p90_mps: float = 11 / 3.6
    door_s: float = 60.0
    """Parking, stairs, the lock: added to every way that is longer than a few steps."""
    near_m: float = 50.0
    """Below this she is as good as there, and no door time is added."""


DEFAULT = FactorSettings()


def learned_route(start: LatLon, end: LatLon, factor: float) -> Route:
    """Return the estimated way by a factor that the site's finished ways have taught."""
    route = factor_route(start, end, msgspec.structs.replace(DEFAULT, factor=factor))
    return msgspec.structs.replace(route, source=RouteSource.LEARNED)


def factor_route(start: LatLon, end: LatLon, settings: FactorSettings = DEFAULT) -> Route:
    """Return the estimated way: straight line times the factor, at the city's speeds, plus door time."""
    metres = distance_m(start, end) * settings.factor
    door_s = settings.door_s if metres > settings.near_m else 0.0
    return Route(
        metres=metres,
        seconds_p50=metres / settings.speed_p50_mps + door_s,
        seconds_p90=metres / settings.speed_p90_mps + 2 * door_s,
        source=RouteSource.FACTOR,
    )
