"""What does the way of an open visit cost so far? The journey's checkpoint read, and priced by what was agreed.

Called by `http_live_fare` and the pages. The reading lies in SQL with the recorder's other checkpoints, so any worker can show it and a
restart changes nothing; it is provisional until settlement.
"""

from typing import Protocol

from core.clock import Clock, to_ms
from core.errors import NotFound
from core.ids import VisitId
from core.unit_of_work import Tx, UnitOfWork
from tracking.fares.live_fare import LiveFare, live_fare
from tracking.fares.meter_observer import MeterReading
from tracking.fares.ports import FareVisits, Quotes, Tariffs, VisitFare
from tracking.fares.quote import Quote
from visits.stage import OPEN
from visits.visit import Visit


class Readings(Protocol):
    """Provisional readings. Met by `sql_readings`."""

    async def reading(self, tx: Tx, visit_id: VisitId) -> MeterReading | None:
        """Return the meter's reading as last checkpointed, None before the first fix after departing and once the visit is closed."""
        ...


class LiveFareFlow:
    """Shows the fare so far. `work`: truth; `fixes_work`: where the checkpoints are."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        fixes_work: UnitOfWork,
        readings: Readings,
        quotes: Quotes,
        tariffs: Tariffs,
        visits: FareVisits,
        clock: Clock,
    ) -> None:
        self._work, self._fixes_work, self._readings = work, fixes_work, readings
        self._quotes, self._tariffs, self._visits, self._clock = quotes, tariffs, visits, clock

    async def visit(self, visit_id: VisitId) -> Visit:
        """Return the visit; raises `NotFound` for an unknown one."""
        async with self._work.read() as tx:
            visit = await self._visits.get(tx, visit_id)
        if visit is None:
            raise NotFound("There is no such visit. Check the id.")
        return visit

    async def live(self, visit_id: VisitId, *, for_customer: bool) -> LiveFare | None:
        """Return the fare so far; None before she departs, after the visit is closed, without an agreed price, and for a customer where the
        site does not show it."""
        async with self._work.read() as tx:
            visit = await self._visits.get(tx, visit_id)
            fare = await self._quotes.fare_of(tx, visit_id)
            quote = None if fare is None else await self._quotes.get(tx, fare.quote_id)
            stored = None if quote is None else await self._tariffs.by_hash(tx, quote.request.site_id, quote.tariff_hash)
        if visit is None or fare is None or quote is None or stored is None:
            return None
        if not _is_shown(visit, fare, for_customer=for_customer):
            return None
        reading = await self._reading(visit_id)
        return live_fare(fare.policy, quote, stored.tariff, reading, start_ms=_departed_ms(visit), now_ms=self._clock.now_ms())

    async def agreed(self, visit_id: VisitId) -> tuple[VisitFare, Quote] | None:
        """Return what was agreed and the quote in force, None before acceptance."""
        async with self._work.read() as tx:
            fare = await self._quotes.fare_of(tx, visit_id)
            quote = None if fare is None else await self._quotes.get(tx, fare.quote_id)
        return None if fare is None or quote is None else (fare, quote)

    async def _reading(self, visit_id: VisitId) -> MeterReading | None:
        async with self._fixes_work.read() as tx:
            return await self._readings.reading(tx, visit_id)


def _is_shown(visit: Visit, fare: VisitFare, *, for_customer: bool) -> bool:
    is_allowed = fare.policy.shows_live_fare or not for_customer
    return is_allowed and visit.stage in OPEN and visit.departed_at is not None


def _departed_ms(visit: Visit) -> int:
    return 0 if visit.departed_at is None else to_ms(visit.departed_at)
