"""Fares of cardboard for the pages: one visit's fare in every phase, made by the real rules from a quote and a metered way."""

import msgspec

from core.clock import to_ms
from realtime.fare_sight import FareSight, PaidWay, Sheet
from tests.doubles.fare_ports import FAR, HOME, NOON_SHANGHAI, SITE, VISIT, a_way
from tracking.fares.bill import Times
from tracking.fares.built_in import built_in_tariffs
from tracking.fares.faces import live_face, money_words, quote_face, receipt_face
from tracking.fares.live_fare import live_fare
from tracking.fares.meter_observer import MeterReading
from tracking.fares.metered import Gap, GapFill, Grade, Metered
from tracking.fares.policy import Billing, Cause, Ending, FarePolicy
from tracking.fares.quote import Quote, QuoteRequest
from tracking.fares.quote_pricing import priced_quote
from tracking.fares.receipt import Inputs, receipt_of
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_terms import Mode
from tracking.fares.tariff_words import explain
from tracking.router import Route, RouteSource

NOON_MS = to_ms(NOON_SHANGHAI)
TARIFF = built_in_tariffs()["at-home-taxi"]
TOKEN = "pl_dev_cardboard"


def a_quote(source: RouteSource = RouteSource.FACTOR) -> Quote:
    """Return a quote of ten kilometres."""
    request = QuoteRequest(site_id=SITE, start=FAR, end=HOME, mode=Mode.TAXI, depart_ms=NOON_MS)
    route = Route(metres=10_000, seconds_p50=1800, seconds_p90=2700, source=source)
    return priced_quote("quote-1", request, TARIFF, route, is_same=False, now_ms=NOON_MS, ttl_ms=900_000)


def a_metered(distance_mm: int = 10_400_000) -> Metered:
    """Return a way with a bridged tunnel, a false stretch and fixes left out."""
    gaps = (
        Gap(start_ms=NOON_MS + 300_000, end_ms=NOON_MS + 390_000, chord_mm=800_000, filled_mm=800_000),
        Gap(start_ms=NOON_MS + 900_000, end_ms=NOON_MS + 960_000, chord_mm=90_000_000, filled_mm=0, fill=GapFill.CUT),
    )
    way = a_way(distance_mm, start_ms=NOON_MS, seconds=1800)
    return msgspec.structs.replace(way, gaps=gaps, rejected={"mocked": 12, "inaccurate": 3}, grade=Grade.B)


def a_sight(billing: Billing = Billing.CAPPED, *, is_hers: bool = False, **changed) -> FareSight:
    """Return an agreed fare; `changed` moves it on."""
    quote = a_quote()
    plain = FareSight(
        visit_id=VISIT, service="Massage", site_name="Beijing", time_zone="Asia/Shanghai", locale="en", technician_name="Lin",
        window_start_ms=NOON_MS, is_hers=is_hers, accepted=money_words(quote.customer_minor, "CNY"), billing=billing.value,
        quote=quote_face(quote, None),
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changed)


def driving(billing: Billing = Billing.CAPPED, *, is_hers: bool = False) -> FareSight:
    """Return the fare of a technician who is on her way."""
    reading = MeterReading(
        at_ms=NOON_MS + 600_000, distance_mm=6_234_000, low_mm=6_000_000, high_mm=6_400_000, grade=Grade.A, moving_ms=500_000, slow_ms=0,
        waiting_ms=100_000, gaps=1, is_final=False,
    )  # fmt: skip
    live = live_fare(FarePolicy(billing=billing), a_quote(), TARIFF, reading, start_ms=NOON_MS, now_ms=NOON_MS + 610_000)
    return a_sight(billing, is_hers=is_hers, is_underway=True, live=live_face(live))


def settled(
    *, is_hers: bool = False, ending: Ending = Ending.FINISHED, metered: Metered | None = None, last: Metered | None = None,
    tariff: Tariff = TARIFF,
) -> FareSight:
    """Return the fare of a visit with a receipt and an amendment of it, by what was `metered` first and in the end (`last`)."""
    inputs = Inputs(
        visit_id=VISIT, site_id=SITE, technician_id=None, currency="CNY", ending=ending, cause=Cause.CUSTOMER, closed_ms=NOON_MS,
        policy=FarePolicy(billing=Billing.METERED), quote=a_quote(), tariff=tariff, metered=metered, times=Times(appointment_ms=NOON_MS),
    )  # fmt: skip
    first = receipt_of(inputs, now_ms=NOON_MS)
    later = msgspec.structs.replace(inputs, metered=a_metered() if last is None else last)
    second = receipt_of(later, now_ms=NOON_MS + 60_000, before=first)
    faces = tuple(receipt_face(each, for_technician=is_hers) for each in (first, second))
    says = {language: explain(TARIFF, language) for language in ("zh", "en")}
    return a_sight(Billing.METERED, is_hers=is_hers, is_closed=True, receipts=faces, tariff_says=says)


class FakeFares:
    """Meets `FareData` with whatever a test put into `sight` and `ways`; None for links and tokens it does not know."""

    def __init__(self, link: str) -> None:
        self.link = link
        self.sight = a_sight()
        self.ways = (
            PaidWay(visit_id=VISIT, closed_ms=NOON_MS, ending="finished", distance_mm=10_400_000, pay=money_words(3142, "CNY"), number=2),
            PaidWay(visit_id="v2", closed_ms=NOON_MS, ending="no_show", distance_mm=None, pay=money_words(900, "CNY"), number=1),
        )

    async def of_link(self, link_token: str) -> FareSight | None:
        return self.sight if link_token == self.link else None

    async def of_phone(self, device_token: str, visit_id: str) -> FareSight | None:
        return self.sight if (device_token, visit_id) == (TOKEN, VISIT) else None

    async def sheet(self, device_token: str, now_ms: int) -> Sheet | None:
        if device_token != TOKEN:
            return None
        return Sheet(from_ms=NOON_MS, time_zone="Asia/Shanghai", is_shift=True, ways=self.ways, totals=(money_words(4042, "CNY"),))
