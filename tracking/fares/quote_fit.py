"""Was this quote made for this visit's time and place? And what is to be asked, so that the answer is?

Called by `quote_flow` when a quote is accepted and when a visit is moved. A noon quote must not pay a midnight way, and an honest one must
not be refused over minutes that change no price: so a time that does not fit is judged by what the way costs at the visit's own.
"""

import msgspec

from core.clock import to_ms
from core.geo import distance_m
from tracking.fares.bill import quoted_trip
from tracking.fares.priced import LineCode
from tracking.fares.pricing import price, refusal
from tracking.fares.quote import Basis, Quote, QuoteRequest
from tracking.fares.tariff import Tariff
from visits.visit import Visit

ADDRESS_TOLERANCE_M = 200.0
"""A quote for a visit must lead to the visit's place; a geocoder's second answer for one address lies within this."""
FIT_MS = 1_800_000
"""Setting out and starting back are estimates: half an hour early or late is no other time. The appointment is exact."""
MINUTE_MS = 60_000


def leads_there(request: QuoteRequest, visit: Visit) -> bool:
    """Tell whether a quote leads to the visit's place."""
    return distance_m(request.end, visit.place.point) <= ADDRESS_TOLERANCE_M


def for_visit(request: QuoteRequest, visit: Visit, seconds: tuple[int, int], now_ms: int, *, slack_ms: int = FIT_MS) -> QuoteRequest:
    """Return the question as it is to be asked for a visit: what fits stays, what does not or was not named is the visit's own.

    `seconds`: median and p90 of the way. An equal of `request` where all of it fits. `slack_ms` 0 asks so that the answer fits, too, when
    the way is then thought to take up to half an hour less.
    """
    way_ms, slow_ms = seconds[0] * 1000, seconds[1] * 1000
    opens_ms, closes_ms = to_ms(visit.window_start), to_ms(visit.window_end)
    named_ms = request.appointment_ms
    appointment_ms = named_ms if named_ms is not None and opens_ms <= named_ms <= closes_ms else opens_ms
    # She who is late sets out after the window, and then the price of now is the right one.
    is_then = opens_ms - slow_ms - slack_ms <= request.depart_ms <= max(closes_ms, now_ms + slack_ms)
    depart_ms = request.depart_ms if is_then else max(now_ms, appointment_ms - way_ms)
    return msgspec.structs.replace(
        request,
        end=request.end if leads_there(request, visit) else visit.place.point,
        depart_ms=depart_ms,
        appointment_ms=appointment_ms,
        back_ms=_back_ms(request, visit, appointment_ms, depart_ms + way_ms, slack_ms),
    )


def says_the_same(quote: Quote, tariff: Tariff, asked: QuoteRequest) -> bool:
    """Tell whether the quote's own way, priced as `asked`, costs what the quote says, line by line, and is served then."""
    if refusal(tariff, asked.depart_ms, asked.back_ms) is not None:
        return False
    if quote.basis is Basis.SAME_PLACE:
        return True
    then = price(tariff, quoted_trip(msgspec.structs.replace(quote, request=asked)))
    said = tuple(line for line in quote.lines if line.code is not LineCode.PROMISE_KEPT)
    return (then.total_minor, then.technician_minor, then.lines) == (quote.amount_minor, quote.technician_minor, said)


def _back_ms(request: QuoteRequest, visit: Visit, appointment_ms: int, arrive_ms: int, slack_ms: int) -> int:
    planned_ms = (visit.planned_min + visit.extended_min) * MINUTE_MS
    first_ms = max(to_ms(visit.window_start), arrive_ms) + planned_ms - slack_ms
    last_ms = max(to_ms(visit.window_end), arrive_ms) + planned_ms + slack_ms
    named_ms = request.back_ms
    return named_ms if named_ms is not None and first_ms <= named_ms <= last_ms else max(appointment_ms, arrive_ms) + planned_ms
