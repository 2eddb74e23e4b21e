"""What does the way cost so far? A figure for the live view, always marked provisional; the bill comes from settlement alone.

Called with the reading of `meter_observer` by `live_flow`. By policy `quoted` it is the agreed price from the first metre on; else the
meter's way so far by the quote's tariff, at one speed, within the same limits as the bill.
"""

import msgspec

from tracking.fares.bill import Billed, bill_of
from tracking.fares.meter_observer import MeterReading
from tracking.fares.metered import Grade, Metered, Slice
from tracking.fares.policy import Billing, Cause, Ending, FarePolicy
from tracking.fares.quote import Quote
from tracking.fares.tariff import Tariff


class LiveFare(msgspec.Struct, frozen=True, kw_only=True):
    """A provisional figure: what the customer would pay now, on which figure it stands, the metered distance so far in millimetres.

    `limit_minor`: the most she pays by what was agreed, None where the meter alone decides. `has_arrived`: the meter has stopped.
    """

    customer_minor: int
    currency: str
    billed: Billed
    distance_mm: int
    limit_minor: int | None = None
    as_of_ms: int | None = None
    gaps: int = 0
    has_arrived: bool = False
    is_final: bool = False


def live_fare(
    policy: FarePolicy, quote: Quote, tariff: Tariff, reading: MeterReading | None, *, start_ms: int, now_ms: int
) -> LiveFare:
    """Return the fare so far of a way that began at `start_ms`; `reading` None: nothing was metered yet."""
    end_ms = max(start_ms, now_ms if reading is None or not reading.is_final else reading.at_ms)
    metered = _so_far(0 if reading is None else reading.distance_mm, start_ms, end_ms)
    bill = bill_of(policy, ending=Ending.FINISHED, cause=Cause.CUSTOMER, quote=quote, tariff=tariff, metered=metered)
    return LiveFare(
        customer_minor=bill.customer_minor,
        currency=quote.currency,
        billed=bill.billed,
        distance_mm=metered.distance_mm,
        limit_minor=limit_minor(policy, quote),
        as_of_ms=None if reading is None else reading.at_ms,
        gaps=0 if reading is None else reading.gaps,
        has_arrived=reading is not None and reading.is_final,
    )


def limit_minor(policy: FarePolicy, quote: Quote) -> int | None:
    """Return the most that the customer pays for a finished visit, None where the meter alone decides."""
    if policy.billing is Billing.METERED and quote.customer_minor == quote.amount_minor:
        return None
    return quote.customer_minor * policy.cap_bps // 10_000 if policy.billing is Billing.CAPPED else quote.customer_minor


def _so_far(distance_mm: int, start_ms: int, end_ms: int) -> Metered:
    return Metered(
        distance_mm=distance_mm,
        low_mm=distance_mm,
        high_mm=distance_mm,
        grade=Grade.A,
        start_ms=start_ms,
        end_ms=end_ms,
        moving_ms=end_ms - start_ms,
        slow_ms=0,
        waiting_ms=0,
        fixes=1,
        digest="",
        algorithm="live",
        slices=(Slice(start_ms, end_ms, distance_mm),),
    )
