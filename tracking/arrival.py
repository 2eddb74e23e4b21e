"""When will she be there? "Arrives 14:32-14:36": a window from a route and the present moment, that does not fidget.

The window spans what half and what nine in ten of such trips take. It is moved only when it has become wrong by a minute or more: a
customer who watches it change every few seconds believes none of it.
"""

import msgspec

from tracking.router import Route, RouteSource

STEADY_MS = 60_000
MIN_WIDTH_MS = 2 * 60_000
"""Nobody's trip is known to less than two minutes."""
EARLY_MS = 60_000
"""The window begins this much before the median: half of all trips are faster than it."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Between `earliest_ms` and `latest_ms`, ms since 1970, as known at `as_of_ms`; `distance_m` of road remain; `source` of the route."""

    earliest_ms: int
    latest_ms: int
    as_of_ms: int
    distance_m: float
    source: RouteSource


def arrival(route: Route, fix_at_ms: int, now_ms: int, before: Arrival | None = None) -> Arrival:
    """Return the window of somebody who was at the start of `route` at `fix_at_ms`, as seen at `now_ms`.

    `before`: the window shown last. It stays while both its ends are within a minute of the new one and it is not over; only the
    distance and the moment are renewed. The window never lies in the past.
    """
    earliest_ms = max(fix_at_ms + int(route.seconds_p50 * 1000) - EARLY_MS, now_ms)
    latest_ms = max(fix_at_ms + int(route.seconds_p90 * 1000), earliest_ms + MIN_WIDTH_MS)
    if before is not None and _still_fits(before, earliest_ms, latest_ms, now_ms):
        earliest_ms, latest_ms = max(before.earliest_ms, now_ms), before.latest_ms
    return Arrival(earliest_ms=earliest_ms, latest_ms=latest_ms, as_of_ms=now_ms, distance_m=route.metres, source=route.source)


def _still_fits(before: Arrival, earliest_ms: int, latest_ms: int, now_ms: int) -> bool:
    is_steady = abs(earliest_ms - max(before.earliest_ms, now_ms)) < STEADY_MS and abs(latest_ms - before.latest_ms) < STEADY_MS
    return is_steady and now_ms < before.latest_ms
