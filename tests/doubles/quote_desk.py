"""A desk at which quotes are asked and accepted, for the tests of the edges."""

import msgspec

from core.clock import to_ms
from tests.doubles.fare_ports import (
    FAR,
    HOME,
    NOON_SHANGHAI,
    SITE,
    FixedRouter,
    FixedWhereabouts,
    MemorySites,
    MemoryVisits,
    SpyTimers,
    a_visit,
)
from tracking.fares.quote import QuoteRequest
from tracking.fares.quote_flow import QuoteFlow
from tracking.fares.sql_quotes import SqlQuotes
from tracking.fares.sql_tariffs import SqlTariffs
from tracking.fares.tariff_flow import TariffFlow
from tracking.fares.tariff_terms import Mode


class QuoteDesk:
    """Quotes on real databases, with everything else held by a test."""

    def __init__(self, work, clock, ids, key_ring) -> None:
        self.work, self.clock = work, clock
        self.sites, self.visits, self.router, self.timers = MemorySites(), MemoryVisits(a_visit()), FixedRouter(), SpyTimers()
        self.tariffs, self.quotes = SqlTariffs(), SqlQuotes(key_ring)
        self.whereabouts = FixedWhereabouts(FAR)
        self.flow = QuoteFlow(
            work=work,
            quotes=self.quotes,
            tariffs=self.tariffs,
            sites=self.sites,
            visits=self.visits,
            router=self.router,
            timers=self.timers,
            keys=key_ring,
            clock=clock,
            ids=ids,
            whereabouts=self.whereabouts,
        )
        self.shelf = TariffFlow(work=work, tariffs=self.tariffs, quotes=self.quotes, sites=self.sites, clock=clock)

    async def read(self, act):
        async with self.work.read() as tx:
            return await act(tx)


def asked(**changes) -> QuoteRequest:
    """Return the question for the way from `FAR` to `HOME` by taxi, setting out at noon."""
    plain = QuoteRequest(site_id=SITE, start=FAR, end=HOME, mode=Mode.TAXI, depart_ms=to_ms(NOON_SHANGHAI))
    return msgspec.structs.replace(plain, **changes)
