"""How does a visit's fare become what its customer's and its technician's page show? Agreement, live meter and receipts, joined."""

from datetime import timedelta

from core.clock import Clock, to_ms
from core.errors import HubError
from core.ids import VisitId
from hub.wire_fares import Fares
from hub.wire_visits import People
from realtime.fare_sight import FareSight, PaidWay, Sheet
from tracking.fares.faces import live_face, money_words, quote_face, receipt_face
from tracking.fares.receipt import Receipt
from tracking.fares.statement import Statement
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_words import explain
from tracking.fares.words import EN, ZH
from visits.site import Site
from visits.stage import CLOSED, UNDERWAY, Stage
from visits.visit import Visit

LAST_DAY = timedelta(hours=24)


class FareSights:
    """Meets `realtime.http_fare_pages.FareData`."""

    def __init__(self, people: People, fares: Fares, clock: Clock) -> None:
        self._people, self._fares, self._clock = people, fares, clock

    async def of_link(self, link_token: str) -> FareSight | None:
        """See `FareData.of_link`; receipts only where the link has the right to them."""
        opened = await self._people.links.open(link_token)
        if opened is None:
            return None
        return await self.of_opened(opened.visit, opened.site, opened.technician.shown_name if opened.technician else None)

    async def of_opened(self, visit: Visit, site: Site, technician_name: str | None) -> FareSight:
        """Return what the holder of an opened link may see."""
        return await self._sight(visit, site, technician_name, is_hers=False)

    async def of_phone(self, device_token: str, visit_id: str) -> FareSight | None:
        """See `FareData.of_phone`."""
        try:
            caller = await self._people.access.caller_of_token(device_token)
        except HubError:
            return None
        visit = await self._people.looks.get(VisitId(visit_id))
        if visit is None or caller.technician_id is None or visit.technician_id != caller.technician_id:
            return None
        site = await self._people.sites.get(caller, visit.site_id)
        return await self._sight(visit, site, None, is_hers=True)

    async def sheet(self, device_token: str, now_ms: int) -> Sheet | None:
        """See `FareData.sheet`."""
        try:
            caller = await self._people.access.caller_of_token(device_token)
            if caller.technician_id is None:
                return None
            shift = await self._people.shifts.current(caller)
            site = await self._people.sites.get(caller, next(iter(caller.sites)))
        except HubError:
            return None
        from_ms = now_ms - int(LAST_DAY.total_seconds() * 1000) if shift is None else to_ms(shift.opened_at)
        statement = await self._fares.receipts.statement(caller.technician_id, from_ms, now_ms + 1)
        return _sheet(statement, site.zone, is_shift=shift is not None)

    async def _sight(self, visit: Visit, site: Site, technician_name: str | None, *, is_hers: bool) -> FareSight:
        agreed = await self._fares.live.agreed(visit.id)
        live = None if agreed is None else await self._fares.live.live(visit.id, for_customer=not is_hers)
        _, receipts = await self._fares.receipts.receipts_of(visit.id)
        tariff = None if not receipts else await self._tariff_of(receipts[-1])
        return FareSight(
            visit_id=visit.id,
            service=site.service(visit.service_kind).title,
            site_name=site.name,
            time_zone=site.zone,
            locale=visit.customer.language or site.locale,
            technician_name=technician_name,
            window_start_ms=to_ms(visit.window_start),
            is_hers=is_hers,
            is_underway=visit.stage in UNDERWAY,
            has_arrived=visit.stage in UNDERWAY and visit.stage is not Stage.DEPARTED,
            is_closed=visit.stage in CLOSED,
            accepted=None if agreed is None else money_words(agreed[0].accepted_minor, agreed[0].currency),
            billing=None if agreed is None else agreed[0].policy.billing.value,
            quote=None if agreed is None else quote_face(agreed[1], None),
            live=None if live is None else live_face(live),
            receipts=tuple(receipt_face(receipt, for_technician=is_hers) for receipt in receipts),
            tariff_says={} if tariff is None else {language: explain(tariff, language) for language in (ZH, EN)},
        )

    async def _tariff_of(self, receipt: Receipt) -> Tariff | None:
        if receipt.tariff_hash is None:
            return None
        stored = await self._fares.tariffs.version(receipt.site_id, receipt.tariff_hash)
        return None if stored is None else stored.tariff


def _sheet(statement: Statement, zone: str, *, is_shift: bool) -> Sheet:
    ways = tuple(
        PaidWay(
            visit_id=row.visit_id,
            closed_ms=row.closed_ms,
            ending=row.ending,
            distance_mm=row.distance_mm,
            pay=money_words(row.technician_minor, row.currency),
            number=row.number,
        )
        for row in reversed(statement.rows)
    )
    totals = tuple(money_words(amount, currency) for currency, amount in sorted(statement.total_minor.items()))
    return Sheet(from_ms=statement.from_ms, time_zone=zone, is_shift=is_shift, ways=ways, totals=totals)
