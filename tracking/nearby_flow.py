"""Who is near this place now? Asked by the desk and by integrators, answered from the geo-set, fresh positions only."""


from core.clock import Clock
from core.geo import LatLon
from core.ids import SiteId
from tracking.nearby import NearbyTechnician
from tracking.ports import Positions


class NearbyFlow:
    """Answers who is near."""

    def __init__(self, positions: Positions, clock: Clock) -> None:
        self._positions = positions
        self._clock = clock

    async def near(self, site_id: SiteId, place: LatLon, radius_m: float, limit: int, max_age_s: float) -> list[NearbyTechnician]:
        """Return up to `limit` technicians of a site, nearest first, whose position is at most `max_age_s` old.

        Raises: `Unavailable` while Redis is away.
        """
        now_ms = self._clock.now_ms()
        near = await self._positions.nearby(site_id, place, radius_m, limit, now_ms - int(max_age_s * 1000))
        return [
            NearbyTechnician(
                technician_id=one.fix.technician_id, distance_m=round(one.distance_m, 1), age_s=max(0, now_ms - one.fix.at_ms) / 1000,
                at_ms=one.fix.at_ms, lat=round(one.fix.lat, 6), lon=round(one.fix.lon, 6), accuracy_m=one.fix.accuracy_m,
            )
            for one in near
        ]
