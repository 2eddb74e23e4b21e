"""What is due in the end? The site's policy applied to a quote and to what the meter found.

Called by `receipt`. Pure: the same quote, tariff, metered way and policy give the same bill.
"""

from enum import StrEnum

import msgspec

from tracking.fares.metered import Grade, Metered, Slice, SliceKind
from tracking.fares.policy import Billing, Cause, Clause, Ending, FarePolicy, Ways, clause_of
from tracking.fares.priced import Line, LineCode, Part, Priced, sum_minor
from tracking.fares.pricing import price
from tracking.fares.quote import Basis, Quote
from tracking.fares.rounding import share_minor
from tracking.fares.tariff import Tariff
from tracking.fares.tariff_terms import TripShape
from tracking.fares.way import Trip


class Billed(StrEnum):
    """On which figure a bill stands."""

    QUOTE = "quote"
    """The accepted quote, as the site's policy says."""
    METER = "meter"
    """The metered way."""
    CAP = "cap"
    """The limit above the quote, which the meter had passed."""
    QUOTE_NOT_METERED = "quote_not_metered"
    """The quote, because no usable fix came between departing and arriving."""
    QUOTE_METER_UNSURE = "quote_meter_unsure"
    """The quote, because the meter is not certain enough (grade C)."""
    NO_QUOTE = "no_quote"
    """Nothing: no quote was accepted for this visit."""


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """When things happened, for pricing: the promised start and, where known, when the way back began; ms since 1970."""

    appointment_ms: int | None = None
    back_ms: int | None = None


NO_TIMES = Times()


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer pays (the sum of `lines`), what the technician is paid, and on which figure both stand."""

    billed: Billed
    lines: tuple[Line, ...]
    customer_minor: int
    technician_minor: int


def bill_of(
    policy: FarePolicy,
    *,
    ending: Ending,
    cause: Cause,
    quote: Quote | None,
    tariff: Tariff | None,
    metered: Metered | None,
    times: Times = NO_TIMES,
) -> Bill:
    """Return the bill. `tariff` is the one that the quote names; without a quote nothing is due."""
    if quote is None or tariff is None:
        return Bill(billed=Billed.NO_QUOTE, lines=(), customer_minor=0, technician_minor=0)
    clause = clause_of(policy, ending, cause)
    whole = _whole(policy, quote, tariff, metered, times)
    lines = _with_clause(whole.lines, clause)
    return Bill(
        billed=whole.billed,
        lines=lines,
        customer_minor=sum_minor(lines),
        technician_minor=_technician_minor(clause, whole, quote, tariff, _billed_trip(whole.billed, quote, metered, times)),
    )


def quoted_trip(quote: Quote) -> Trip:
    """Return the trip that a quote was made for: one speed, at the median duration."""
    asked = quote.request
    return Trip(
        slices=(Slice(asked.depart_ms, quote.arrive_ms, quote.distance_mm),),
        appointment_ms=asked.appointment_ms,
        back_start_ms=asked.back_ms,
        carries=asked.carries,
    )


def metered_trip(metered: Metered, quote: Quote, times: Times) -> Trip:
    """Return the trip that the meter found; a way back begins when the service was over, else when it was to be."""
    slices = metered.slices or (Slice(metered.start_ms, metered.end_ms, metered.distance_mm, SliceKind.GAP),)
    back_ms = quote.request.back_ms if times.back_ms is None else times.back_ms
    return Trip(
        slices=slices,
        appointment_ms=quote.request.appointment_ms if times.appointment_ms is None else times.appointment_ms,
        back_start_ms=None if back_ms is None else max(back_ms, slices[-1].end_ms),
        carries=quote.request.carries,
    )


def _whole(policy: FarePolicy, quote: Quote, tariff: Tariff, metered: Metered | None, times: Times) -> Bill:
    billed = _billed(policy, quote, metered)
    if billed is not Billed.METER or metered is None:
        return Bill(billed=billed, lines=quote.lines, customer_minor=quote.customer_minor, technician_minor=quote.technician_minor)
    priced = price(tariff, metered_trip(metered, quote, times))
    if policy.billing is Billing.CAPPED:
        return _capped(policy, quote, priced)
    return _promised(quote, priced)


def _billed(policy: FarePolicy, quote: Quote, metered: Metered | None) -> Billed:
    if policy.billing is Billing.QUOTED or quote.basis is Basis.SAME_PLACE:
        return Billed.QUOTE
    if metered is None or metered.fixes == 0:
        return Billed.QUOTE_NOT_METERED
    return Billed.QUOTE_METER_UNSURE if metered.grade is Grade.C else Billed.METER


def _capped(policy: FarePolicy, quote: Quote, priced: Priced) -> Bill:
    limit_minor = quote.customer_minor * policy.cap_bps // 10_000
    lines, billed = priced.lines, Billed.METER
    if priced.total_minor > limit_minor:
        numbers: dict[str, int | str] = {"metered_minor": priced.total_minor, "limit_minor": limit_minor}
        over = Line(code=LineCode.METER_CAPPED, part=Part.TRIP, amount_minor=limit_minor - priced.total_minor, numbers=numbers)
        lines, billed = (*lines, over), Billed.CAP
    technician_minor = min(priced.technician_minor, quote.technician_minor * policy.cap_bps // 10_000)
    return Bill(billed=billed, lines=lines, customer_minor=sum_minor(lines), technician_minor=technician_minor)


def _promised(quote: Quote, priced: Priced) -> Bill:
    lines = priced.lines
    # After a reassignment she pays no more than she had accepted, whatever the meter of the second technician says.
    if quote.customer_minor < quote.amount_minor and priced.total_minor > quote.customer_minor:
        held = Line(code=LineCode.PROMISE_KEPT, part=Part.TRIP, amount_minor=quote.customer_minor - priced.total_minor)
        lines = (*lines, held)
    return Bill(billed=Billed.METER, lines=lines, customer_minor=sum_minor(lines), technician_minor=priced.technician_minor)


def _with_clause(lines: tuple[Line, ...], clause: Clause) -> tuple[Line, ...]:
    total_minor = sum_minor(lines)
    due_minor = share_minor(total_minor, clause.share_bps)
    if due_minor != total_minor:
        numbers: dict[str, int | str] = {"bps": clause.share_bps}
        lines = (*lines, Line(code=LineCode.SHARE, part=Part.TRIP, amount_minor=due_minor - total_minor, numbers=numbers))
    if clause.fee_minor:
        lines = (*lines, Line(code=LineCode.FEE, part=Part.TRIP, amount_minor=clause.fee_minor))
    return lines


def _billed_trip(billed: Billed, quote: Quote, metered: Metered | None, times: Times) -> Trip:
    if metered is not None and billed in (Billed.METER, Billed.CAP):
        return metered_trip(metered, quote, times)
    return quoted_trip(quote)


def _technician_minor(clause: Clause, whole: Bill, quote: Quote, tariff: Tariff, trip: Trip) -> int:
    if clause.ways is Ways.NONE:
        return 0
    if clause.ways is Ways.AS_CHARGED or tariff.trip is not TripShape.ONE_WAY or quote.basis is Basis.SAME_PLACE:
        return whole.technician_minor
    there_and_back = msgspec.structs.replace(tariff, trip=TripShape.RETURN_PRICED)
    return max(whole.technician_minor, price(there_and_back, trip).technician_minor)
