"""The story after setting out: she is seen to move, and the departure is proved. Called with what the journey sees, never for an alarm."""

from datetime import datetime

from core.geo import LatLon
from core.ids import VisitId
from core.unit_of_work import UnitOfWork
from visits.arrival import Departure, confirms_departure
from visits.ports import Stores
from visits.stage import Stage


class DepartureFlow:
    """Confirms departures."""

    def __init__(self, *, work: UnitOfWork, stores: Stores) -> None:
        self._work = work
        self._stores = stores

    async def confirm(self, visit_id: VisitId, here: LatLon, at: datetime) -> bool:
        """Note that she was seen `here`, which may prove that she set out; return whether it is proved. Harmless to repeat.

        What comes too late after departing, or for a visit that is not on its way, proves nothing.
        """
        async with self._work.begin() as tx:
            visit = await self._stores.visits.get(tx, visit_id, lock=True)
            if visit is None or visit.stage is not Stage.DEPARTED or visit.departed_at is None or visit.departed_from is None:
                return False
            if visit.departure is Departure.CONFIRMED:
                return True
            site = await self._stores.sites.get(tx, visit.site_id)
            elapsed_s = (at - visit.departed_at).total_seconds()
            if site is None or not confirms_departure(visit.departed_from, elapsed_s, here, site.settings):
                return False
            await self._stores.visits.set_departure(tx, visit_id, Departure.CONFIRMED)
            return True
