"""What was promised? A quote: an amount, the way it stands on, and a token that binds both.

Made by `quote_flow`, stored by `sql_quotes`, billed by `receipt`. The start of the way is the centre of a cell of about 1 km: otherwise
quotes asked from many addresses would find a technician before she has accepted anything.
"""

import hashlib
from enum import StrEnum
from math import cos, floor, radians

import msgspec

from core.errors import BadInput, Conflict
from core.geo import LatLon
from core.ids import SiteId, VisitId
from tracking.fares.priced import Line, LineCode, Part, Priced
from tracking.fares.tariff import Tariff, tariff_hash
from tracking.fares.tariff_terms import Mode, TripShape

CELL_DEG = 1 / 111.195
"""A kilometre of latitude on the mean sphere."""
MAX_CELL_LAT = 89.0
"""Nearer the pole a cell of 1 km would span too many degrees to be a cell."""
FACTOR_LOW, FACTOR_HIGH = 1.01 / 1.27, 1.60 / 1.27
"""p10 and p90 of road over straight line beside its median, from 601 taximeter trips: the range of an estimated distance."""
SAME_PLACE_M = 1.0
LATE_MS = 900_000
"""A question may have waited this long on its way here, or come from a clock that is slow."""
DAY_MS = 86_400_000


class Basis(StrEnum):
    """On what a quote's distance stands."""

    ROAD = "road"
    """A routing engine on a road network."""
    ESTIMATED = "estimated"
    """Straight line times the city's factor: an estimate with a range."""
    SAME_PLACE = "same_place"
    """From and to are the same place."""


class QuoteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: a way at a site. `depart_ms`: when she sets out; `appointment_ms`, `back_ms`.

    Start and planned end of the service.
    """

    site_id: SiteId
    start: LatLon
    end: LatLon
    mode: Mode
    depart_ms: int
    appointment_ms: int | None = None
    back_ms: int | None = None
    carries: tuple[tuple[str, int], ...] = ()
    visit_id: VisitId | None = None


def asked_again(request: QuoteRequest, visit_id: VisitId, now_ms: int) -> QuoteRequest:
    """Return the question of a stale quote as it is to be asked now, for a visit: she sets out no earlier than now."""
    return msgspec.structs.replace(request, depart_ms=max(request.depart_ms, now_ms), visit_id=visit_id)


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A promise. `customer_minor` is what she pays, at most; `amount_minor` what the way costs, more where a reassignment made it dearer.

    Distances in millimetres of one way, `low_mm <= distance_mm <= high_mm`; seconds of one way; `request.start` is already the cell.
    """

    id: str
    request: QuoteRequest
    basis: Basis
    source: str
    distance_mm: int
    low_mm: int
    high_mm: int
    seconds_p50: int
    seconds_p90: int
    amount_minor: int
    customer_minor: int
    technician_minor: int
    currency: str
    shape: TripShape
    tariff_id: str
    tariff_hash: str
    lines: tuple[Line, ...]
    created_ms: int
    expires_ms: int
    supersedes: str | None = None

    @property
    def arrive_ms(self) -> int:
        """When she arrives, at the median duration."""
        return self.request.depart_ms + self.seconds_p50 * 1000


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A quote and the token that accepts it."""

    quote: Quote
    token: str


class StaleQuote(Conflict):
    """This quote cannot be accepted: changed, unknown, expired or for another time. Accept the fresh one, if one is given, or ask again."""

    code = "stale_quote"


class NotServed(Conflict):
    """This way of travelling is not offered at that time. Choose another mode or another time."""

    code = "not_served"


class NoTariff(Conflict):
    """The site has no tariff for this way of travelling at that date. Add one, or choose another mode."""

    code = "no_tariff"


class CurrencyMismatch(Conflict):
    """The tariff's currency is not the site's. Use a tariff in the site's currency."""

    code = "currency_mismatch"


def cell_centre(point: LatLon) -> LatLon:
    """Return the centre of the cell of about 1 km by 1 km that holds `point`: the same for every place in the cell."""
    lat = max(-MAX_CELL_LAT, min(MAX_CELL_LAT, point.lat))
    row = floor(lat / CELL_DEG)
    centre_lat = (row + 0.5) * CELL_DEG
    width_deg = CELL_DEG / cos(radians(centre_lat))
    column = floor(point.lon / width_deg)
    return LatLon(round(centre_lat, 6), round(max(-180.0, min(180.0, (column + 0.5) * width_deg)), 6))


def must_be_reachable(metres: float, max_way_km: int) -> None:
    """Raise `BadInput` for a way longer than the site allows, such as one to the moon."""
    if metres > max_way_km * 1000:
        raise BadInput(
            f"The way is {metres / 1000:.0f} km long; this site quotes up to {max_way_km} km. Check the coordinates: are they swapped?",
            max_way_km=max_way_km,
        )


def must_be_ahead(request: QuoteRequest, now_ms: int, max_days_ahead: int) -> None:
    """Raise `BadInput` for a departure that has passed, and for any time so far ahead that today's tariff promises nothing of it."""
    if request.depart_ms < now_ms - LATE_MS:
        raise BadInput("depart_at has passed, and a quote promises what a way will cost. Ask for the time at which she is to set out.")
    times = {"depart_at": request.depart_ms, "appointment_at": request.appointment_ms, "planned_end_at": request.back_ms}
    for name, at_ms in times.items():
        if at_ms is not None and at_ms > now_ms + max_days_ahead * DAY_MS:
            raise BadInput(
                f"{name} lies more than {max_days_ahead} days ahead, which is as far as this site promises a price. Ask nearer to the day, "
                f"or let the site's fare policy reach farther (max_days_ahead).",
                max_days_ahead=max_days_ahead,
            )


def way_range(distance_mm: int, basis: Basis) -> tuple[int, int]:
    """Return low and high millimetres of a distance by its basis: p10 to p90 of an estimate, the distance itself for a road."""
    if basis is not Basis.ESTIMATED:
        return distance_mm, distance_mm
    return round(distance_mm * FACTOR_LOW), round(distance_mm * FACTOR_HIGH)


def nothing_to_pay(tariff: Tariff) -> Priced:
    """Return the price of no way at all."""
    line = Line(code=LineCode.SAME_PLACE, part=Part.TRIP, amount_minor=0)
    return Priced(
        tariff_id=tariff.id,
        tariff_hash=tariff_hash(tariff),
        currency=tariff.currency,
        shape=tariff.trip,
        distance_mm=0,
        total_minor=0,
        technician_minor=0,
        lines=(line,),
    )


def kept_promise(quote: Quote, accepted_minor: int) -> Quote:
    """Return the quote with the customer's part held at what she accepted; the platform bears what is above it."""
    difference = min(0, accepted_minor - quote.amount_minor)
    if difference == 0:
        return quote
    line = Line(code=LineCode.PROMISE_KEPT, part=Part.TRIP, amount_minor=difference)
    return msgspec.structs.replace(quote, customer_minor=accepted_minor, lines=(*quote.lines, line))


def quote_digest(quote: Quote) -> str:
    """Return the SHA-256 over everything the quote says, 64 hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(quote, order="sorted")).hexdigest()


def token_body(quote: Quote) -> str:
    """Return what is signed: id, expiry and digest of the quote."""
    return f"{quote.id}.{quote.expires_ms}.{quote_digest(quote)}"


def id_in_token(token: str) -> str | None:
    """Return the quote id that a token claims, unproved; None for a text that is no token."""
    parts = token.split(".")
    return parts[0] if len(parts) == 4 and parts[0] else None
