"""A site learns from its settled ways how long its roads are, and quotes by it. On SQLite and PostgreSQL."""

import msgspec
import pytest

from core.clock import to_ms
from core.geo import distance_m
from tests.doubles.fare_ports import (
    FAR,
    HOME,
    NOON_SHANGHAI,
    SITE,
    VISIT,
    FixedRouter,
    MemorySites,
    MemoryVisits,
    SpyTimers,
    a_visit,
    a_way,
)
from tracking.fares.built_in import built_in_texts
from tracking.fares.learn_flow import MOST_WAYS, LearnFlow
from tracking.fares.metered import Grade
from tracking.fares.policy import Cause, Ending, FarePolicy
from tracking.fares.quote import Basis, QuoteRequest
from tracking.fares.quote_flow import QuoteFlow
from tracking.fares.receipt import Inputs, receipt_of
from tracking.fares.sql_quotes import SqlQuotes
from tracking.fares.sql_receipts import SqlReceipts
from tracking.fares.sql_road_factors import SqlRoadFactors
from tracking.fares.sql_tariffs import SqlTariffs
from tracking.fares.tariff_flow import TariffFlow
from tracking.fares.tariff_terms import Mode
from visits.stage import Stage

pytestmark = pytest.mark.anyio
NOON_MS = to_ms(NOON_SHANGHAI)


class School:
    def __init__(self, work, clock, ids, key_ring) -> None:
        self.work, self.clock = work, clock
        self.visits, self.router = MemoryVisits(), FixedRouter()
        self.router.is_away = True
        stores = {"work": work, "quotes": SqlQuotes(key_ring), "tariffs": SqlTariffs(), "sites": MemorySites(), "clock": clock}
        self.shelf = TariffFlow(**stores)
        self.quotes = QuoteFlow(
            **stores, visits=self.visits, timers=SpyTimers(), router=self.router, keys=key_ring, ids=ids, factors=SqlRoadFactors()
        )
        self.flow = LearnFlow(
            work=work, receipts=SqlReceipts(), visits=self.visits, factors=SqlRoadFactors(), sites=self.sites, clock=clock
        )

    async def sites(self):
        return [MemorySites().site]

    async def drive(self, count: int, ratio: float, *, grade: Grade = Grade.A, ending: Ending = Ending.FINISHED, number: int = 1) -> None:
        """Settle ways from FAR to HOME, each `ratio` times the straight line."""
        for each in range(count):
            visit_id = f"{VISIT[:-4]}{each:04d}"
            self.visits.held[visit_id] = a_visit(id=visit_id, stage=Stage.LEFT, departed_from=FAR)
            way = msgspec.structs.replace(a_way(round(distance_m(FAR, HOME) * ratio * 1000), start_ms=NOON_MS, seconds=1800), grade=grade)
            inputs = Inputs(
                visit_id=visit_id, site_id=SITE, technician_id=None, currency="CNY", ending=ending, cause=Cause.CUSTOMER,
                closed_ms=self.clock.now_ms() + each, policy=FarePolicy(), metered=way,
            )  # fmt: skip
            receipt = msgspec.structs.replace(receipt_of(inputs, now_ms=NOON_MS), number=number)
            async with self.work.begin() as tx:
                await SqlReceipts().add(tx, receipt)

    async def quoted(self):
        request = QuoteRequest(site_id=SITE, start=FAR, end=HOME, mode=Mode.TAXI, depart_ms=NOON_MS)
        return (await self.quotes.quote(request)).quote


@pytest.fixture
async def school(work, clock, ids, key_ring):
    school = School(work, clock, ids, key_ring)
    await clock.advance((NOON_SHANGHAI - clock.now()).total_seconds())
    await school.shelf.add(SITE, built_in_texts()["at-home-taxi"])
    return school


async def test_settled_ways_teach_and_later_quotes_follow_with_a_range(school):
    before = await school.quoted()
    await school.drive(200, 1.5)

    learned = await school.flow.run_once()
    after = await school.quoted()

    assert learned == 1
    assert (before.basis, after.basis, after.source) == (Basis.ESTIMATED, Basis.ESTIMATED, "learned")
    assert after.distance_mm > before.distance_mm * 1.1
    assert after.low_mm <= after.distance_mm <= after.high_mm
    assert after.high_mm - after.low_mm < before.high_mm - before.low_mm


async def test_unsure_and_unfinished_ways_teach_nothing(school):
    await school.drive(30, 1.9, grade=Grade.C)
    assert await school.flow.run_once() == 0

    await school.drive(30, 1.9, ending=Ending.CANCELLED_ON_WAY, number=2)
    assert await school.flow.run_once() == 0
    assert (await school.quoted()).source == "factor"


async def test_learning_again_replaces_what_was_learned_and_an_amendment_counts_once(school):
    await school.drive(100, 1.2)
    first = await school.flow.learn_site(SITE)
    await school.drive(100, 1.6, number=2)

    second = await school.flow.learn_site(SITE)

    assert (first.trips, second.trips) == (100, 100)
    assert second.bands[0].factor > first.bands[0].factor
    assert MOST_WAYS >= 200


async def test_a_routing_engine_goes_before_what_was_learned(school):
    await school.drive(100, 1.5)
    await school.flow.run_once()
    school.router.is_away = False

    assert (await school.quoted()).basis is Basis.ROAD
