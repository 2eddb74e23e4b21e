"""What of a fare may a page show at one moment? Price agreed, fare so far, receipts, in the order in which a visit meets them.

Facts only, pure; `http_fare_pages` renders them, `hub/join_fares.py` gathers them. What each reader may know was decided by
`tracking.fares.receipt` and `policy` before anything gets here.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from core.clock import from_ms
from tracking.fares.faces import LiveFace, QuoteFace, Words
from tracking.fares.words import ZH, distance, duration, language_of, money


class FarePhase(StrEnum):
    """What there is to say about a fare."""

    NONE = "none"
    """No price was agreed."""
    AGREED = "agreed"
    """A price is agreed; she has not set out."""
    DRIVING = "driving"
    """The meter runs."""
    ARRIVED = "arrived"
    """The way is over, the visit is not."""
    SETTLING = "settling"
    """The visit is over; the receipt follows within minutes."""
    SETTLED = "settled"
    """There is a receipt."""


class FareSight(msgspec.Struct, frozen=True, kw_only=True):
    """All that one reader's page may say of one visit's fare. `receipts`: faces, oldest first. `is_hers`: the reader is the technician."""

    visit_id: str
    service: str
    site_name: str
    time_zone: str
    locale: str
    technician_name: str | None
    window_start_ms: int
    is_hers: bool = False
    is_underway: bool = False
    has_arrived: bool = False
    is_closed: bool = False
    accepted: Words | None = None
    billing: str | None = None
    quote: QuoteFace | None = None
    live: LiveFace | None = None
    receipts: tuple[dict[str, Any], ...] = ()
    tariff_says: dict[str, list[str]] = {}
    """What the tariff of the receipt charges, a sentence a line, by language `zh` and `en`; empty without a receipt."""

    @property
    def receipt(self) -> dict[str, Any] | None:
        """Return the newest receipt."""
        return self.receipts[-1] if self.receipts else None

    @property
    def phase(self) -> FarePhase:
        """Return what there is to say."""
        if self.quote is None:
            return FarePhase.NONE
        if self.receipts:
            return FarePhase.SETTLED
        if self.is_closed:
            return FarePhase.SETTLING
        if self.has_arrived:
            return FarePhase.ARRIVED
        return FarePhase.DRIVING if self.is_underway else FarePhase.AGREED

    @property
    def poll_s(self) -> int:
        """Return after how many seconds a page should ask again."""
        return _POLL_S[self.phase]

    @property
    def share_pct(self) -> int:
        """Return how much of the limit is reached, 0..100; 0 where there is no limit."""
        if self.live is None or not self.live.limit_minor:
            return 0
        return min(100, max(0, self.live.amount_minor * 100 // self.live.limit_minor))


class PaidWay(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement."""

    visit_id: str
    closed_ms: int
    ending: str
    distance_mm: int | None
    pay: Words
    number: int


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What she is paid for her ways since `from_ms`, newest first; `totals` by currency. `is_shift`: since her shift began."""

    from_ms: int
    time_zone: str
    is_shift: bool
    ways: tuple[PaidWay, ...] = ()
    totals: tuple[Words, ...] = ()


class FareSpeech:
    """Figures as the page's language and the site's clock write them. `lang`: BCP 47; `unit`: km or mile."""

    def __init__(self, lang: str, time_zone: str, unit: str = "km") -> None:
        self._language, self._zone, self._unit = language_of(lang), ZoneInfo(time_zone), unit

    def lines(self, both: dict[str, list[str]]) -> list[str]:
        """Return the sentences of the page's language."""
        return both.get(self._language, [])

    def tell(self, both: Words | dict[str, str]) -> str:
        """Return the words of the page's language."""
        zh, en = (both["zh"], both["en"]) if isinstance(both, dict) else (both.zh, both.en)
        return zh if self._language == ZH else en

    def money(self, amount_minor: int, currency: str) -> str:
        """Return an amount; a difference keeps its sign."""
        return money(amount_minor, currency, self._language)

    def way(self, distance_mm: int) -> str:
        """Return a distance to a hundredth."""
        return distance(distance_mm, self._unit, self._language)

    def exact_way(self, distance_mm: int) -> str:
        """Return a distance to a thousandth, from which a price can be computed again."""
        return distance(distance_mm, self._unit, self._language, digits=3)

    def about(self, metres: int) -> str:
        """Return a distance to a tenth, for what is only estimated."""
        return distance(round(metres, -2) * 1000, self._unit, self._language)

    def lasting(self, ms: int) -> str:
        """Return a duration."""
        return duration(ms, self._language)

    def time(self, at_ms: int) -> str:
        """Return a time of day at the site, such as 14:32."""
        return self._at(at_ms).strftime("%H:%M")

    def day(self, at_ms: int) -> str:
        """Return a date at the site, ISO 8601."""
        return self._at(at_ms).date().isoformat()

    def _at(self, at_ms: int) -> datetime:
        return from_ms(at_ms).astimezone(self._zone)


def unit_of(sight: FareSight) -> str:
    """Return the unit in which the tariff counts; km where no line says."""
    lines = sight.quote.lines if sight.quote is not None else ()
    return next((str(line.numbers["unit"]) for line in lines if "unit" in line.numbers), "km")


_POLL_S = {
    FarePhase.NONE: 60,
    FarePhase.AGREED: 60,
    FarePhase.DRIVING: 10,
    FarePhase.ARRIVED: 30,
    FarePhase.SETTLING: 15,
    FarePhase.SETTLED: 300,
}
