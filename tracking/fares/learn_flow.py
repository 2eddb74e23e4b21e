"""How does a site learn how long its roads are? From its settled ways: metered distance beside the straight line, every few hours.

Only ways that were finished and metered with certainty (grade A or B) teach. What is learned changes quotes from then on, never one that
is stored. Read by `quote_flow` where no routing engine answers.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from core.clock import Clock
from core.ids import SiteId
from core.unit_of_work import Tx, UnitOfWork
from tracking.fares.calibration import KnownTrip, RoadFactors, learn
from tracking.fares.metered import Grade
from tracking.fares.policy import Ending
from tracking.fares.ports import FareVisits, Receipts
from tracking.fares.receipt import Receipt
from visits.site import Site

log = structlog.get_logger(__name__)
LEARN_EVERY_S = 6 * 3_600.0
REMEMBERED_MS = 180 * 86_400_000
"""Roads change slowly, and so do the parts of a city that book."""
MOST_WAYS = 2_000
"""The newest: more would not move a median."""
FIRST_AFTER_S = 120.0
"""A hub that has just started has better things to do."""


class RoadFactorStore(Protocol):
    """What sites have learned. Met by `sql_road_factors`."""

    async def of_site(self, tx: Tx, site_id: SiteId) -> RoadFactors | None:
        """Return what a site has learned, None before it has."""
        ...

    async def put(self, tx: Tx, site_id: SiteId, factors: RoadFactors, now_ms: int) -> None:
        """Store it over what was learned before."""
        ...


class LearnFlow:
    """Learns road factors. Several workers may: they learn the same."""

    def __init__(
        self,
        *,
        work: UnitOfWork,
        receipts: Receipts,
        visits: FareVisits,
        factors: RoadFactorStore,
        sites: Callable[[], Awaitable[Sequence[Site]]],
        clock: Clock,
    ) -> None:
        self._work, self._receipts, self._visits, self._factors = work, receipts, visits, factors
        self._sites, self._clock = sites, clock

    async def learn_site(self, site_id: SiteId) -> RoadFactors | None:
        """Learn from a site's settled ways and store it; None where no way teaches anything yet."""
        since_ms = self._clock.now_ms() - REMEMBERED_MS
        async with self._work.read() as tx:
            receipts = await self._receipts.of_site(tx, site_id, since_ms, MOST_WAYS)
            trips = [trip for receipt in receipts if (trip := await self._trip(tx, receipt)) is not None]
        factors = learn(trips)
        if factors.trips == 0:
            return None
        async with self._work.begin() as tx:
            await self._factors.put(tx, site_id, factors, self._clock.now_ms())
        log.info("road_factor_learned", site_id=site_id, ways=factors.trips, grid_weight=factors.grid_weight)
        return factors

    async def run_once(self) -> int:
        """Let every site learn; return how many have learned something."""
        return sum([await self.learn_site(site.id) is not None for site in await self._sites()])

    async def run(self) -> None:
        """Learn every six hours until cancelled."""
        await self._clock.sleep(FIRST_AFTER_S)
        while True:
            await self.run_once()
            await self._clock.sleep(LEARN_EVERY_S)

    async def _trip(self, tx: Tx, receipt: Receipt) -> KnownTrip | None:
        if receipt.ending is not Ending.FINISHED or receipt.meter is None or receipt.meter.grade is Grade.C:
            return None
        visit = await self._visits.get(tx, receipt.visit_id)
        if visit is None or visit.departed_from is None:
            return None
        return KnownTrip(visit.departed_from, visit.place.point, receipt.meter.distance_mm / 1000)
