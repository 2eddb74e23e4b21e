"""How does a way get its price? Fares' flows, joined with visits, the ledger, the router and live positions."""

from dataclasses import dataclass

from core.errors import Unavailable
from core.geo import LatLon
from core.ids import SiteId, TechnicianId
from hub.floor import Floor
from hub.join_customer_texts import CustomerTexts
from hub.join_fare_notices import ToldQuotes, ToldReceipts
from hub.wire_live import Live
from hub.wire_tracking import Tracking
from hub.wire_visits import People
from notifications.sql_webhooks import SqlWebhooks
from tracking.fares import http_live_fare, http_quotes, http_receipts, http_tariffs
from tracking.fares.learn_flow import LearnFlow
from tracking.fares.live_flow import LiveFareFlow
from tracking.fares.quote_flow import REQUOTE, RETIME, QuoteFlow
from tracking.fares.receipt_flow import SETTLE, ReceiptFlow
from tracking.fares.settlement_flow import SettlementFlow
from tracking.fares.sql_quotes import SqlQuotes
from tracking.fares.sql_readings import SqlReadings
from tracking.fares.sql_receipts import SqlReceipts
from tracking.fares.sql_road_factors import SqlRoadFactors
from tracking.fares.sql_tariffs import SqlTariffs
from tracking.fares.tariff_flow import TariffFlow
from tracking.ports import Positions
from tracking.router import Router
from tracking.sql_fixes import SqlFixes
from visits.ports import Stores


@dataclass(kw_only=True)
class Fares:
    """Fares' flows of one worker."""

    quotes: QuoteFlow
    live: LiveFareFlow
    receipts: ReceiptFlow
    tariffs: TariffFlow


class FreshPlaces:
    """Meets `tracking.fares.ports.Whereabouts` over live positions."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions

    async def place_of(self, site_id: SiteId, technician_id: TechnicianId) -> LatLon | None:
        """See `Whereabouts.place_of`."""
        try:
            fix = (await self._positions.last_known(site_id, [technician_id])).get(technician_id)
        except Unavailable:
            return None
        return None if fix is None else fix.place


def fare_flows(
    floor: Floor, stores: Stores, router: Router, positions: Positions | None, *, quotes: SqlQuotes | None = None,
    receipts: SqlReceipts | None = None,
) -> Fares:  # fmt: skip
    """Build the flows over the databases alone; without `positions` a reassignment keeps the accepted quote. Used by the CLI too, which
    gives no `quotes` and `receipts` of its own and so tells nobody.
    """
    quotes, tariffs = quotes or SqlQuotes(floor.keys), SqlTariffs()
    return Fares(
        quotes=QuoteFlow(
            work=floor.truth,
            quotes=quotes,
            tariffs=tariffs,
            sites=stores.sites,
            visits=stores.visits,
            router=router,
            timers=floor.timers,
            keys=floor.keys,
            clock=floor.clock,
            ids=floor.ids,
            whereabouts=None if positions is None else FreshPlaces(positions),
            factors=SqlRoadFactors(),
        ),
        live=LiveFareFlow(
            work=floor.truth,
            fixes_work=floor.fixes,
            readings=SqlReadings(),
            quotes=quotes,
            tariffs=tariffs,
            visits=stores.visits,
            clock=floor.clock,
        ),
        receipts=ReceiptFlow(
            work=floor.truth,
            receipts=receipts or SqlReceipts(),
            quotes=quotes,
            tariffs=tariffs,
            visits=stores.visits,
            sites=stores.sites,
            ways=SettlementFlow(floor.fixes, SqlFixes()),
            timers=floor.timers,
            clock=floor.clock,
        ),
        tariffs=TariffFlow(work=floor.truth, tariffs=tariffs, quotes=quotes, sites=stores.sites, clock=floor.clock),
    )


def wire_fares(floor: Floor, live: Live, people: People, tracking: Tracking, webhooks: SqlWebhooks, texts: CustomerTexts) -> Fares:
    """Build the flows, let them hear of every act, give them their timers and their paths."""
    quotes = ToldQuotes(floor.keys, webhooks, people.stores)
    receipts = ToldReceipts(webhooks, texts, people.stores)
    fares = fare_flows(floor, people.stores, tracking.router, live.positions, quotes=quotes, receipts=receipts)
    people.visits.listen(fares.quotes)
    people.visits.listen(fares.receipts)
    floor.timers_flow.handle(REQUOTE, fares.quotes.on_timer)
    floor.timers_flow.handle(RETIME, fares.quotes.on_retime)
    floor.timers_flow.handle(SETTLE, fares.receipts.on_timer)
    floor.supervisor.endless("fare_quotes", fares.quotes.run, rank=85)
    learns = LearnFlow(
        work=floor.truth,
        receipts=SqlReceipts(),
        visits=people.stores.visits,
        factors=SqlRoadFactors(),
        sites=people.sites.all,
        clock=floor.clock,
    )
    floor.supervisor.endless("fare_roads", learns.run, rank=85)
    floor.surface.endpoints += [
        *http_quotes.endpoints(fares.quotes),
        *http_live_fare.endpoints(fares.live),
        *http_receipts.endpoints(fares.receipts),
        *http_tariffs.endpoints(fares.tariffs),
    ]
    return fares
